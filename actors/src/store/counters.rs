//! The counters of a partition, exact as of each commit.

use crate::causality::Item;
use serde::{Deserialize, Serialize};

/// What a partition holds. An item that is only tombstones counts nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PartitionCounters {
    /// Items that are not only tombstones.
    pub entries: u64,
    /// Items with two or more distinct values, a tombstone counting as one.
    pub conflicts: u64,
    /// Distinct values that are not tombstones.
    pub values: u64,
    /// Their total length in bytes.
    pub bytes: u64,
}

/// A change of [`PartitionCounters`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CountersDelta {
    /// Change of `entries`.
    pub entries: i64,
    /// Change of `conflicts`.
    pub conflicts: i64,
    /// Change of `values`.
    pub values: i64,
    /// Change of `bytes`.
    pub bytes: i64,
}

impl PartitionCounters {
    /// What one item adds to its partition.
    pub fn of(item: &Item<'_>) -> PartitionCounters {
        let values = item.values();
        let lengths = values.iter().filter_map(|value| value.bytes()).map(|bytes| bytes.len() as u64);
        PartitionCounters {
            entries: u64::from(!item.is_tombstone()),
            conflicts: u64::from(values.len() > 1),
            values: lengths.clone().count() as u64,
            bytes: lengths.sum(),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: PartitionCounters) -> PartitionCounters {
        PartitionCounters {
            entries: self.entries.saturating_add(other.entries),
            conflicts: self.conflicts.saturating_add(other.conflicts),
            values: self.values.saturating_add(other.values),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// The counters after a change. `None` if one would fall below zero: then a write was counted twice, or never.
    pub fn checked_add(self, delta: CountersDelta) -> Option<PartitionCounters> {
        Some(PartitionCounters {
            entries: self.entries.checked_add_signed(delta.entries)?,
            conflicts: self.conflicts.checked_add_signed(delta.conflicts)?,
            values: self.values.checked_add_signed(delta.values)?,
            bytes: self.bytes.checked_add_signed(delta.bytes)?,
        })
    }
}

impl CountersDelta {
    /// Both changes, one after the other. `None` if one of the sums has no number.
    pub fn checked_add(self, other: CountersDelta) -> Option<CountersDelta> {
        Some(CountersDelta {
            entries: self.entries.checked_add(other.entries)?,
            conflicts: self.conflicts.checked_add(other.conflicts)?,
            values: self.values.checked_add(other.values)?,
            bytes: self.bytes.checked_add(other.bytes)?,
        })
    }

    /// What the partition's counters change by when an item goes from `old` to `new`.
    pub fn between(old: &Item<'_>, new: &Item<'_>) -> CountersDelta {
        let (old, new) = (PartitionCounters::of(old), PartitionCounters::of(new));
        let change = |new: u64, old: u64| new.wrapping_sub(old).cast_signed();
        CountersDelta {
            entries: change(new.entries, old.entries),
            conflicts: change(new.conflicts, old.conflicts),
            values: change(new.values, old.values),
            bytes: change(new.bytes, old.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Context, Dot, Value};
    use crate::ids::ActorId;

    fn item(values: &[Option<&'static [u8]>]) -> Item<'static> {
        let mut item = Item::empty();
        for (time, value) in (1..).zip(values) {
            let value = value.map_or(Value::Tombstone, |bytes| Value::Bytes(bytes.into()));
            item.write(Dot { actor: ActorId(1), time }, &Context::empty(), value);
        }
        item
    }

    fn check(values: &[Option<&'static [u8]>], entries: u64, conflicts: u64, count: u64, bytes: u64) {
        let expected = PartitionCounters { entries, conflicts, values: count, bytes };
        assert_eq!(PartitionCounters::of(&item(values)), expected, "{values:?}");
    }

    #[test]
    fn an_item_counts_by_its_distinct_values() {
        check(&[], 0, 0, 0, 0);
        check(&[None], 0, 0, 0, 0);
        check(&[Some(b"")], 1, 0, 1, 0);
        check(&[Some(b"ab"), Some(b"ab")], 1, 0, 1, 2);
        check(&[Some(b"ab"), Some(b"c")], 1, 1, 2, 3);
        check(&[Some(b"ab"), None], 1, 1, 1, 2);
    }

    #[test]
    fn a_delta_takes_the_counters_from_the_old_item_to_the_new_one() {
        let (old, new) = (item(&[Some(b"abc"), None]), item(&[Some(b"z")]));
        let delta = CountersDelta::between(&old, &new);
        assert_eq!(PartitionCounters::of(&old).checked_add(delta), Some(PartitionCounters::of(&new)));
        assert_eq!(PartitionCounters::default().checked_add(delta), None, "a conflict too few");
    }
}
