//! Nodes with memory stores and a memory network, all on one thread.

use actix::prelude::{Arbiter, System};
use rand::SeedableRng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::causality::{Context, Item, Value};
use troupe_actors::ids::{BucketId, ItemKey, NodeId, Partition, PartitionKey, ShardIndex, SortKey};
use troupe_actors::layout::{Layout, LayoutVersion, NodeRole, StagedRole};
use troupe_actors::replication::coordinator::CoordinateError;
use troupe_actors::replication::handle::{ReadError, Replicas};
use troupe_actors::replication::items::{Filter, ItemsReader, Progress};
use troupe_actors::replication::page::{PageBudget, PageLimits, Selection};
use troupe_actors::replication::pages::Listed;
use troupe_actors::replication::plan::Consistency;
use troupe_actors::shard::{ItemWrite, MergeServer, ShardLimits, Shards, WritePlan};
use troupe_actors::store::counters::PartitionCounters;
use troupe_actors::store::lane::LaneHandle;
use troupe_actors::store::lane::actor::LaneActor;
use troupe_actors::store::memory::MemoryStore;
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::{Epoch, Snapshot, Store};
use troupe_actors::transport::memory::MemoryNetwork;
use troupe_actors::transport::{Peers, Services, Subsystem};

pub(crate) const BUCKET: BucketId = BucketId([1; 32]);

/// Longer than anything here takes that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) shards: Shards<MemoryStore>,
    pub(crate) replicas: Replicas<MemoryStore>,
}

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) network: MemoryNetwork,
    pub(crate) layout: Layout,
}

/// Runs a story with three replicas, and a fourth node that is a gateway only.
pub(crate) fn with_cluster(story: impl AsyncFnOnce(Cluster)) {
    System::new().block_on(async {
        tokio::time::timeout(PATIENCE * 3, story(Cluster::start(4))).await.expect("the story ends");
    });
}

fn layout(storage: u8, nodes: u8) -> Layout {
    let role = |number| NodeRole {
        zone: format!("zone{number}"),
        capacity_bytes: (number < storage).then_some(1_000_000_000),
        tags: Vec::new(),
    };
    let roles: BTreeMap<NodeId, StagedRole> =
        (0..nodes).map(|number| (node_id(number), StagedRole::Assign(role(number)))).collect();
    Layout::new(Arc::new(LayoutVersion::empty().next(&roles, None, storage).expect("an assignment")))
}

fn node_id(number: u8) -> NodeId {
    NodeId([number + 1; 32])
}

impl Cluster {
    fn start(nodes: u8) -> Cluster {
        let (network, layout) = (MemoryNetwork::new(), layout(3, nodes));
        let nodes = (0..nodes).map(|number| Node::start(node_id(number), &network, &layout)).collect();
        Cluster { nodes, network, layout }
    }

    /// Has node `at` reach, and be reached by, nobody.
    pub(crate) fn sever(&self, at: usize) {
        for other in self.nodes.iter().filter(|other| other.id != self.nodes[at].id) {
            self.network.sever(self.nodes[at].id, other.id);
        }
    }

    pub(crate) fn heal(&self, at: usize) {
        for other in self.nodes.iter().filter(|other| other.id != self.nodes[at].id) {
            self.network.heal(self.nodes[at].id, other.id);
        }
    }

    /// Writes through node `at`.
    pub(crate) async fn write(
        &self,
        at: usize,
        sort_key: &str,
        context: Context,
        value: &str,
    ) -> Result<(), CoordinateError> {
        self.write_to(at, "pk", sort_key, context, Value::Bytes(value.as_bytes().to_vec().into())).await
    }

    pub(crate) async fn write_to(
        &self,
        at: usize,
        partition_key: &str,
        sort_key: &str,
        context: Context,
        value: Value<'static>,
    ) -> Result<(), CoordinateError> {
        let partition = partition(partition_key);
        let shard = partition.shard();
        let write = ItemWrite {
            partition,
            sort_key: SortKey::new(sort_key).expect("nothing fails here"),
            context,
            value,
        };
        self.nodes[at].replicas.write(&self.layout, shard, Arc::new(vec![write])).await
    }

    /// Writes at one replica, behind the back of the others.
    pub(crate) async fn write_only_at(&self, at: usize, sort_key: &str, context: Context, value: &str) {
        let (partition, node) = (partition("pk"), &self.nodes[at]);
        let shard = partition.shard();
        let value = Value::Bytes(value.as_bytes().to_vec().into());
        let write = ItemWrite {
            partition,
            sort_key: SortKey::new(sort_key).expect("nothing fails here"),
            context,
            value,
        };
        node.shards
            .write(shard, Arc::new(vec![write]), WritePlan::sole_replica(node.id))
            .await
            .expect("nothing fails here");
    }

