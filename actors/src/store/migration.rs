//! From the formats before 3 to that of today: bounded transactions, each of which says how far it came, so that a kill
//! costs one of them.
//!
//! Formats 1 and 2 had items without a head, partitions without rows and digest, and no names. The names of a partition of
//! which only tombstones are left are known nowhere: no other replica of it exists, so that its tombstones are dropped.

use super::keys::environment::{self, FORMAT, FORMAT_KEY};
use super::keys::migration::{self as row, Phase};
use super::keys::{items, names, partitions, shards};
use super::partition::PartitionState;
use super::rows::{Keyspace, RowChange, RowView};
use super::tree::Tree;
use super::{CommitError, ItemRow, Position, StoreError};
use crate::causality::Item;
use crate::ids::{PartitionHash, SortKey};
use crate::limits::MIGRATION_STEP_BYTES_MAX;
use crate::store::counters::PartitionCounters;
use std::ops::Bound;

/// Brings a tree to today's format, if it is of an earlier one. Its journal must hold nothing that the tree lacks.
///
/// # Errors
/// [`CommitError`]. What was done so far is kept; the next call goes on from there.
pub(crate) fn run<T: Tree>(tree: &T) -> Result<(), CommitError> {
    if !is_due(tree)? {
        return Ok(());
    }
    log::info!("the store is brought to format {FORMAT}: this reads and writes all of it");
    while step(tree, MIGRATION_STEP_BYTES_MAX)? {}
    log::info!("the store has format {FORMAT}");
    Ok(())
}

/// Whether rows of an earlier format are in it.
pub(crate) fn is_due<T: Tree>(tree: &T) -> Result<bool, StoreError> {
    Ok(pending(&tree.view()?)?.is_some())
}

fn pending(view: &impl RowView) -> Result<Option<Phase>, StoreError> {
    let corrupt = |key| StoreError::corrupt(environment::NAME, key);
    let Some(format) = view.row(Keyspace::Environment, FORMAT_KEY)? else { return Ok(None) };
    let format = environment::decode_format(format).ok_or_else(|| corrupt(FORMAT_KEY))?;
    if format < FORMAT {
        return Ok(Some(Phase::Partitions { after: Vec::new() }));
    }
    let phase = view.row(Keyspace::Environment, row::KEY)?;
    phase.map(|phase| row::decode(phase).ok_or_else(|| corrupt(row::KEY))).transpose()
}

/// One transaction. Whether there may be more to do.
fn step<T: Tree>(tree: &T, bytes_max: usize) -> Result<bool, CommitError> {
    let view = tree.view()?;
    let Some(phase) = pending(&view)? else { return Ok(false) };
    let mut step = Step { rows: Vec::new(), bytes_left: bytes_max };
    let next = match phase {
        Phase::Partitions { after } => step.partitions(&view, after)?,
        Phase::Items { after, state } => step.items(&view, after, state)?,
        Phase::Shards => step.shards(&view)?,
    };
    drop(view);
    step.put(Keyspace::Environment, FORMAT_KEY, environment::encode_format(FORMAT).to_vec());
    step.change(Keyspace::Environment, row::KEY, next.as_ref().map(row::encode));
    let mut rows = step.rows.iter().map(|(keyspace, key, value)| RowChange {
        keyspace: *keyspace,
        key,
        value: value.as_deref(),
    });
    tree.apply(&mut rows)?;
    Ok(next.is_some())
}

/// What a transaction is going to change.
struct Step {
    rows: Vec<(Keyspace, Vec<u8>, Option<Vec<u8>>)>,
    bytes_left: usize,
}

impl Step {
    fn put(&mut self, keyspace: Keyspace, key: &[u8], value: Vec<u8>) {
        self.change(keyspace, key, Some(value));
    }

    fn change(&mut self, keyspace: Keyspace, key: &[u8], value: Option<Vec<u8>>) {
        self.rows.push((keyspace, key.to_vec(), value));
    }

    /// Takes a row into account; `false` if it is for the next transaction. One row is always taken.
    fn takes(&mut self, key: &[u8], value: &[u8]) -> bool {
        let left = self.bytes_left.checked_sub(key.len() + value.len());
        self.bytes_left = left.unwrap_or(0);
        left.is_some() || self.rows.is_empty()
    }

    fn partitions(&mut self, view: &impl RowView, mut after: Vec<u8>) -> Result<Option<Phase>, StoreError> {
        for row in view.range(Keyspace::Partitions, behind(&after), false)? {
            let (key, value) = row?;
            if !self.takes(key, value) {
                return Ok(Some(Phase::Partitions { after }));
            }
            let (partition, counters) = partitions::partition_of(key)
                .zip(decode_counters(value))
                .ok_or_else(|| StoreError::corrupt(partitions::NAME, key))?;
            self.put_state(key, PartitionState { counters, ..PartitionState::default() });
            let mut named = Vec::new();
            names::encode(&partition, None, &mut named);
            self.put(Keyspace::Names, &partition.hash.0, named);
            after = key.to_vec();
        }
        Ok(Some(Phase::Items { after: Vec::new(), state: PartitionState::default() }))
    }

