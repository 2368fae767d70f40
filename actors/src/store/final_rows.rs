//! The rows of a group in their final state: what a journal records, and what a tree is given.

use super::counters::PartitionCounters;
use super::group::Group;
use super::keys::{items, partitions, shards};
use super::rows::{Keyspace, RowChange};
use super::{CommitError, FailureCause, StoreError};
use std::ops::Range;

/// Rows, ascending by keyspace and key.
pub(crate) struct FinalRows<'w> {
    rows: Vec<FinalRow<'w>>,
    /// Keys and contents that were made for the rows.
    made: Vec<u8>,
}

struct FinalRow<'w> {
    keyspace: Keyspace,
    key: Range<usize>,
    value: Value<'w>,
}

enum Value<'w> {
    Given(&'w [u8]),
    Made(Range<usize>),
    Removed,
}

impl<'w> FinalRows<'w> {
    /// Turns a group's changes of counters into counters; `stored` reads the row of a partition as it is before the
    /// group.
    ///
    /// # Errors
    /// [`CommitError::Broken`] if a row cannot be read or a counter would fall below zero.
    pub(crate) fn of(
        group: &Group<'w>,
        mut stored: impl FnMut(&[u8]) -> Result<Option<PartitionCounters>, StoreError>,
    ) -> Result<FinalRows<'w>, CommitError> {
        let count = group.items.len() + group.partitions.len() + group.shards.len() + group.control.len();
        let mut rows = FinalRows { rows: Vec::with_capacity(count), made: Vec::with_capacity(count * 48) };
        let mut key = Vec::with_capacity(64);
        for put in &group.items {
            items::write_key(&mut key, put.partition, put.sort_key);
            rows.push(Keyspace::Items, &key, Value::Given(put.item));
        }
        for (partition, delta) in &group.partitions {
            partitions::write_key(&mut key, partition);
            let before = stored(&key)?;
            let after = before.unwrap_or_default().checked_add(*delta).ok_or(FailureCause::Miscounted)?;
            let mut row = [0; partitions::ROW_BYTES_MAX];
            let value = if after == PartitionCounters::default() {
                Value::Removed
            } else {
                rows.make(partitions::encode(after, &mut row))
            };
            rows.push(Keyspace::Partitions, &key, value);
        }
        for (shard, meta) in &group.shards {
            let value = rows.make(&shards::encode(meta));
            rows.push(Keyspace::Shards, &shards::key(*shard), value);
        }
        for (key, value) in &group.control {
            rows.push(Keyspace::Control, key, Value::Given(value));
        }
        Ok(rows)
    }

    fn make(&mut self, bytes: &[u8]) -> Value<'w> {
        let start = self.made.len();
        self.made.extend_from_slice(bytes);
        Value::Made(start..self.made.len())
    }

    fn push(&mut self, keyspace: Keyspace, key: &[u8], value: Value<'w>) {
        let start = self.made.len();
        self.made.extend_from_slice(key);
        self.rows.push(FinalRow { keyspace, key: start..self.made.len(), value });
    }

    /// The rows in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RowChange<'_>> {
        self.rows.iter().map(|row| RowChange {
            keyspace: row.keyspace,
            key: &self.made[row.key.clone()],
            value: match &row.value {
                Value::Given(value) => Some(*value),
                Value::Made(range) => Some(&self.made[range.clone()]),
                Value::Removed => None,
            },
        })
    }
}
