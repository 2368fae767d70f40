//! Rows that are durable in the journal and not in the tree yet, in order.
//!
//! A table refers to the records that hold its rows: a row costs a reference beside the bytes that were written anyway.
//! Tables are persistent B+ trees (the crate `imbl`): a copy costs nothing, and the copy stays as it is while the
//! original goes on, at the price of the nodes that then differ.

use super::journal::record::{self, HEAD_BYTES};
use super::rows::{Keyspace, RowBounds, RowChange};
use super::tree::TreeNeed;
use imbl::OrdSet;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

/// Bytes that a table takes for a row beside its record: the reference and its share of the nodes, which are two thirds
/// full (measured: 105 bytes).
const ROW_OVERHEAD_BYTES: u64 = 112;

/// A row in a record.
#[derive(Clone, Debug)]
struct RowRef {
    record: Arc<[u8]>,
    at: u32,
}

impl RowRef {
    /// Keyspace and key: what rows are ordered by.
    fn ordered_key(&self) -> &[u8] {
        record::ordered_key_at(&self.record, self.at as usize)
    }

    fn change(&self) -> Option<RowChange<'_>> {
        record::row_at(&self.record, self.at as usize).map(|(change, _)| change)
    }
}

impl Borrow<[u8]> for RowRef {
    fn borrow(&self) -> &[u8] {
        self.ordered_key()
    }
}

impl PartialEq for RowRef {
    fn eq(&self, other: &RowRef) -> bool {
        self.ordered_key() == other.ordered_key()
    }
}

impl Eq for RowRef {}

impl PartialOrd for RowRef {
    fn partial_cmp(&self, other: &RowRef) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RowRef {
    fn cmp(&self, other: &RowRef) -> Ordering {
        self.ordered_key().cmp(other.ordered_key())
    }
}

/// Rows by key, the newest state of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memtable {
    rows: OrdSet<RowRef>,
    records_bytes: u64,
    need: TreeNeed,
}

impl Memtable {
    /// Takes over the rows of a record, without its padding, over older states of them.
    pub(crate) fn insert(&mut self, record: &Arc<[u8]>) {
        let mut at = HEAD_BYTES;
        while let Some((row, next)) = record::row_at(record, at) {
            self.need = self.need.and(TreeNeed::of(&row));
            self.rows.insert(RowRef { record: Arc::clone(record), at: at as u32 });
            at = next;
        }
        self.records_bytes += record.len() as u64;
    }