    fn items(
        &mut self,
        view: &impl RowView,
        mut after: Vec<u8>,
        mut state: PartitionState,
    ) -> Result<Option<Phase>, StoreError> {
        for row in view.range(Keyspace::Items, behind(&after), false)? {
            let (key, value) = row?;
            let hash = items::hash_of(key).ok_or_else(|| items::corrupt(key))?;
            if !self.takes(key, value) {
                return Ok(Some(Phase::Items { after, state }));
            }
            if items::hash_of(&after) != Some(hash) {
                self.counted(view, &after, state)?;
                state = PartitionState::default();
            }
            if view.row(Keyspace::Names, &hash.0)?.is_none() {
                self.change(Keyspace::Items, key, None);
            } else {
                let sort_key = items::sort_key(key).and_then(|sort_key| SortKey::new(sort_key).ok());
                let sort_key = sort_key.ok_or_else(|| items::corrupt(key))?;
                state = with(state, self.item(key, hash, &sort_key, value));
            }
            after = key.to_vec();
        }
        self.counted(view, &after, state)?;
        Ok(Some(Phase::Shards))
    }

    /// Gives an item its head. What it adds to its partition.
    fn item(&mut self, key: &[u8], hash: PartitionHash, sort_key: &SortKey, value: &[u8]) -> PartitionState {
        let Some(item) = Item::decode(value) else {
            log::error!("{}; it stays as it is", items::corrupt(key));
            return PartitionState { rows: 1, ..PartitionState::default() };
        };
        // Of a write that was minted here, it is the dot's time.
        let changed = item.siblings().map(|(dot, _)| dot.time).max().unwrap_or(0);
        let row = ItemRow::new(hash, sort_key, Position(changed), &item);
        self.put(Keyspace::Items, key, row.as_bytes().to_vec());
        PartitionState::of(hash, sort_key.as_str(), &item)
    }

    /// The partition of `after` has no more items.
    fn counted(
        &mut self,
        view: &impl RowView,
        after: &[u8],
        state: PartitionState,
    ) -> Result<(), StoreError> {
        let Some(hash) = items::hash_of(after) else { return Ok(()) };
        let Some(named) = view.row(Keyspace::Names, &hash.0)? else { return Ok(()) };
        let named = names::decode(hash, named).ok_or_else(|| StoreError::corrupt(names::NAME, &hash.0))?;
        let mut key = Vec::with_capacity(64);
        partitions::write_key(&mut key, &named.partition);
        if state.is_listed() {
            self.put_state(&key, state);
        } else {
            let mut unlisted = Vec::new();
            names::encode(&named.partition, Some(state), &mut unlisted);
            self.put(Keyspace::Names, &hash.0, unlisted);
            self.change(Keyspace::Partitions, &key, None);
        }
        Ok(())
    }

    fn put_state(&mut self, key: &[u8], state: PartitionState) {
        let row = partitions::encode(state, &mut [0; partitions::ROW_BYTES_MAX]).to_vec();
        self.put(Keyspace::Partitions, key, row);
    }

    /// All of them at once: there are not many.
    fn shards(&mut self, view: &impl RowView) -> Result<Option<Phase>, StoreError> {
        for row in view.range(Keyspace::Shards, (Bound::Unbounded, Bound::Unbounded), false)? {
            let (key, value) = row?;
            let meta = shards::decode_v2(value).ok_or_else(|| StoreError::corrupt(shards::NAME, key))?;
            self.put(Keyspace::Shards, key, shards::encode(&meta));
        }
        Ok(None)
    }
}

fn behind(after: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let first = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after.to_vec()) };
    (first, Bound::Unbounded)
}

/// The row of a partition as it was up to format 2.
fn decode_counters(row: &[u8]) -> Option<PartitionCounters> {
    let (counters, rest) = postcard::take_from_bytes(row).ok()?;
    rest.is_empty().then_some(counters)
}

fn with(sum: PartitionState, one: PartitionState) -> PartitionState {
    let (a, b) = (sum.counters, one.counters);
    let counters = PartitionCounters {
        entries: a.entries + b.entries,
        conflicts: a.conflicts + b.conflicts,
        values: a.values + b.values,
        bytes: a.bytes + b.bytes,
    };
    PartitionState { counters, rows: sum.rows + one.rows, digest: sum.digest ^ one.digest }
}

#[cfg(test)]
mod tests;
