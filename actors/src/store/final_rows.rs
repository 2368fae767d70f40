//! The rows of a group in their final state: what a journal records, and what a tree is given.

use super::apart;
use super::group::Group;
use super::keys::{items, names, partitions, shards};
use super::partition::PartitionState;
use super::partition_rows;
use super::rows::{Keyspace, RowChange, RowView};
use super::{CommitError, FailureCause};
use crate::ids::Partition;
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
    /// Turns what a group changes partitions by into their rows; `view` shows the rows as they are before the group.
    ///
    /// # Errors
    /// [`CommitError::Broken`] if a row cannot be read or a number of a partition would fall below zero.
    pub(crate) fn of(group: &Group<'w>, view: &impl RowView) -> Result<FinalRows<'w>, CommitError> {
        let count = group.items.len() + group.partitions.len() + group.shards.len() + group.control.len();
        let mut rows = FinalRows { rows: Vec::with_capacity(count), made: Vec::with_capacity(count * 64) };
        let mut key = Vec::with_capacity(64);
        let mut values = Vec::new();
        for change in &group.items {
            items::write_key(&mut key, change.partition, change.sort_key);
            let split = apart::split(view, &key, change.row, change.replaces_apart)?;
            let value = match (split.row, change.row) {
                (Some(row), _) => rows.make(|made| made.extend_from_slice(&row)),
                (None, Some(row)) => Value::Given(row),
                (None, None) => Value::Removed,
            };
            rows.push(Keyspace::Items, &key, value);
            values.extend(split.values);
        }
        let mut named = Vec::new();
        for (partition, delta) in &group.partitions {
            let before = partition_rows::read(view, partition)?;
            let after = before.unwrap_or_default().checked_add(*delta).ok_or(FailureCause::Miscounted)?;
            rows.push_partition(&mut key, partition, before, after);
            if let Some(change) = NamesChange::between(before, after) {
                named.push((*partition, change));
            }
        }
        for (shard, meta) in &group.shards {
            let value = rows.make(|made| made.extend_from_slice(&shards::encode(meta)));
            rows.push(Keyspace::Shards, &shards::key(*shard), value);
        }
        for (key, value) in &group.control {
            rows.push(Keyspace::Control, key, Value::Given(value));
        }
        named.sort_unstable_by_key(|(partition, _)| partition.hash);
        for (partition, change) in named {
            let value = match change {
                NamesChange::Put(unlisted) => rows.make(|made| names::encode(partition, unlisted, made)),
                NamesChange::Remove => Value::Removed,
            };
            rows.push(Keyspace::Names, &partition.hash.0, value);
        }
        values.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (key, value) in values {
            rows.push(Keyspace::Values, &key, value.map_or(Value::Removed, Value::Given));
        }
        Ok(rows)
    }

    /// The row that listings read, where there was one or is one now.
    fn push_partition(
        &mut self,
        key: &mut Vec<u8>,
        partition: &Partition,
        before: Option<PartitionState>,
        after: PartitionState,
    ) {
        let value = if after.is_listed() {
            let mut row = [0; partitions::ROW_BYTES_MAX];
            self.make(|made| made.extend_from_slice(partitions::encode(after, &mut row)))
        } else if before.is_some_and(|state| state.is_listed()) {
            Value::Removed
        } else {
            return;
        };
        partitions::write_key(key, partition);
        self.push(Keyspace::Partitions, key, value);
    }

    fn make(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Value<'w> {
        let start = self.made.len();
        write(&mut self.made);
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

/// What becomes of a partition's row of names.
enum NamesChange {
    Put(Option<PartitionState>),
    Remove,
}

impl NamesChange {
    /// `None` if the row stays as it is.
    fn between(before: Option<PartitionState>, after: PartitionState) -> Option<NamesChange> {
        if after.rows == 0 {
            return before.is_some().then_some(NamesChange::Remove);
        }
        if !after.is_listed() {
            return Some(NamesChange::Put(Some(after)));
        }
        let is_there = before.is_some_and(|state| state.is_listed());
        (!is_there).then_some(NamesChange::Put(None))
    }
}
