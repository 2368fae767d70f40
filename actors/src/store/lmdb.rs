//! The store of a node: one LMDB environment per lane.
//!
//! LMDB is a copy-on-write tree in a memory map. A commit writes the new pages, syncs them, then writes and syncs one
//! of two root pages: a kill at any moment leaves the old root or the new one. Readers see the root of their snapshot.
//! `NOSYNC` and `WRITEMAP`, which give that up, are never used.
//!
//! Beside `data.mdb` and LMDB's own `lock.mdb`, the folder holds `in-use` (locked by the process that has it open),
//! `reserve` (room for deletions on a full disk) and, while closed, `closed-cleanly` (see `witness`).

mod growth;
pub(in crate::store) mod loss;
mod open;
mod readers;
mod reserve;
mod snapshot;
mod stats;
mod tree;
pub(in crate::store) mod witness;

pub use loss::Loss;
pub use open::{LmdbOptions, OpenError};
pub use snapshot::LmdbSnapshot;
pub use stats::StoreStats;

use super::final_rows::FinalRows;
use super::group::Group;
use super::keys::environment;
use super::rows::Keyspace;
use super::segments::SegmentDigests;
use super::{CommitError, Epoch, FailureCause, Store, StoreError, Write};
use growth::Growth;
use heed::types::Bytes;
use heed::{Database, Env, MdbError, RwTxn, WithoutTls};
use reserve::{DiskReserve, map_reserve_bytes};
use snapshot::TxnView;
use stats::PageUse;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

type Table = Database<'static, Bytes, Bytes>;

/// The keyspaces.
#[derive(Clone, Copy, Debug)]
struct Tables {
    items: Table,
    partitions: Table,
    shards: Table,
    control: Table,
    environment: Table,
    names: Table,
    values: Table,
}

impl Tables {
    const COUNT: u32 = 7;

    fn of(&self, keyspace: Keyspace) -> &Table {
        match keyspace {
            Keyspace::Items => &self.items,
            Keyspace::Partitions => &self.partitions,
            Keyspace::Shards => &self.shards,
            Keyspace::Control => &self.control,
            Keyspace::Environment => &self.environment,
            Keyspace::Names => &self.names,
            Keyspace::Values => &self.values,
        }
    }
}

/// An open environment.
#[derive(Debug)]
pub struct LmdbStore {
    env: Env<WithoutTls>,
    tables: Tables,
    epoch: Epoch,
    /// Whether the epoch ends with this opening.
    epoch_ends: AtomicBool,
    /// Identifies this opening of the environment.
    nonce: u64,
    dir: PathBuf,
    reserve: DiskReserve,
    growth: Growth,
    /// Kept by whoever writes groups: empty behind a journal, which has its own.
    digests: SegmentDigests,
    /// Declared last, so that the lock is released after the environment is closed.
    _in_use: File,
}

impl Store for LmdbStore {
    type Snapshot<'s> = LmdbSnapshot<'s>;

    fn snapshot(&self) -> Result<LmdbSnapshot<'_>, StoreError> {
        let txn = self.env.read_txn()?;
        Ok(LmdbSnapshot::new(txn, self.tables))
    }

    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        let group = Group::of(writes)?;
        match self.store(&group) {
            Err(CommitError::MapFull) if readers::clear(&self.env, &self.dir) => self.store(&group),
            outcome => outcome,
        }?;
        self.digests.committed(&group);
        Ok(())
    }

    fn digests(&self) -> &SegmentDigests {
        &self.digests
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end_epoch(&self) {
        self.epoch_ends.store(true, Ordering::Release);
    }
}

impl LmdbStore {
    fn store(&self, group: &Group<'_>) -> Result<(), CommitError> {
        let mut txn = self.env.write_txn()?;
        let rows = FinalRows::of(group, &TxnView { txn: &txn, tables: &self.tables })?;
        for row in rows.iter() {
            self.tables.apply(&mut txn, &row)?;
        }
        if group.grows {
            self.make_room(&txn)?;
        }
        self.finish(txn)
    }

