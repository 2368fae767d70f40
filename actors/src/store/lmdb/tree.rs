//! The environment as the tree behind a journal.

use super::growth::Reservation;
use super::readers;
use super::reserve::map_reserve_bytes;
use super::snapshot::LmdbSnapshot;
use super::stats::PageUse;
use super::{LmdbStore, Tables};
use crate::limits::STORE_HEADROOM_BYTES;
use crate::store::rows::{Keyspace, RowChange};
use crate::store::tree::{Tree, TreeNeed};
use crate::store::{CommitError, Epoch, Store, StoreError};
use heed::RwTxn;

impl Tree for LmdbStore {
    type View<'t> = LmdbSnapshot<'t>;

    fn view(&self) -> Result<LmdbSnapshot<'_>, StoreError> {
        self.snapshot()
    }

    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError> {
        let mut txn = self.env.write_txn()?;
        for row in rows {
            let applied = self.tables.apply(&mut txn, &row).map_err(CommitError::from);
            if applied == Err(CommitError::MapFull) {
                // The next try may use the pages that they kept.
                readers::clear(&self.env, &self.dir);
            }
            applied?;
        }
        if self.reserve.take() {
            self.grow_ahead();
        }
        self.finish(txn)
    }

    /// Counts what the rows take at worst, looks for it in the map, and reserves it on the disk.
    fn promise_room(&self, need: TreeNeed) -> Result<(), CommitError> {
        let txn = self.env.read_txn()?;
        let owned = PageUse::of(&self.env);
        let used = owned.used_bytes(&self.tables, &txn)?.saturating_add(need.pages_bytes());
        let fits = |bytes: u64| used.saturating_add(map_reserve_bytes(bytes)) <= bytes;
        if !fits(owned.map_bytes) {
            return Err(CommitError::MapFull);
        }
        // Without its reserve the disk may be full: there is only what the file has already.
        if !self.reserve.take() {
            return if fits(owned.file_bytes) { Ok(()) } else { Err(CommitError::DiskFull) };
        }
        // Free pages of the file serve rows that share pages. A row with pages of its own needs them in one piece.
        let behind = if need.own_bytes == 0 { 0 } else { owned.file_bytes.saturating_add(need.own_bytes) };
        match self.growth.reserve(used.max(behind).saturating_add(STORE_HEADROOM_BYTES)) {
            Reservation::Made => Ok(()),
            // What deletions gave back lies within the file. A row with pages of its own may not find them in one piece
            // there; then it stays in the journal, where it is durable, and what grows is refused until there is room.
            Reservation::NoRoom if fits(owned.file_bytes) => Ok(()),
            Reservation::NoRoom => Err(CommitError::DiskFull),
            Reservation::Unsupported => {
                let missing = used.saturating_sub(owned.file_bytes);
                if self.reserve.has_left(missing) { Ok(()) } else { Err(CommitError::DiskFull) }
            }
        }
    }

    fn epoch(&self) -> Epoch {
        Store::epoch(self)
    }

    fn end_epoch(&self) {
        Store::end_epoch(self);
    }
}

impl Tables {
    /// Brings one row to its final state.
    pub(super) fn apply(&self, txn: &mut RwTxn<'_>, row: &RowChange<'_>) -> heed::Result<()> {
        let table = self.of(row.keyspace);
        let Some(value) = row.value else { return table.delete(txn, row.key).map(drop) };
        // LMDB joins pages that became almost empty only after a removal, never after a smaller row.
        let shrinks = row.keyspace == Keyspace::Items
            && table.get(txn, row.key)?.is_some_and(|stored| stored.len() > value.len());
        if shrinks {
            table.delete(txn, row.key)?;
        }
        table.put(txn, row.key, value)
    }
}
