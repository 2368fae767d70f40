//! One consistent view of tables and tree.
//!
//! The tables are taken first, then a view of the tree, then the tables are looked at again: if none was frozen or
//! dropped in between, the two belong together. Rows reach the tree only from the frozen table that was taken (which
//! still hides them), as no other was frozen yet; and what was dropped before is in the tree.
//!
//! Without the second look, tables that are older than the view would hide rows of it that came later, and show with
//! them rows that did not.

use super::merge::{Layer, Merge};
use super::tables::Tables;
use crate::mutation::{Mutation, is_on};
use crate::store::StoreError;
use crate::store::lmdb::LmdbSnapshot;
use crate::store::memtable::Memtable;
use crate::store::rows::{Keyspace, RowBounds, RowIter, RowView};
use crate::store::tree::Tree;
use arc_swap::ArcSwap;
use std::ops::Bound;
use std::sync::Arc;

/// A view of a journalled store.
pub struct JournalledSnapshot<V> {
    tables: Arc<Tables>,
    tree: V,
}

impl<V: RowView> JournalledSnapshot<V> {
    pub(super) fn take<'t, T: Tree<View<'t> = V>>(
        tables: &ArcSwap<Tables>,
        tree: &'t T,
    ) -> Result<JournalledSnapshot<V>, StoreError> {
        let mut taken = tables.load_full();
        loop {
            let view = tree.view()?;
            let now = tables.load();
            if now.generation == taken.generation || is_on(Mutation::OldTableHidesNewerTree) {
                return Ok(JournalledSnapshot { tables: taken, tree: view });
            }
            taken = Arc::clone(&now);
        }
    }
}

impl<V: RowView> JournalledSnapshot<V> {
    /// How many rows a keyspace has more than in the tree.
    fn rows_beyond_the_tree(&self, keyspace: Keyspace) -> Result<i64, StoreError> {
        let mut more = 0;
        let everything = (Bound::Unbounded, Bound::Unbounded);
        for (newer, table) in self.tables.layers().enumerate() {
            for row in table.range(keyspace, &everything) {
                let is_newest = self.tables.layers().take(newer).all(|t| t.row(keyspace, row.key).is_none());
                if is_newest {
                    let is_stored = self.tree.row(keyspace, row.key)?.is_some();
                    more += i64::from(row.value.is_some()) - i64::from(is_stored);
                }
            }
        }
        Ok(more)
    }
}

impl JournalledSnapshot<LmdbSnapshot<'_>> {
    /// How many rows a keyspace has.
    pub(super) fn rows(&self, keyspace: Keyspace) -> Result<u64, StoreError> {
        let beyond = self.rows_beyond_the_tree(keyspace)?;
        Ok(self.tree.rows(keyspace)?.saturating_add_signed(beyond))
    }
}

impl<V: RowView> RowView for JournalledSnapshot<V> {
    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        match self.tables.row(keyspace, key) {
            Some(value) => Ok(value),
            None => self.tree.row(keyspace, key),
        }
    }

    fn range(
        &self,
        keyspace: Keyspace,
        bounds: RowBounds,
        descending: bool,
    ) -> Result<RowIter<'_>, StoreError> {
        let layers = self.tables.layers().map(|table| layer(table, keyspace, &bounds, descending));
        let mut layers: Vec<Layer<'_>> = layers.collect();
        let tree = self.tree.range(keyspace, bounds, descending)?;
        if layers.is_empty() {
            return Ok(tree);
        }
        layers.push(Box::new(tree.map(|row| row.map(|(key, value)| (key, Some(value))))));
        Ok(Box::new(Merge::new(layers, descending)))
    }
}

fn layer<'v>(table: &'v Memtable, keyspace: Keyspace, bounds: &RowBounds, descending: bool) -> Layer<'v> {
    let rows = table.range(keyspace, bounds).map(|row| Ok((row.key, row.value)));
    if descending { Box::new(rows.rev()) } else { Box::new(rows) }
}
