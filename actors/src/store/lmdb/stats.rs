//! How full an environment is.

use super::{LmdbStore, Table, Tables};
use crate::store::StoreError;
use heed::{DatabaseStat, Env, RoTxn, WithoutTls};

/// How full an environment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreStats {
    /// Bytes of pages that hold something.
    pub used_bytes: u64,
    /// What it can grow to.
    pub map_bytes: u64,
    /// Bytes of the file: pages that hold something and pages that may be used again.
    pub file_bytes: u64,
    /// Items, tombstones included.
    pub items: u64,
    /// Partitions that hold anything countable.
    pub partitions: u64,
}

impl LmdbStore {
    /// How full the environment is.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        let txn = self.env.read_txn()?;
        let owned = PageUse::of(&self.env);
        Ok(StoreStats {
            used_bytes: owned.used_bytes(&self.tables, &txn)?,
            map_bytes: owned.map_bytes,
            file_bytes: owned.file_bytes,
            items: self.tables.items.len(&txn)?,
            partitions: self.tables.partitions.len(&txn)?,
        })
    }
}

/// What an environment owns, as of its last commit.
pub(super) struct PageUse {
    pub(super) map_bytes: u64,
    pub(super) file_bytes: u64,
    page_bytes: u64,
    root_pages: u64,
}

impl PageUse {
    pub(super) fn of(env: &Env<WithoutTls>) -> PageUse {
        let (info, root) = (env.info(), env.unnamed_database_stat());
        let page_bytes = u64::from(root.page_size);
        PageUse {
            map_bytes: info.map_size as u64,
            file_bytes: (info.last_page_number as u64 + 1) * page_bytes,
            page_bytes,
            // Two pages of roots, then the tree of the tables' names.
            root_pages: 2 + pages(&root),
        }
    }

    /// Bytes of pages that hold something in a transaction. The list of free pages is reckoned, as LMDB does not tell.
    pub(super) fn used_bytes(&self, tables: &Tables, txn: &RoTxn<'_>) -> heed::Result<u64> {
        let Tables { items, partitions, shards, control, environment, names, values } = tables;
        let mut used = self.root_pages;
        for table in [items, partitions, shards, control, environment, names, values] {
            let table: &Table = table;
            used += pages(&table.stat(txn)?);
        }
        let free = (self.file_bytes / self.page_bytes).saturating_sub(used);
        Ok((used + free / 256) * self.page_bytes)
    }
}

fn pages(table: &DatabaseStat) -> u64 {
    (table.branch_pages + table.leaf_pages + table.overflow_pages) as u64
}
