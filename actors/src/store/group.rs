//! The writes of one transaction in the order in which a tree takes them best: by key, each row once.

use super::partition::PartitionDelta;
use super::{ShardMeta, Write};
use crate::ids::{Partition, PartitionHash, ShardIndex, SortKey};

/// What one transaction changes.
pub(crate) struct Group<'w> {
    /// The final state of items, ascending by key.
    pub(crate) items: Vec<ItemChange<'w>>,
    /// What each partition changes by, ascending by bucket and key. No change is zero.
    pub(crate) partitions: Vec<(&'w Partition, PartitionDelta)>,
    /// The new rows of shards.
    pub(crate) shards: Vec<(ShardIndex, &'w ShardMeta)>,
    /// The new rows of the control plane.
    pub(crate) control: Vec<(&'w [u8], &'w [u8])>,
    /// Whether some write needs room beyond what it gives back.
    pub(crate) grows: bool,
}

/// The final state of an item's row.
pub(crate) struct ItemChange<'w> {
    pub(crate) partition: PartitionHash,
    pub(crate) sort_key: &'w str,
    /// `None` removes it.
    pub(crate) row: Option<&'w [u8]>,
    /// Whether what is stored may have values apart from its row.
    pub(crate) replaces_apart: bool,
}

impl<'w> ItemChange<'w> {
    fn new(
        partition: &Partition,
        sort_key: &'w SortKey,
        row: Option<&'w [u8]>,
        replaces_apart: bool,
    ) -> ItemChange<'w> {
        ItemChange { partition: partition.hash, sort_key: sort_key.as_str(), row, replaces_apart }
    }
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
        let mut changes = Vec::new();
        for write in writes {
            group.grows |= write.grows();
            match write {
                Write::PutItem { partition, sort_key, row, delta, replaces_apart, .. } => {
                    let change = ItemChange::new(partition, sort_key, Some(row.as_bytes()), *replaces_apart);
                    changes.push((change, partition, *delta));
                }
                Write::RemoveItem { partition, sort_key, delta, replaces_apart } => {
                    let change = ItemChange::new(partition, sort_key, None, *replaces_apart);
                    changes.push((change, partition, *delta));
                }
                Write::PutShardMeta { shard, meta } => group.shards.push((*shard, meta)),
                Write::PutControl { key, value, .. } => group.control.push((key, value)),
            }
        }
        // Stable: of two writes to one row, the later stays behind the earlier.
        changes.sort_by(|(a, ..), (b, ..)| (a.partition, a.sort_key).cmp(&(b.partition, b.sort_key)));
        group.items.reserve_exact(changes.len());
        for (change, partition, delta) in changes {
            group.change(partition, delta)?;
            match group.items.last_mut() {
                Some(last) if (last.partition, last.sort_key) == (change.partition, change.sort_key) => {
                    let replaces_apart = last.replaces_apart || change.replaces_apart;
                    *last = ItemChange { replaces_apart, ..change };
                }
                Some(_) | None => group.items.push(change),
            }
        }
        group.partitions.retain(|(_, delta)| *delta != PartitionDelta::default());
        group.partitions.sort_unstable_by(|(a, _), (b, _)| (a.bucket, &a.key).cmp(&(b.bucket, &b.key)));
        Ok(group)
    }

    fn change(&mut self, partition: &'w Partition, delta: PartitionDelta) -> Result<(), DeltaOverflow> {
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
    use crate::causality::{Context, Dot, Item, Value};
    use crate::ids::{ActorId, BucketId, PartitionKey};
    use crate::store::counters::CountersDelta;
    use crate::store::{ItemRow, Position};

    fn put(partition_key: &str, sort_key: &str, value: &'static [u8], bytes: i64) -> Write {
        let partition = Partition::new(BucketId([1; 32]), PartitionKey::new(partition_key).unwrap());
        let sort_key = SortKey::new(sort_key).unwrap();
        let mut item = Item::empty();
        item.write(Dot { actor: ActorId(1), time: 1 }, &Context::empty(), Value::Bytes(value.into()));
        let row = ItemRow::new(partition.hash, &sort_key, Position(1), &item);
        let counters = CountersDelta { bytes, ..CountersDelta::default() };
        let delta = PartitionDelta { counters, ..PartitionDelta::default() };
        Write::PutItem { partition, sort_key, row, delta, replaces_apart: false, grows: bytes > 0 }
    }

    fn remove(put: &Write) -> Write {
        let Write::PutItem { partition, sort_key, delta, .. } = put.clone() else { panic!("{put:?}") };
        Write::RemoveItem { partition, sort_key, delta, replaces_apart: false }
    }

    fn shows(change: &ItemChange<'_>, value: &[u8]) -> bool {
        change.row.is_some_and(|row| row.ends_with(value))
    }

    #[test]
    fn the_last_write_of_a_row_wins_and_every_change_counts() {
        let writes =
            [put("b", "y", b"1", 4), put("a", "x", b"2", 1), put("b", "x", b"3", 2), put("b", "y", b"4", -3)];
        let group = Group::of(&mut writes.iter()).unwrap();
        let of_y = |change: &&ItemChange<'_>| change.sort_key == "y";
        let sums: Vec<_> =
            group.partitions.iter().map(|(at, delta)| (at.key.as_str(), delta.counters.bytes)).collect();
        assert!(group.items.is_sorted_by(|a, b| (a.partition, a.sort_key) < (b.partition, b.sort_key)));
        assert_eq!(group.items.len(), 3);
        assert!(group.items.iter().find(of_y).is_some_and(|change| shows(change, b"4")));
        assert_eq!(sums, [("a", 1), ("b", 3)]);
        assert!(group.grows);
    }

    #[test]
    fn a_row_that_is_removed_last_is_removed_and_one_that_is_put_last_is_put() {
        let writes = [put("a", "x", b"1", 1), put("a", "y", b"2", 1)];
        let removed = [&writes[0], &remove(&writes[0])];
        let put = [&remove(&writes[1]), &writes[1]];
        let group = Group::of(&mut removed.into_iter().chain(put)).unwrap();
        let rows: Vec<_> = group.items.iter().map(|change| (change.sort_key, change.row.is_some())).collect();
        assert_eq!(rows, [("x", false), ("y", true)]);
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
