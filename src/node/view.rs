//! What the admin API sees of a running node.

use super::memory::Watched;
use super::rpc::Peering;
use super::variables::Variables;
use super::{entropy, metrics, operator, peers, workers};
use crate::admin::model::WorkerInfoResp;
use crate::admin::{BucketUsage, Gauge, LocalAnswer, LocalCall, NodeView, Peer, UsageError, VariableError};
use crate::metrics::{CallMetrics, CountedPeers, Exposition};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use troupe_actors::antientropy::Entropy;
use troupe_actors::control::Control;
use troupe_actors::ids::{BucketId, NodeId, ShardIndex};
use troupe_actors::membership::Membership;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::replication::pages::Listed;
use troupe_actors::shard::Shards;
use troupe_actors::store::counters::PartitionCounters;
use troupe_actors::store::journalled::{NodeStats, NodeStore};
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::set::StoreSet;
use troupe_actors::store::{Snapshot, Store, StoreError};
use troupe_actors::transport::{Carry, PeerAddr};

fn own_usage(stores: &StoreSet<NodeStore>, bucket: BucketId) -> Result<BucketUsage, StoreError> {
    let mut usage = BucketUsage::default();
    for store in stores.iter() {
        store.snapshot()?.scan_partitions(bucket, &KeyRange::all(), &mut |_, state| {
            add(&mut usage, state.counters);
            ControlFlow::Continue(())
        })?;
    }
    Ok(usage)
}

fn add(usage: &mut BucketUsage, counters: PartitionCounters) {
    usage.partitions += u64::from(counters.entries > 0);
    usage.entries += counters.entries;
    usage.bytes += counters.bytes;
}

/// A node's stores and shards.
pub(super) struct StoreView {
    pub(super) stores: StoreSet<NodeStore>,
    pub(super) shards: Shards<NodeStore>,
    pub(super) replicas: Replicas<NodeStore>,
    pub(super) control: Control,
    pub(super) peering: Peering,
    pub(super) membership: Membership,
    pub(super) memory: Watched,
    pub(super) entropy: Entropy,
    pub(super) variables: Variables,
    /// Set when the stop begins.
    pub(super) is_leaving: Arc<AtomicBool>,
    /// Requests of clients.
    pub(super) calls: Arc<CallMetrics>,
    /// Requests to other nodes.
    pub(super) rpc: Arc<CountedPeers>,
}

impl NodeView for StoreView {
    /// Exact as of each store's last commit: counters change in the transaction of the item.
    fn bucket_usage(&self, bucket: BucketId) -> LocalBoxFuture<'static, Result<BucketUsage, UsageError>> {
        let (replicas, layout) = (self.replicas.clone(), self.control.snapshot().layout.clone());
        if !layout.is_assigned() || ShardIndex::all().all(|shard| replicas.is_sole(&layout, shard)) {
            let stores = self.stores.clone();
            // It reads as much as there is: off the HTTP workers.
            let scan = tokio::task::spawn_blocking(move || own_usage(&stores, bucket));
            return async move { scan.await.map_or(Err(UsageError::Stopping), |usage| Ok(usage?)) }
                .boxed_local();
        }
        let mut pages = replicas.index(layout, bucket, KeyRange::all(), None);
        let sum = async move {
            let mut usage = BucketUsage::default();
            while let Listed::Partition(_, counters) = pages.next().await? {
                add(&mut usage, counters);
            }
            Ok(usage)
        };
        sum.boxed_local()
    }

    fn gauges(&self) -> Vec<Gauge> {
        let mut gauges = vec![
            Gauge {
                name: "pollers",
                help: "Polls that wait for a change.",
                value: self.shards.poller_count() as f64,
            },
            Gauge { name: "lanes", help: "Stores, each with a writer.", value: self.stores.lanes() as f64 },
        ];
        // A store that cannot be read has no numbers; what reads items says so.
        let stats: Result<Vec<_>, _> = self.stores.iter().map(|store| store.stats()).collect();
        let Ok(stats) = stats else { return gauges };
        let mut sum = |name, help, of: fn(&NodeStats) -> u64| {
            gauges.push(Gauge { name, help, value: stats.iter().map(of).sum::<u64>() as f64 });
        };
        sum("items", "Items, tombstones included.", |store| store.tree.items);
        sum("partitions", "Partitions that hold a value.", |store| store.tree.partitions);
        sum("store_used_bytes", "Bytes of the store that hold something.", |store| store.tree.used_bytes);
        sum("store_map_bytes", "What the store may grow to: lmdb_map_size.", |store| store.tree.map_bytes);
        sum("journal_bytes", "Bytes of the journal that the tree may lack.", |s| s.journal.journal_bytes);
        sum("journal_max_bytes", "What the journal holds at most.", |s| s.journal.journal_bytes_max);
        sum("memtable_bytes", "Memory of rows that the tree may lack.", |s| s.journal.memtable_bytes);
        sum("checkpoint_lag_groups", "Groups that the tree lacks.", |s| s.journal.lag_groups);
        let mut longest = |name, help, of: fn(&NodeStats) -> Duration| {
            let value = stats.iter().map(of).max().unwrap_or_default().as_secs_f64();
            gauges.push(Gauge { name, help, value });
        };
        longest("checkpoint_seconds", "How long the last checkpoint took.", |s| s.journal.last_checkpoint);
        longest("checkpoint_lag_seconds", "Age of what the tree lacks.", |s| s.journal.lag);
        self.peering.gauges(&mut gauges);
        entropy::add_gauges(&self.entropy, &mut gauges);
        gauges
    }

    fn write_metrics(&self, out: &mut Exposition) {
        self.calls.write(out);
        self.rpc.write(out);
        metrics::write(self, out);
    }

    fn peers(&self) -> BTreeMap<NodeId, Peer> {
        peers::seen(&self.peering.tcp.links(), &self.membership)
    }

    fn memory_warning(&self) -> Option<String> {
        self.memory.warning()
    }

    fn accept_data_loss(&self) -> BoxFuture<'static, ()> {
        let memory = self.memory.clone();
        async move { memory.incarnation.trust().await }.boxed()
    }

    fn not_serving(&self) -> Option<&'static str> {
        if self.is_leaving.load(Ordering::Relaxed) {
            Some("the node is stopping")
        } else if !self.control.serves() {
            Some("the node has not heard of a majority of the nodes with a role for too long, or never yet")
        } else {
            None
        }
    }

    fn workers(&self) -> Vec<WorkerInfoResp> {
        workers::list(self)
    }

    fn variables(&self) -> BTreeMap<&'static str, String> {
        self.variables.all()
    }

    fn set_variable(&self, name: &str, value: &str) -> Result<String, VariableError> {
        self.variables.set(name, value)
    }

    fn ask(&self, node: NodeId, call: LocalCall) -> BoxFuture<'static, LocalAnswer> {
        operator::ask(&*self.peering.tcp, node, &call)
    }

    fn connect(&self, peer: PeerAddr) -> BoxFuture<'static, Result<NodeId, String>> {
        self.peering.clone().connect(peer).boxed()
    }
}
