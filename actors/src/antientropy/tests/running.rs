//! Anti-entropy as running actors: real shards, lanes and stores, and links in memory.

use super::world::id;
use crate::antientropy::actor::EntropyParts;
use crate::antientropy::{Entropy, PeerProgress, Rate, inbox};
use crate::causality::{Context, Value};
use crate::ids::{BucketId, ItemKey, NodeId, Partition, PartitionKey, ShardIndex, SortKey};
use crate::layout::{Layout, LayoutParameters, LayoutVersion, NodeRole, StagedRole, ZoneRedundancy};
use crate::limits::SHARD_COUNT;
use crate::shard::{ItemWrite, MergeServer, ShardLimits, Shards, WritePlan};
use crate::store::lane::LaneHandle;
use crate::store::lane::actor::LaneActor;
use crate::store::memory::MemoryStore;
use crate::store::{Epoch, ShardState, Snapshot, Store};
use crate::transport::memory::MemoryNetwork;
use crate::transport::{Peers, Services, Subsystem};
use actix::prelude::{Arbiter, System};
use rand::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};
use std::time::Duration;

const NODES: usize = 3;

const ITEMS: usize = 300;

/// Longer than any of it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    shards: Shards<MemoryStore>,
    store: Arc<MemoryStore>,
    entropy: Entropy,
}

/// Where the nodes look up who holds what.
type Shared = Arc<RwLock<Layout>>;

/// `nodes` hold every shard.
fn version(nodes: &[usize], before: &LayoutVersion) -> LayoutVersion {
    let role = || {
        StagedRole::Assign(NodeRole { zone: "a".to_owned(), capacity_bytes: Some(1 << 40), tags: Vec::new() })
    };
    let mut roles: BTreeMap<NodeId, StagedRole> =
        before.roles.keys().map(|node| (*node, StagedRole::Remove)).collect();
    roles.extend(nodes.iter().map(|node| (id(*node), role())));
    let parameters = LayoutParameters { zone_redundancy: ZoneRedundancy::AtLeast(1) };
    before.next(&roles, Some(parameters), u8::try_from(nodes.len()).unwrap()).unwrap()
}

fn start(network: &MemoryNetwork, node: usize, layout: &Shared) -> Running {
    let peers: Peers = network.node(id(node));
    let here = Arbiter::current();
    let store = Arc::new(MemoryStore::new(Epoch(node as u64 + 1)));
    let lane = LaneActor::start_on(&here, Arc::clone(&store), Box::new(|_| ()));
    let lane = LaneHandle::new(lane.recipient());
    let mut rng = rand::rngs::StdRng::seed_from_u64(node as u64);
    let lanes = [(Arc::clone(&store), lane)];
    let limits = ShardLimits::default();
    let shards =
        Shards::start(id(node), &peers, limits, &mut rng, &lanes, std::slice::from_ref(&here)).unwrap();
    let holders = Arc::clone(layout);
    let holds = Arc::new(move |shard| holders.read().unwrap().is_holder(id(node), shard));
    let (service, waiting) = inbox();
    let services = Services::default()
        .with(Subsystem::Merge, Arc::new(MergeServer::new(shards.clone(), holds)))
        .with(Subsystem::AntiEntropy, Arc::new(service));
    network.start(id(node), 1, services);
    let layout = Arc::clone(layout);
    let layout = Arc::new(move || layout.read().unwrap().clone());
    let parts = EntropyParts {
        node: id(node),
        boot: node as u64,
        shards: shards.clone(),
        peers,
        layout,
        answered: Arc::new(BTreeSet::new),
        on_synced: Arc::new(|_, _| ()),
    };
    let entropy = Entropy::start(waiting, parts, &here).unwrap();
    Running { shards, store, entropy }
}

fn write(number: usize) -> ItemWrite {
    let key = PartitionKey::new(&format!("partition {}", number / 4)).unwrap();
    ItemWrite {
        partition: Partition::new(BucketId([1; 32]), key),
        sort_key: SortKey::new(&format!("item {number}")).unwrap(),
        context: Context::empty(),
        value: Value::Bytes(b"value".to_vec().into()),
    }
}

