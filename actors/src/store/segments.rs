//! Segments: slices of a shard that replicas compare at a time, and their digests.

use super::StoreError;
use super::group::Group;
use super::keys::{names, partitions};
use super::rows::{Keyspace, RowView};
use crate::ids::{PartitionHash, ShardIndex};
use crate::limits::SHARD_SEGMENTS;
use crate::mutation::{Mutation, is_on};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One of the [`SHARD_SEGMENTS`] slices of a shard: the partitions whose hashes share the eight bits after the shard's.
/// It is one contiguous run of rows of items and of names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Segment {
    /// Which shard.
    pub shard: ShardIndex,
    /// Which of its slices, in the order of hashes.
    pub index: u8,
}

impl Segment {
    /// The segment that a partition lies in.
    pub fn of(partition: PartitionHash) -> Segment {
        let [_, second, third, ..] = partition.0;
        Segment { shard: partition.shard(), index: (second & 0x3f) << 2 | third >> 6 }
    }

    /// The segments of a shard, in order.
    pub fn all_of(shard: ShardIndex) -> impl Iterator<Item = Segment> {
        (0..=u8::MAX).map(move |index| Segment { shard, index })
    }

    /// The smallest hash in it.
    pub fn first(self) -> PartitionHash {
        let shard = (self.shard.index() as u16) << 6 | u16::from(self.index >> 2);
        let [first, second] = shard.to_be_bytes();
        let mut hash = [0; 16];
        (hash[0], hash[1], hash[2]) = (first, second, self.index << 6);
        PartitionHash(hash)
    }

    /// The smallest hash behind it; `None` behind the last segment of the ring.
    pub fn end(self) -> Option<PartitionHash> {
        match self.index.checked_add(1) {
            Some(index) => Some(Segment { index, ..self }.first()),
            None => {
                let shard = ShardIndex::new(self.shard.index() + 1)?;
                Some(Segment { shard, index: 0 }.first())
            }
        }
    }

    /// The upper bound of its rows, in keyspaces whose keys begin with the hash.
    pub(super) fn high(self) -> Bound<Vec<u8>> {
        self.end().map_or(Bound::Unbounded, |end| Bound::Excluded(end.0.to_vec()))
    }
}

type ShardDigests = Box<[u64; SHARD_SEGMENTS]>;

/// The digests of all segments of a store, as of its last commit. Any thread may read them: they are a little behind or
/// ahead of a snapshot.
#[derive(Debug, Default)]
pub struct SegmentDigests {
    /// Of shards that hold anything.
    shards: RwLock<BTreeMap<ShardIndex, ShardDigests>>,
}

impl SegmentDigests {
    /// The XOR of the digests of a segment's items.
    pub fn segment(&self, segment: Segment) -> u64 {
        self.read().get(&segment.shard).map_or(0, |shard| shard[usize::from(segment.index)])
    }

    /// The digests of a shard's segments, in order.
    pub fn segments(&self, shard: ShardIndex) -> [u64; SHARD_SEGMENTS] {
        self.read().get(&shard).map_or([0; SHARD_SEGMENTS], |segments| **segments)
    }

    /// The XOR of the digests of a shard's items.
    pub fn shard(&self, shard: ShardIndex) -> u64 {
        self.read().get(&shard).map_or(0, |segments| segments.iter().fold(0, |sum, digest| sum ^ digest))
    }

    /// Reads all of them from the rows of partitions and of names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn rebuild(&self, view: &impl RowView) -> Result<(), StoreError> {
        let mut shards = BTreeMap::new();
        let everything = || (Bound::Unbounded, Bound::Unbounded);
        // A listed partition keeps its digest in its own row, whose key tells its place.
        for row in view.range(Keyspace::Partitions, everything(), false)? {
            let (key, row) = row?;
            let (hash, state) = partitions::hash_of(key)
                .zip(partitions::decode(row))
                .ok_or_else(|| StoreError::corrupt(partitions::NAME, key))?;
            change(&mut shards, hash, state.digest);
        }
        for row in view.range(Keyspace::Names, everything(), false)? {
            let (key, row) = row?;
            let (hash, digest) = names::hash_of(key)
                .zip(names::unlisted_digest(row))
                .ok_or_else(|| StoreError::corrupt(names::NAME, key))?;
            change(&mut shards, hash, digest);
        }
        *self.write() = shards;
        Ok(())
    }

    /// Takes over what a group changed, after its commit.
    pub(super) fn committed(&self, group: &Group<'_>) {
        if group.partitions.is_empty() || is_on(Mutation::DigestsBehindTheCommits) {
            return;
        }
        let mut shards = self.write();
        for (partition, delta) in &group.partitions {
            change(&mut shards, partition.hash, delta.digest);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<ShardIndex, ShardDigests>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<ShardIndex, ShardDigests>> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn change(shards: &mut BTreeMap<ShardIndex, ShardDigests>, partition: PartitionHash, digest: u64) {
    let Segment { shard, index } = Segment::of(partition);
    let segments = shards.entry(shard).or_insert_with(|| Box::new([0; SHARD_SEGMENTS]));
    segments[usize::from(index)] ^= digest;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn segments_cover_the_ring_in_order_and_without_gaps() {
        let segments: Vec<_> = ShardIndex::all().flat_map(Segment::all_of).collect();
        assert_eq!(segments[0].first(), PartitionHash([0; 16]));
        assert!(segments.windows(2).all(|pair| pair[0].end() == Some(pair[1].first())));
        assert_eq!(segments.last().unwrap().end(), None);
    }

    proptest! {
        #[test]
        fn a_partition_lies_between_the_bounds_of_its_segment(hash: [u8; 16]) {
            let (hash, segment) = (PartitionHash(hash), Segment::of(PartitionHash(hash)));
            prop_assert_eq!(segment.shard, hash.shard());
            prop_assert!(segment.first() <= hash && segment.end().is_none_or(|end| hash < end));
        }
    }
}
