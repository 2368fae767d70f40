//! Which of the batches that wait go into the next transaction.
//!
//! The oldest, however large it is, so that each has its turn; then the smallest, up to [`GROUP_BYTES_MAX`], so that a
//! small write does not wait for all the large ones that came before it. Batches of one owner keep their order: a batch is
//! looked at once those before it are taken.

use super::Owner;
use super::batch::Batch;
use crate::limits::{GROUP_BATCHES_MAX, GROUP_BYTES_MAX};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Batches in the order of arrival.
#[derive(Debug)]
pub(super) struct Queue<B>(VecDeque<Batch<B>>);

impl<B> Default for Queue<B> {
    fn default() -> Queue<B> {
        Queue(VecDeque::new())
    }
}

impl<B> Queue<B> {
    pub(super) fn push(&mut self, batch: Batch<B>) {
        self.0.push_back(batch);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next group out, in the order of arrival; empty if nothing waits.
    pub(super) fn take_group(&mut self) -> Vec<Batch<B>> {
        if self.fits_whole() {
            return std::mem::take(&mut self.0).into();
        }
        let chosen = self.choose();
        let mut group = Vec::with_capacity(chosen.len());
        let mut rest = VecDeque::with_capacity(self.0.len() - chosen.len());
        for (at, batch) in std::mem::take(&mut self.0).into_iter().enumerate() {
            if chosen.contains(&at) { group.push(batch) } else { rest.push_back(batch) }
        }
        self.0 = rest;
        group
    }

    fn fits_whole(&self) -> bool {
        let bytes = self.0.iter().skip(1).map(|batch| batch.bytes).fold(0, usize::saturating_add);
        self.0.len() <= GROUP_BATCHES_MAX && bytes <= GROUP_BYTES_MAX
    }

    /// The places of the group's batches.
    fn choose(&self) -> BTreeSet<usize> {
        let mut of_owner: BTreeMap<Owner, VecDeque<usize>> = BTreeMap::new();
        for (at, batch) in self.0.iter().enumerate() {
            of_owner.entry(batch.owner).or_default().push_back(at);
        }
        // The next batch of each owner, by its size.
        let mut heads = BTreeSet::new();
        let mut chosen = BTreeSet::new();
        for places in of_owner.values_mut() {
            // The oldest of all is the first of its owner.
            let oldest = places.pop_front_if(|at| *at == 0);
            chosen.extend(oldest);
            heads.extend(places.pop_front().map(|at| (self.0[at].bytes, at)));
        }
        let mut bytes = 0_usize;
        while let Some((of_batch, at)) = heads.pop_first() {
            bytes = bytes.saturating_add(of_batch);
            if chosen.len() == GROUP_BATCHES_MAX || bytes > GROUP_BYTES_MAX {
                break;
            }
            chosen.insert(at);
            let next = of_owner.get_mut(&self.0[at].owner).and_then(VecDeque::pop_front);
            heads.extend(next.map(|at| (self.0[at].bytes, at)));
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ShardIndex;
    use crate::store::lane::Fence;

    fn batch(order: u64, shard: usize, bytes: usize) -> Batch<()> {
        let owner = Owner::Shard(ShardIndex::new(shard).unwrap());
        Batch { owner, fence: Fence::first(0), order, grows: true, bytes, payload: () }
    }

    /// The groups that are made of batches of these shards and sizes, by place.
    fn check(batches: &[(usize, usize)], groups: &[&[u64]]) {
        let mut queue = Queue::default();
        for (order, &(shard, bytes)) in (0..).zip(batches) {
            queue.push(batch(order, shard, bytes));
        }
        for group in groups {
            let taken: Vec<_> = queue.take_group().iter().map(|batch| batch.order).collect();
            assert_eq!(taken, *group, "of {groups:?}");
        }
        assert!(queue.is_empty() && queue.take_group().is_empty());
    }

    const LARGE: usize = GROUP_BYTES_MAX;

    #[test]
    fn what_fits_is_one_group() {
        check(&[(1, 10), (2, 20), (1, 30)], &[&[0, 1, 2]]);
        check(&[(1, 10 * LARGE), (2, LARGE)], &[&[0, 1]]);
    }

    #[test]
    fn small_batches_overtake_large_ones_of_other_shards() {
        check(&[(1, LARGE), (2, LARGE), (3, LARGE), (4, 1), (5, 2)], &[&[0, 3, 4], &[1, 2]]);
    }

    #[test]
    fn batches_of_one_shard_keep_their_order() {
        check(&[(1, LARGE), (2, LARGE), (2, 1), (3, LARGE), (3, 1)], &[&[0, 1], &[2, 3], &[4]]);
        check(&[(1, LARGE), (1, 1), (2, LARGE), (2, 1)], &[&[0, 1], &[2, 3]]);
    }

    #[test]
    fn the_oldest_batch_is_always_taken_however_many_small_ones_come() {
        let mut queue = Queue::default();
        queue.push(batch(0, 1, 1));
        queue.push(batch(1, 2, LARGE));
        for round in 0..3_u64 {
            for n in 0..2 * GROUP_BATCHES_MAX {
                queue.push(batch(10_000 * (round + 1) + n as u64, 3 + n % 500, 1));
            }
            let group = queue.take_group();
            assert_eq!(group.len(), GROUP_BATCHES_MAX);
            assert!(group.is_sorted_by_key(|batch| batch.order));
            assert_eq!(group.iter().any(|batch| batch.bytes == LARGE), round == 1, "in its turn");
        }
    }
}