    /// Reads an item through node `at`.
    pub(crate) async fn item(&self, at: usize, sort_key: &str) -> Result<Item<'static>, ReadError> {
        let sort_key = SortKey::new(sort_key).expect("nothing fails here");
        self.nodes[at].replicas.item(&self.layout, &partition("pk"), &sort_key).await
    }

    /// The values of an item as node `at` shows it.
    pub(crate) async fn values(&self, at: usize, sort_key: &str) -> Result<Vec<String>, ReadError> {
        Ok(texts(&self.item(at, sort_key).await?))
    }

    /// What one replica holds of an item.
    pub(crate) fn held(&self, at: usize, sort_key: &str) -> Vec<String> {
        let key = ItemKey {
            partition: partition("pk").hash,
            sort_key: SortKey::new(sort_key).expect("nothing fails here"),
        };
        let store = self.nodes[at].shards.store(key.partition.shard());
        texts(
            &store
                .snapshot()
                .expect("nothing fails here")
                .item(&key)
                .expect("nothing fails here")
                .unwrap_or_default(),
        )
    }

    /// Reads a range through node `at`, a few items at a time.
    pub(crate) async fn range(
        &self,
        at: usize,
        range: KeyRange,
    ) -> Result<Vec<(String, Vec<String>)>, ReadError> {
        let limits = PageLimits { items_max: 3, ..PageLimits::default() };
        let filter = Filter { with_tombstones: false, ..Filter::default() };
        let mut reader = ItemsReader::new(Selection::Range(range), filter, None);
        let mut shown = Vec::new();
        loop {
            let mut budget = PageBudget::new(limits);
            let Some(ask) = reader.ask(&budget) else { return Ok(shown) };
            let replicas = &self.nodes[at].replicas;
            let page = replicas.page(&self.layout, &partition("pk"), ask, limits).await?;
            let progress = reader.step(page, &mut budget, &mut |key, item| {
                shown.push((key.to_owned(), texts(item)));
            });
            if progress != Progress::More {
                return Ok(shown);
            }
        }
    }

    /// Reads the index through node `at`.
    pub(crate) async fn index(&self, at: usize) -> Result<Vec<(String, PartitionCounters)>, ReadError> {
        let mut pages = self.nodes[at].replicas.index(self.layout.clone(), BUCKET, KeyRange::all(), None);
        let mut listed = Vec::new();
        loop {
            match pages.next().await? {
                Listed::Partition(key, counters) => listed.push((key, counters)),
                Listed::End(_) => return Ok(listed),
            }
        }
    }
}

impl Node {
    fn start(id: NodeId, network: &MemoryNetwork, layout: &Layout) -> Node {
        let store = Arc::new(MemoryStore::new(Epoch(u64::from(id.0[0]))));
        let on_broken = Box::new(|failure: &_| panic!("{failure}"));
        let lane = LaneActor::start_on(&Arbiter::current(), Arc::clone(&store), on_broken);
        let lanes = [(store, LaneHandle::new(lane.recipient()))];
        let mut rng = rand::rngs::StdRng::seed_from_u64(u64::from(id.0[0]));
        let peers: Peers = network.node(id);
        let shards =
            Shards::start(id, &peers, ShardLimits::default(), &mut rng, &lanes, &[Arbiter::current()])
                .expect("nothing fails here");
        let (layouts, holds) = (layout.clone(), layout.clone());
        let layouts = Arc::new(move || layouts.clone());
        let holds = Arc::new(move |shard: ShardIndex| holds.holders(shard).contains(&id));
        let (replicas, service) = Replicas::new(id, shards.clone(), peers, layouts, Consistency::Consistent);
        let services = Services::default()
            .with(Subsystem::Merge, Arc::new(MergeServer::new(shards.clone(), holds)))
            .with(Subsystem::Replication, Arc::new(service));
        network.start(id, 1, services);
        Node { id, shards, replicas }
    }
}

pub(crate) fn partition(key: &str) -> Partition {
    Partition::new(BUCKET, PartitionKey::new(key).expect("nothing fails here"))
}

pub(crate) fn texts(item: &Item<'_>) -> Vec<String> {
    let values = item.values().into_iter();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("nothing fails here");
    let mut texts: Vec<_> = values.map(|value| value.bytes().map_or("(deleted)".to_owned(), text)).collect();
    texts.sort();
    texts
}
