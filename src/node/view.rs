//! What the admin API sees of a running node.

use crate::admin::{BucketUsage, Gauge, NodeView};
use std::ops::ControlFlow;
use troupe_actors::ids::BucketId;
use troupe_actors::shard::Shards;
use troupe_actors::store::lmdb::{LmdbStore, StoreStats};
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::set::StoreSet;
use troupe_actors::store::{Snapshot, Store, StoreError};

/// A node's stores and shards.
pub(super) struct StoreView {
    pub(super) stores: StoreSet<LmdbStore>,
    pub(super) shards: Shards<LmdbStore>,
}

impl NodeView for StoreView {
    /// Exact as of each store's last commit: counters change in the transaction of the item.
    fn bucket_usage(&self, bucket: BucketId) -> Result<BucketUsage, StoreError> {
        let mut usage = BucketUsage::default();
        for store in self.stores.iter() {
            store.snapshot()?.scan_partitions(bucket, &KeyRange::all(), &mut |_, counters| {
                usage.partitions += u64::from(counters.entries > 0);
                usage.entries += counters.entries;
                usage.bytes += counters.bytes;
                ControlFlow::Continue(())
            })?;
        }
        Ok(usage)
    }

    fn gauges(&self) -> Vec<Gauge> {
        let mut gauges = vec![
            Gauge {
                name: "pollers",
                help: "Polls that wait for a change.",
                value: self.shards.poller_count() as f64,
            },
            Gauge {
                name: "lanes",
                help: "LMDB environments, each with a writer.",
                value: self.stores.lanes() as f64,
            },
        ];
        // A store that cannot be read has no numbers; what reads items says so.
        let stats: Result<Vec<_>, _> = self.stores.iter().map(|store| store.stats()).collect();
        let Ok(stats) = stats else { return gauges };
        let mut sum = |name, help, of: fn(&StoreStats) -> u64| {
            gauges.push(Gauge { name, help, value: stats.iter().map(of).sum::<u64>() as f64 });
        };
        sum("items", "Items, tombstones included.", |store| store.items);
        sum("partitions", "Partitions that hold a value.", |store| store.partitions);
        sum("store_used_bytes", "Bytes of the store that hold something.", |store| store.used_bytes);
        sum("store_map_bytes", "What the store may grow to: lmdb_map_size.", |store| store.map_bytes);
        gauges
    }
}
