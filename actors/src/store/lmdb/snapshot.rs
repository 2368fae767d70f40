//! Reading: a view of the tree as of one commit. Rows are borrowed from the map's pages.

use super::Tables;
use crate::store::StoreError;
use crate::store::rows::{Keyspace, RowBounds, RowIter, RowView};
use heed::{RoTxn, WithoutTls};

/// A view of an LMDB environment.
pub struct LmdbSnapshot<'s> {
    txn: RoTxn<'s, WithoutTls>,
    tables: Tables,
}

impl<'s> LmdbSnapshot<'s> {
    pub(super) fn new(txn: RoTxn<'s, WithoutTls>, tables: Tables) -> LmdbSnapshot<'s> {
        LmdbSnapshot { txn, tables }
    }

    /// How many rows a keyspace has.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn rows(&self, keyspace: Keyspace) -> Result<u64, StoreError> {
        Ok(self.tables.of(keyspace).len(&self.txn)?)
    }
}

impl RowView for LmdbSnapshot<'_> {
    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.tables.of(keyspace).get(&self.txn, key)?)
    }

    fn range(
        &self,
        keyspace: Keyspace,
        bounds: RowBounds,
        descending: bool,
    ) -> Result<RowIter<'_>, StoreError> {
        let table = self.tables.of(keyspace);
        let bounds = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
        Ok(if descending {
            Box::new(table.rev_range(&self.txn, &bounds)?.map(|row| Ok(row?)))
        } else {
            Box::new(table.range(&self.txn, &bounds)?.map(|row| Ok(row?)))
        })
    }
}