async fn write_all(node: &Running, plan: &WritePlan) {
    for number in 0..ITEMS {
        let write = write(number);
        let shard = write.partition.shard();
        node.shards.write(shard, Arc::new(vec![write]), plan.clone()).await.unwrap();
    }
}

/// Looks again and again, as what happens is spread over several nodes.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "{what}");
}

fn are_equal(a: &Running, b: &Running) -> bool {
    ShardIndex::all().all(|shard| a.store.digests().shard(shard) == b.store.digests().shard(shard))
}

fn holds(node: &Running, write: &ItemWrite) -> bool {
    let key: ItemKey = write.key();
    node.store.snapshot().unwrap().item(&key).unwrap().is_some()
}

#[test]
fn a_node_that_was_cut_off_while_others_wrote_catches_up() {
    System::new().block_on(async {
        let network = MemoryNetwork::new();
        let version = Arc::new(version(&[0, 1, 2], &LayoutVersion::empty()));
        let layout: Shared = Arc::new(RwLock::new(Layout::new(version)));
        let nodes: Vec<Running> = (0..NODES).map(|node| start(&network, node, &layout)).collect();
        network.cut(id(0), id(2));
        network.cut(id(1), id(2));
        let plan = WritePlan::majority_of(&[id(0), id(1), id(2)]);
        write_all(&nodes[0], &plan).await;
        assert!(!holds(&nodes[2], &write(0)));
        let slow = Rate { bytes_per_s: 1, items_per_s: 1 };
        nodes.iter().for_each(|node| node.entropy.set_rate(slow));
        network.heal(id(0), id(2));
        network.heal(id(1), id(2));
        until("the rate is not kept", || {
            nodes.iter().any(|node| node.entropy.progress().throttled_ms > 1000)
        })
        .await;
        assert!(!are_equal(&nodes[0], &nodes[2]));
        nodes.iter().for_each(|node| node.entropy.set_rate(Rate::default()));
        until("the node does not catch up", || are_equal(&nodes[0], &nodes[2])).await;
        until("the progress does not show that everything is compared", || {
            let progress = nodes[2].entropy.progress();
            let is_done =
                |peer: &PeerProgress| peer.is_up && peer.equal == SHARD_COUNT && peer.differing == 0;
            progress.peers.len() == 2 && progress.peers.values().all(is_done)
        })
        .await;
        assert!((0..ITEMS).all(|number| holds(&nodes[2], &write(number))));
        until("nobody repaired anything", || {
            nodes.iter().map(|node| node.entropy.progress().items).sum::<u64>() >= ITEMS as u64
        })
        .await;
    });
}

#[test]
fn a_shard_that_the_layout_takes_away_is_removed_whole_and_begins_anew() {
    System::new().block_on(async {
        let network = MemoryNetwork::new();
        let first = version(&[0, 1], &LayoutVersion::empty());
        let second = Arc::new(version(&[1, 2], &first));
        let layout: Shared = Arc::new(RwLock::new(Layout::new(Arc::new(first))));
        let nodes: Vec<Running> = (0..NODES).map(|node| start(&network, node, &layout)).collect();
        write_all(&nodes[0], &WritePlan::majority_of(&[id(0), id(1)])).await;
        let shard = write(0).partition.shard();
        let minting = nodes[0].shards.view(shard).unwrap().actor;
        *layout.write().unwrap() = Layout::new(second);
        until("the shard's row is left", || !holds(&nodes[0], &write(0))).await;
        until("the shard does not begin anew", || {
            let meta = nodes[0].store.snapshot().unwrap().shard_meta(shard).unwrap();
            meta.is_some_and(|meta| meta.clock == Context::empty() && meta.state == ShardState::Receiving)
        })
        .await;
        assert_ne!(nodes[0].shards.view(shard).unwrap().actor, minting);
        assert!((0..ITEMS).all(|number| holds(&nodes[1], &write(number))), "the other replica keeps it");
    });
}
