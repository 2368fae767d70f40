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

/// A view of what a transaction sees.
pub(super) struct TxnView<'t> {
    pub(super) txn: &'t RoTxn<'t>,
    pub(super) tables: &'t Tables,
}

impl RowView for TxnView<'_> {
    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.tables.of(keyspace).get(self.txn, key)?)
    }

    fn range(
        &self,
        keyspace: Keyspace,
        bounds: RowBounds,
        descending: bool,
    ) -> Result<RowIter<'_>, StoreError> {
        self.tables.range(self.txn, keyspace, bounds, descending)
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
        self.tables.range(&self.txn, keyspace, bounds, descending)
    }
}

impl Tables {
    fn range<'v>(
        &self,
        txn: &'v RoTxn<'_>,
        keyspace: Keyspace,
        bounds: RowBounds,
        descending: bool,
    ) -> Result<RowIter<'v>, StoreError> {
        let table = self.of(keyspace);
        let bounds = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
        Ok(if descending {
            Box::new(table.rev_range(txn, &bounds)?.map(|row| Ok(row?)))
        } else {
            Box::new(table.range(txn, &bounds)?.map(|row| Ok(row?)))
        })
    }
}
