//! The stores of a node, one per lane, as one.

use super::Store;
use crate::ids::ShardIndex;
use crate::limits::SHARD_COUNT;
use std::sync::Arc;

/// One store per lane. Each holds a contiguous run of shards; the first also holds the control plane.
#[derive(Debug)]
pub struct StoreSet<S> {
    first: Arc<S>,
    others: Vec<Arc<S>>,
}

impl<S> Clone for StoreSet<S> {
    fn clone(&self) -> StoreSet<S> {
        StoreSet { first: Arc::clone(&self.first), others: self.others.clone() }
    }
}

impl<S: Store> StoreSet<S> {
    /// The stores of lane 0 and of the lanes after it.
    pub fn new(first: Arc<S>, others: Vec<Arc<S>>) -> StoreSet<S> {
        StoreSet { first, others }
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        1 + self.others.len()
    }

    /// The lane that writes a shard.
    pub fn lane_of(&self, shard: ShardIndex) -> usize {
        lane_of(shard, self.lanes())
    }

    /// The store that holds a shard.
    pub fn store_of(&self, shard: ShardIndex) -> &Arc<S> {
        match self.lane_of(shard).checked_sub(1) {
            Some(other) => &self.others[other],
            None => &self.first,
        }
    }

    /// The store that holds the control plane.
    pub fn control(&self) -> &Arc<S> {
        &self.first
    }

    /// Every store, by lane.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<S>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Which of so many lanes a shard's items lie in: contiguous runs of shards, so that a lane is one range of the ring.
pub(crate) fn lane_of(shard: ShardIndex, lanes: usize) -> usize {
    shard.index() * lanes / SHARD_COUNT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Epoch;
    use crate::store::memory::MemoryStore;

    fn set(lanes: usize) -> StoreSet<MemoryStore> {
        let store = || Arc::new(MemoryStore::new(Epoch(1)));
        StoreSet::new(store(), (1..lanes).map(|_| store()).collect())
    }

    #[test]
    fn lanes_are_runs_of_shards_of_about_the_same_length() {
        for lanes in 1..=16 {
            let set = set(lanes);
            let of: Vec<_> = ShardIndex::all().map(|shard| set.lane_of(shard)).collect();
            assert!(of.is_sorted());
            for lane in 0..lanes {
                let shards = of.iter().filter(|&&other| other == lane).count();
                assert!(shards.abs_diff(SHARD_COUNT / lanes) <= 1, "{shards} in lane {lane} of {lanes}");
            }
        }
    }

    #[test]
    fn a_shard_is_in_the_store_of_its_lane() {
        let set = set(3);
        let stores: Vec<_> = set.iter().collect();
        for shard in ShardIndex::all() {
            assert!(Arc::ptr_eq(set.store_of(shard), stores[set.lane_of(shard)]));
        }
        assert!(Arc::ptr_eq(set.control(), stores[0]));
    }
}