    /// Whether no row is in the table.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// About how much memory the table takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.records_bytes + self.rows.len() as u64 * ROW_OVERHEAD_BYTES
    }

    /// How much room its rows take in the tree at worst.
    pub(crate) fn need(&self) -> TreeNeed {
        self.need
    }

    /// What the table knows of a row: nothing, or its content, which is `None` if it was removed.
    pub(crate) fn row(&self, keyspace: Keyspace, key: &[u8]) -> Option<Option<&[u8]>> {
        if self.rows.is_empty() {
            return None;
        }
        let row = self.rows.get(ordered_key(keyspace, key).as_slice())?;
        row.change().map(|change| change.value)
    }

    /// The rows of a keyspace between two bounds, ascending.
    pub(crate) fn range<'t>(
        &'t self,
        keyspace: Keyspace,
        bounds: &RowBounds,
    ) -> impl DoubleEndedIterator<Item = RowChange<'t>> + use<'t> {
        let low = match &bounds.0 {
            Bound::Included(key) => Bound::Included(ordered_key(keyspace, key)),
            Bound::Excluded(key) => Bound::Excluded(ordered_key(keyspace, key)),
            Bound::Unbounded => Bound::Included(vec![keyspace as u8]),
        };
        let high = match &bounds.1 {
            Bound::Included(key) => Bound::Included(ordered_key(keyspace, key)),
            Bound::Excluded(key) => Bound::Excluded(ordered_key(keyspace, key)),
            Bound::Unbounded => Bound::Excluded(vec![keyspace as u8 + 1]),
        };
        self.between((low.as_ref().map(Vec::as_slice), high.as_ref().map(Vec::as_slice)))
    }

    /// The rows of all keyspaces behind `after`, a keyspace and a key; all of them if there is none.
    pub(crate) fn after<'t>(&'t self, after: Option<&[u8]>) -> impl Iterator<Item = RowChange<'t>> + use<'t> {
        self.between((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    fn between<'t>(
        &'t self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
    ) -> impl DoubleEndedIterator<Item = RowChange<'t>> + use<'t> {
        self.rows.range::<_, [u8]>(bounds).filter_map(RowRef::change)
    }
}

/// A keyspace and a key as the bytes that rows are ordered by.
pub(crate) fn ordered_key(keyspace: Keyspace, key: &[u8]) -> Vec<u8> {
    let mut ordered = Vec::with_capacity(1 + key.len());
    ordered.push(keyspace as u8);
    ordered.extend_from_slice(key);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::Stamp;
    use crate::store::journal::record::RecordBuilder;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Key = (Keyspace, Vec<u8>);
    type Model = BTreeMap<Key, Option<Vec<u8>>>;

    fn records() -> impl Strategy<Value = Vec<Vec<(Key, Option<Vec<u8>>)>>> {
        let key = (prop::sample::select(&Keyspace::ALL[..]), prop::collection::vec(0..3u8, 0..3));
        let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..4));
        prop::collection::vec(prop::collection::vec((key, value), 0..8), 0..8)
    }

    fn record(rows: &[(Key, Option<Vec<u8>>)]) -> Arc<[u8]> {
        let mut builder = RecordBuilder::with_capacity(0);
        for ((keyspace, key), value) in rows {
            builder.push(&RowChange { keyspace: *keyspace, key, value: value.as_deref() });
        }
        let mut record = builder.finish(1, Stamp::default(), 0);
        record.truncate(record::RecordHead::decode(&record).unwrap().bytes());
        record.into()
    }

    fn owned(change: RowChange<'_>) -> (Key, Option<Vec<u8>>) {
        ((change.keyspace, change.key.to_vec()), change.value.map(<[u8]>::to_vec))
    }

    proptest! {
        #[test]
        fn a_table_holds_the_newest_state_of_each_row(records in records(), low in 0..3u8, high in 0..3u8) {
            let (mut table, mut model) = (Memtable::default(), Model::new());
            let mut snapshots = Vec::new();
            for rows in &records {
                snapshots.push((table.clone(), model.clone()));
                table.insert(&record(rows));
                model.extend(rows.iter().cloned());
            }
            snapshots.push((table, model));
            for (table, model) in snapshots {
                prop_assert_eq!(table.is_empty(), model.is_empty());
                let all: Model = table.after(None).map(owned).collect();
                prop_assert_eq!(&all, &model);
                for ((keyspace, key), value) in &model {
                    prop_assert_eq!(table.row(*keyspace, key), Some(value.as_deref()));
                }
                for keyspace in Keyspace::ALL {
                    prop_assert_eq!(table.row(keyspace, &[9]), None);
                    let bounds = (Bound::Included(vec![low.min(high)]), Bound::Excluded(vec![low.max(high), 1]));
                    let shown: Vec<_> = table.range(keyspace, &bounds).map(owned).collect();
                    let of_keyspace = model.iter().filter(|((other, key), _)| {
                        *other == keyspace && *key >= vec![low.min(high)] && *key < vec![low.max(high), 1]
                    });
                    let expected: Vec<_> = of_keyspace.map(|(key, value)| (key.clone(), value.clone())).collect();
                    prop_assert_eq!(shown, expected);
                    let all = table.range(keyspace, &(Bound::Unbounded, Bound::Unbounded)).rev().count();
                    prop_assert_eq!(all, model.keys().filter(|(other, _)| *other == keyspace).count());
                }
                if let Some((key, _)) = model.iter().nth(model.len() / 2) {
                    let after = ordered_key(key.0, &key.1);
                    prop_assert_eq!(table.after(Some(&after)).count(), model.range(key..).count() - 1);
                }
            }
        }
    }
}
