//! The writes of one transaction in the order in which a tree takes them best: by key, each row once.

use super::counters::CountersDelta;
use super::{ShardMeta, Write};
use crate::ids::{Partition, PartitionHash, ShardIndex};

/// What one transaction changes.
pub(crate) struct Group<'w> {
    /// The new rows of items, ascending by key.
    pub(crate) items: Vec<ItemPut<'w>>,
    /// What the counters of each partition change by, ascending by bucket and key. No change is zero.
    pub(crate) partitions: Vec<(&'w Partition, CountersDelta)>,
    /// The new rows of shards.
    pub(crate) shards: Vec<(ShardIndex, &'w ShardMeta)>,
    /// The new rows of the control plane.
    pub(crate) control: Vec<(&'w [u8], &'w [u8])>,
    /// Whether some write needs room beyond what it gives back.
    pub(crate) grows: bool,
}

/// A new row of an item.
pub(crate) struct ItemPut<'w> {
    pub(crate) partition: PartitionHash,
    pub(crate) sort_key: &'w str,
    pub(crate) item: &'w [u8],
    /// Whether it holds fewer bytes of values than the row that it replaces.
    pub(crate) shrinks: bool,
}

/// The changes of a partition's counters have no sum. Values are far from that long: a write was made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the changes of a partition's counters overflow")]
pub(crate) struct DeltaOverflow;

impl<'w> Group<'w> {
    /// Sorts the writes, keeps the last one of each row, and sums up the changes of each partition.
    pub(crate) fn of(writes: &mut dyn Iterator<Item = &'w Write>) -> Result<Group<'w>, DeltaOverflow> {
        let mut group = Group {
            items: Vec::new(),
            partitions: Vec::new(),
            shards: Vec::new(),
            control: Vec::new(),
            grows: false,
        };
        let mut puts = Vec::new();
        for write in writes {
            group.grows |= write.grows();
            match write {
                Write::PutItem { partition, sort_key, item, delta, .. } => {
                    let shrinks = delta.bytes < 0;
                    let put =
                        ItemPut { partition: partition.hash, sort_key: sort_key.as_str(), item, shrinks };
                    puts.push((put, partition, *delta));
                }
                Write::PutShardMeta { shard, meta } => group.shards.push((*shard, meta)),
                Write::PutControl { key, value, .. } => group.control.push((key, value)),
            }
        }
        // Stable: of two writes to one row, the later stays behind the earlier.
        puts.sort_by(|(a, ..), (b, ..)| (a.partition, a.sort_key).cmp(&(b.partition, b.sort_key)));
        group.items.reserve_exact(puts.len());
        for (put, partition, delta) in puts {
            group.change(partition, delta)?;
            match group.items.last_mut() {
                Some(last) if (last.partition, last.sort_key) == (put.partition, put.sort_key) => {
                    *last = ItemPut { shrinks: last.shrinks || put.shrinks, ..put };
                }
                Some(_) | None => group.items.push(put),
            }
        }
        group.partitions.retain(|(_, delta)| *delta != CountersDelta::default());
        group.partitions.sort_unstable_by(|(a, _), (b, _)| (a.bucket, &a.key).cmp(&(b.bucket, &b.key)));
        Ok(group)
    }

    fn change(&mut self, partition: &'w Partition, delta: CountersDelta) -> Result<(), DeltaOverflow> {
        match self.partitions.last_mut() {
            Some((last, sum)) if last.hash == partition.hash => {
                *sum = sum.checked_add(delta).ok_or(DeltaOverflow)?;
            }
            Some(_) | None => self.partitions.push((partition, delta)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BucketId, PartitionKey, SortKey};
    use bytes::Bytes;

    fn put(partition_key: &str, sort_key: &str, item: &[u8], bytes: i64) -> Write {
        Write::PutItem {
            partition: Partition::new(BucketId([1; 32]), PartitionKey::new(partition_key).unwrap()),
            sort_key: SortKey::new(sort_key).unwrap(),
            item: Bytes::copy_from_slice(item),
            delta: CountersDelta { bytes, ..CountersDelta::default() },
            grows: bytes > 0,
        }
    }

    #[test]
    fn the_last_write_of_a_row_wins_and_every_change_counts() {
        let writes =
            [put("b", "y", b"1", 4), put("a", "x", b"2", 1), put("b", "x", b"3", 2), put("b", "y", b"4", -3)];
        let group = Group::of(&mut writes.iter()).unwrap();
        let rows: Vec<_> = group.items.iter().map(|put| (put.sort_key, put.item)).collect();
        let sums: Vec<_> =
            group.partitions.iter().map(|(at, delta)| (at.key.as_str(), delta.bytes)).collect();
        assert!(group.items.is_sorted_by(|a, b| (a.partition, a.sort_key) < (b.partition, b.sort_key)));
        assert_eq!(rows.len(), 3);
        assert!(rows.contains(&("y", b"4")) && !rows.contains(&("y", b"1")));
        assert_eq!(sums, [("a", 1), ("b", 3)]);
        assert!(group.grows);
    }

    #[test]
    fn a_partition_whose_changes_cancel_out_is_left_alone() {
        let writes = [put("a", "x", b"1", 5), put("a", "y", b"2", -5)];
        assert_eq!(Group::of(&mut writes.iter()).unwrap().partitions.len(), 0);
    }

    #[test]
    fn a_sum_that_overflows_is_refused() {
        let writes = [put("a", "x", b"1", i64::MAX), put("a", "y", b"2", 1)];
        assert_eq!(Group::of(&mut writes.iter()).err(), Some(DeltaOverflow));
    }
}
