//! A journalled store in a folder.

use super::marks;
use super::{Durability, JournalledStore, NodeStore};
use crate::store::journal::disk::{self, DiskFile};
use crate::store::journal::{Header, JournalError};
use crate::store::lmdb::{LmdbOptions, LmdbStore, OpenError};
use crate::store::{Store, migration};
use std::path::Path;

/// How a journal is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// The longest one that is made for a store without one, in bytes; a small disk gets a shorter one.
    pub bytes_max: u64,
    /// When a group counts as done.
    pub durability: Durability,
}

impl NodeStore {
    /// Opens the store in `dir`, or makes a new one there. A store that has no journal yet gets one.
    ///
    /// # Errors
    /// [`OpenError`]; what was stored is as it was.
    pub fn open(dir: &Path, options: &LmdbOptions, journal: JournalOptions) -> Result<NodeStore, OpenError> {
        let tree = LmdbStore::open_tree(dir, options)?;
        let failed = |source| OpenError::Journal { path: dir.join(disk::NAME), source };
        let (file, header) = open_file(dir, &tree, options, journal.bytes_max).map_err(failed)?;
        let store = JournalledStore::replayed(tree, file, header, journal.durability).map_err(failed)?;
        if migration::is_due(&store.tree)? {
            // The records of an earlier format are rows of that format: they go into the tree as they are.
            let failed = |source| OpenError::Migration { dir: dir.to_path_buf(), source };
            store.checkpoint().map_err(failed)?;
            migration::run(&store.tree).map_err(failed)?;
        }
        store.digests.rebuild(&store.snapshot()?)?;
        Ok(store)
    }

    /// Brings everything into the tree, and marks the store as closed with nothing lost, so that opening it resumes the
    /// epoch. There must be no writer any more.
    ///
    /// # Errors
    /// The store is not marked: the next opening begins a new epoch, and nothing else is lost.
    pub fn close_clean(&self) -> Result<(), OpenError> {
        if let Err(error) = self.checkpoint() {
            log::warn!("the journal keeps what the tree cannot take: {error}");
            return Ok(());
        }
        self.tree.close_clean()
    }
}

/// The journal of a tree. One that was made, and that the tree never got to know, is made again.
fn open_file(
    dir: &Path,
    tree: &LmdbStore,
    options: &LmdbOptions,
    journal_bytes_max: u64,
) -> Result<(DiskFile, Header), JournalError> {
    if let Some(header) = marks::journal_of(tree)? {
        let file = DiskFile::open(dir)?;
        if Header::read(&file)? != Some(header) {
            return Err(JournalError::Foreign);
        }
        return Ok((file, header));
    }
    let capacity = disk::capacity_for(dir, options.lane.lanes, journal_bytes_max)?;
    // The lanes of a node are made with one epoch; their journals are not interchangeable.
    let environment = options.fresh_epoch.0.wrapping_add(u64::from(options.lane.lane));
    let header = Header { environment, capacity };
    Ok((DiskFile::create(dir, header)?, header))
}
