//! The stores of a node, one per lane, as one.

use super::counters::PartitionCounters;
use super::range::KeyRange;
use super::{Snapshot, Store, StoreError};
use crate::ids::{BucketId, ShardIndex};
use crate::limits::SHARD_COUNT;
use std::ops::ControlFlow;
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
        shard.index() * self.lanes() / SHARD_COUNT
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

    /// The first `count` partitions of a bucket in `range`, in its direction, from all lanes. Fewer only if there are
    /// no more; go on with [`KeyRange::after`] the last one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn partitions_page(
        &self,
        bucket: BucketId,
        range: &KeyRange,
        count: usize,
    ) -> Result<Vec<(String, PartitionCounters)>, StoreError> {
        let mut page = Vec::new();
        if count == 0 {
            return Ok(page);
        }
        for store in self.iter() {
            let mut left = count;
            store.snapshot()?.scan_partitions(bucket, range, &mut |key, counters| {
                page.push((key.to_owned(), counters));
                left -= 1;
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        // A partition lies in one lane, so that no key is there twice.
        if range.descending {
            page.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        } else {
            page.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        }
        page.truncate(count);
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Context, Dot, Item, Value};
    use crate::ids::{ActorId, Partition, PartitionKey, SortKey};
    use crate::store::counters::CountersDelta;
    use crate::store::memory::MemoryStore;
    use crate::store::{Epoch, Write};

    const BUCKET: BucketId = BucketId([3; 32]);

    fn set(lanes: usize) -> StoreSet<MemoryStore> {
        let store = || Arc::new(MemoryStore::new(Epoch(1)));
        StoreSet::new(store(), (1..lanes).map(|_| store()).collect())
    }

    fn put(set: &StoreSet<MemoryStore>, name: &str) {
        let partition = Partition::new(BUCKET, PartitionKey::new(name).unwrap());
        let mut item = Item::empty();
        let value = Value::Bytes(name.as_bytes().into());
        item.write(Dot { actor: ActorId(1), time: 1 }, &Context::empty(), value);
        let delta = CountersDelta::between(&Item::empty(), &item);
        let store = set.store_of(partition.shard());
        let sort_key = SortKey::new("s").unwrap();
        let write = Write::PutItem { partition, sort_key, item: item.encode(), delta };
        store.commit(&mut std::iter::once(&write)).unwrap();
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
    fn pages_of_all_lanes_together_list_every_partition_once_in_order() {
        for (lanes, descending) in [(1, false), (2, false), (3, true)] {
            let set = set(lanes);
            let mut names: Vec<_> = (0..50).map(|number| format!("p{number:02}")).collect();
            names.iter().for_each(|name| put(&set, name));
            if descending {
                names.reverse();
            }
            let mut range = KeyRange { descending, ..KeyRange::prefix("p") };
            let mut listed = Vec::new();
            loop {
                let page = set.partitions_page(BUCKET, &range, 7).unwrap();
                listed.extend(page.iter().map(|(name, _)| name.clone()));
                let Some((last, _)) = page.get(6) else { break };
                range = range.after(last);
            }
            assert_eq!(listed, names);
        }
    }

    #[test]
    fn an_empty_page_was_asked_for_and_is_given() {
        let set = set(2);
        put(&set, "p");
        assert_eq!(set.partitions_page(BUCKET, &KeyRange::all(), 0), Ok(Vec::new()));
    }
}