    fn finish(&self, txn: RwTxn<'_>) -> Result<(), CommitError> {
        txn.commit().map_err(|error| self.failed(error))?;
        self.cover();
        Ok(())
    }

    /// Refuses a transaction that would leave too little for deletions, and makes room for those to come.
    fn make_room(&self, txn: &RwTxn<'_>) -> Result<(), CommitError> {
        let owned = PageUse::of(&self.env);
        let used = owned.used_bytes(&self.tables, txn)?;
        let fits = |bytes: u64| used.saturating_add(map_reserve_bytes(bytes)) <= bytes;
        if !fits(owned.map_bytes) {
            return Err(CommitError::MapFull);
        }
        // Without its reserve the disk may be full: there is only what the file has already.
        if !self.reserve.take() {
            return if fits(owned.file_bytes) { Ok(()) } else { Err(CommitError::DiskFull) };
        }
        self.grow_ahead();
        Ok(())
    }

    /// Makes the file longer ahead of the pages that will be used. For the holder of a write transaction.
    fn grow_ahead(&self) {
        let owned = PageUse::of(&self.env);
        if let Err(error) = self.growth.ahead_of(owned.file_bytes, owned.map_bytes) {
            log::debug!("{}: {error}", self.dir.display());
        }
    }

    /// Keeps the file as long as its root page says, which [`loss`] holds it to.
    fn cover(&self) {
        if let Err(error) = self.growth.cover(PageUse::of(&self.env).file_bytes) {
            log::warn!("{}: the file cannot be made longer: {error}", self.dir.display());
        }
    }

    /// What it means that a transaction was not written.
    ///
    /// Running out of room is survivable even if LMDB found out while it synced: the pages of the transaction are
    /// reached from no root, and every earlier one was synced before its own root was written. Anything else is not.
    fn failed(&self, error: heed::Error) -> CommitError {
        if !self.reserve.was_missing(&error) {
            return CommitError::from(error);
        }
        self.reserve.release();
        // If it was the root that failed, LMDB closes the environment for writing and says so from now on.
        match self.env.write_txn() {
            Ok(_) => CommitError::DiskFull,
            Err(error) => FailureCause::from(error).into(),
        }
    }

    /// Marks the environment as closed with nothing lost, so that opening it resumes the epoch; unless
    /// [`Store::end_epoch`] was called. The lane must have stopped; dropping the store then closes it.
    ///
    /// # Errors
    /// The mark could not be written: the next opening begins a new epoch, and nothing else is lost.
    pub fn close_clean(&self) -> Result<(), OpenError> {
        if self.epoch_ends.load(Ordering::Acquire) {
            return Ok(());
        }
        self.mark_clean().map_err(|source| OpenError::lmdb(&self.dir, source))?;
        self.cover();
        witness::write(&self.dir, self.nonce).map_err(|source| OpenError::io(&self.dir, source))
    }

    fn mark_clean(&self) -> heed::Result<()> {
        let mut txn = self.env.write_txn()?;
        let nonce = environment::encode_u64(self.nonce);
        self.tables.environment.put(&mut txn, environment::CLEAN_KEY, &nonce)?;
        txn.commit()?;
        self.env.force_sync()
    }
}

/// What a failed step of a transaction means. Nothing of it is stored, as LMDB aborts it.
impl From<heed::Error> for CommitError {
    fn from(error: heed::Error) -> CommitError {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => CommitError::MapFull,
            other => FailureCause::from(other).into(),
        }
    }
}

impl From<heed::Error> for StoreError {
    fn from(error: heed::Error) -> StoreError {
        StoreError::Unreadable(FailureCause::from(error).into())
    }
}

impl From<heed::Error> for FailureCause {
    fn from(error: heed::Error) -> FailureCause {
        FailureCause::Lmdb(Box::new(error))
    }
}
