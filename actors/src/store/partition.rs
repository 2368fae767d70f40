//! What a partition is kept with beside its items: its counters, how many rows it has, and its digest.
//!
//! All of it changes in the transaction of the item. Where it lies depends on what the partition holds:
//!
//! | the partition has | row in `names` | row in `partitions` |
//! |---|---|---|
//! | an item that is not only tombstones | its names | counters, rows, digest |
//! | rows, but only tombstones | its names, rows, digest | none: a listing does not come across it |
//! | no row | none | none |

use super::counters::{CountersDelta, PartitionCounters};
use super::digest::item_digest;
use crate::causality::Item;
use crate::ids::{Partition, PartitionHash, SortKey};
use serde::{Deserialize, Serialize};

/// What a partition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PartitionState {
    /// What the index shows.
    pub counters: PartitionCounters,
    /// Rows of items, tombstones included.
    pub rows: u64,
    /// XOR of the items' digests ([`item_digest`]).
    #[serde(with = "postcard::fixint::le")]
    pub digest: u64,
}

/// A change of a [`PartitionState`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PartitionDelta {
    /// Change of the counters.
    pub counters: CountersDelta,
    /// Change of `rows`.
    pub rows: i64,
    /// XOR of the digests before and after.
    pub digest: u64,
}

impl PartitionState {
    /// What one item adds to its partition.
    pub fn of(partition: PartitionHash, sort_key: &str, item: &Item<'_>) -> PartitionState {
        PartitionState {
            counters: PartitionCounters::of(item),
            rows: u64::from(!item.is_empty()),
            digest: item_digest(partition, sort_key, item),
        }
    }

    /// The state after a change. `None` if a number would fall below zero, or nothing were left of the rows and something
    /// of the counters: then a write was counted twice, or never.
    pub fn checked_add(self, delta: PartitionDelta) -> Option<PartitionState> {
        let state = PartitionState {
            counters: self.counters.checked_add(delta.counters)?,
            rows: self.rows.checked_add_signed(delta.rows)?,
            digest: self.digest ^ delta.digest,
        };
        (state.rows > 0 || !state.is_listed()).then_some(state)
    }

    /// Whether an index shows the partition.
    pub fn is_listed(&self) -> bool {
        self.counters != PartitionCounters::default()
    }
}

impl PartitionDelta {
    /// Both changes, one after the other. `None` if one of the sums has no number.
    pub fn checked_add(self, other: PartitionDelta) -> Option<PartitionDelta> {
        Some(PartitionDelta {
            counters: self.counters.checked_add(other.counters)?,
            rows: self.rows.checked_add(other.rows)?,
            digest: self.digest ^ other.digest,
        })
    }

    /// What the partition's state changes by when an item goes from `old` to `new`; an empty one has no row.
    pub fn between(
        partition: PartitionHash,
        sort_key: &SortKey,
        old: &Item<'_>,
        new: &Item<'_>,
    ) -> PartitionDelta {
        let digest = |item: &Item<'_>| item_digest(partition, sort_key.as_str(), item);
        PartitionDelta {
            counters: CountersDelta::between(old, new),
            rows: i64::from(!new.is_empty()) - i64::from(!old.is_empty()),
            digest: digest(old) ^ digest(new),
        }
    }
}

/// A partition that has rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPartition {
    /// Its names and its place.
    pub partition: Partition,
    /// What it holds.
    pub state: PartitionState,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Dot, Value};
    use crate::ids::{ActorId, BucketId, PartitionKey};

    #[test]
    fn a_delta_takes_a_partition_from_the_old_item_to_the_new_one() {
        let partition = Partition::new(BucketId([7; 32]), PartitionKey::new("p").unwrap());
        let sort_key = SortKey::new("s").unwrap();
        let mut item = Item::empty();
        let mut state = PartitionState::default();
        for (time, value) in
            [(1, Value::Bytes(b"abc".into())), (2, Value::Tombstone), (3, Value::Bytes(b"".into()))]
        {
            let old = item.clone();
            let context = old.token_context();
            item.write(Dot { actor: ActorId(1), time }, &context, value);
            let delta = PartitionDelta::between(partition.hash, &sort_key, &old, &item);
            state = state.checked_add(delta).unwrap();
            assert_eq!(state, PartitionState::of(partition.hash, "s", &item));
            assert_eq!((state.rows, state.is_listed()), (1, !item.is_tombstone()));
        }
        let gone = PartitionDelta::between(partition.hash, &sort_key, &item, &Item::empty());
        assert_eq!(state.checked_add(gone), Some(PartitionState::default()));
        assert_eq!(PartitionState::default().checked_add(gone), None, "a row too few");
        let row_only = PartitionDelta { rows: -1, ..PartitionDelta::default() };
        assert_eq!(state.checked_add(row_only), None, "counters without a row");
    }
}
