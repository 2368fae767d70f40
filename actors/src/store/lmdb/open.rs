//! Opening: one process at a time, a known format, and the epoch that follows from how the environment was left.

use super::growth::Growth;
use super::loss::{self, Loss};
use super::readers;
use super::reserve::DiskReserve;
use super::witness;
use super::{LmdbStore, Tables};
use crate::limits::STORE_READERS_MAX;
use crate::store::epoch::{Left, Testimony};
use crate::store::journal::JournalError;
use crate::store::keys::environment::{self, LaneId};
use crate::store::keys::{items, names, partitions, shards, values};
use crate::store::segments::SegmentDigests;
use crate::store::{CommitError, Epoch, Store, StoreError, migration};
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, RwTxn, WithoutTls};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

type RowTable<'e> = Database<'e, Bytes, Bytes>;

/// How an environment is opened.
#[derive(Clone, Debug)]
pub struct LmdbOptions {
    /// Size of the memory map in bytes: what the environment can grow to. Rounded up to whole pages.
    pub map_size: usize,
    /// Drawn at random for this very call: the epoch if a new one begins, and the nonce of the next clean close.
    pub fresh_epoch: Epoch,
    /// The slice of the shards that the environment holds.
    pub lane: LaneId,
}

/// The environment was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A process has it open.
    #[error("{} is in use by another process", dir.display())]
    InUse {
        /// The environment's folder.
        dir: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error("{} has format {found}; this version reads formats up to {supported}: install a newer one", dir.display())]
    NewerFormat {
        /// The environment's folder.
        dir: PathBuf,
        /// The format that is stored.
        found: u32,
        /// The newest one that is known.
        supported: u32,
    },
    /// It holds another slice of the shards than the one asked for.
    #[error("{} is lane {} of {}, and was opened as lane {} of {}", dir.display(), found.lane, found.lanes, expected.lane, expected.lanes)]
    OtherLane {
        /// The environment's folder.
        dir: PathBuf,
        /// What is stored.
        found: LaneId,
        /// What was asked for.
        expected: LaneId,
    },
    /// Something that was stored is not there any more. Nothing was made in its place.
    #[error(
        "{}: {loss}. Restore it from a backup; to give up everything that is stored here and in the other lanes, the \
         buckets and access keys included, remove {}",
        dir.display(), home.display(),
    )]
    Lost {
        /// The environment's folder.
        dir: PathBuf,
        /// What is missing.
        loss: Loss,
        /// What has to be removed to begin with nothing.
        home: PathBuf,
    },
    /// Its rows cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    /// A row that every environment has is missing or unreadable.
    #[error("{} is not a store, or is corrupt: row `{row}`", dir.display())]
    Corrupt {
        /// The environment's folder.
        dir: PathBuf,
        /// The row's key.
        row: &'static str,
    },
    /// A file beside the environment failed.
    #[error("{}: {source}", dir.display())]
    Io {
        /// The environment's folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal beside it cannot be opened.
    #[error("{}: {source}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        source: JournalError,
    },
    /// It is of an earlier format, and was not brought to today's. The next opening goes on where this one ended.
    #[error("{}: the migration from an earlier format was not finished: {source}", dir.display())]
    Migration {
        /// The environment's folder.
        dir: PathBuf,
        /// What was in its way.
        source: CommitError,
    },
    /// LMDB failed.
    #[error("{}: LMDB: {source}", dir.display())]
    Lmdb {
        /// The environment's folder.
        dir: PathBuf,
        /// What LMDB said.
        source: heed::Error,
    },
}

/// Why the transaction of an opening is given up.
enum Refusal {
    Known(OpenError),
    Lmdb(heed::Error),
}

impl From<heed::Error> for Refusal {
    fn from(error: heed::Error) -> Refusal {
        Refusal::Lmdb(error)
    }
}

impl OpenError {
    pub(in crate::store) fn io(dir: &Path, source: io::Error) -> OpenError {
        OpenError::Io { dir: dir.to_path_buf(), source }
    }

    pub(super) fn lmdb(dir: &Path, source: heed::Error) -> OpenError {
        OpenError::Lmdb { dir: dir.to_path_buf(), source }
    }
}

impl LmdbStore {
    /// Opens the environment in `dir`, or makes a new one there.
    ///
    /// # Errors
    /// [`OpenError`]; what was stored is as it was.
    pub fn open(dir: &Path, options: &LmdbOptions) -> Result<LmdbStore, OpenError> {
        let store = LmdbStore::open_tree(dir, options)?;
        let failed = |source| OpenError::Migration { dir: dir.to_path_buf(), source };
        migration::run(&store).map_err(failed)?;
        store.digests.rebuild(&store.snapshot()?)?;
        Ok(store)
    }

    /// Opens the environment as the tree behind a journal. Its rows may be of an earlier format.
    pub(in crate::store) fn open_tree(dir: &Path, options: &LmdbOptions) -> Result<LmdbStore, OpenError> {
        fs::create_dir_all(dir).map_err(|source| OpenError::io(dir, source))?;
        let in_use = lock(dir)?;
        loss::check(dir, dir, false)?;
        let left_as = witness::testimony(dir).ok();
        let reserve = DiskReserve::find(dir).map_err(|source| OpenError::io(dir, source))?;
        let set_up = || {
            let env = open_environment(dir, options)?;
            readers::clear(&env, dir);
            set_up(dir, &env, options, left_as).map(|(tables, epoch)| (env, tables, epoch))
        };
        let done = match set_up() {
            Err(Refusal::Lmdb(error)) if reserve.was_missing(&error) => {
                reserve.release();
                set_up()
            }
            done => done,
        };
        let (env, tables, epoch) = done.map_err(|refusal| match refusal {
            Refusal::Known(error) => error,
            Refusal::Lmdb(error) => OpenError::lmdb(dir, error),
        })?;
        // With relaxed durability the commit above is not on the disk yet, and the clean mark must be gone for good.
        env.force_sync().map_err(|error| OpenError::lmdb(dir, error))?;
        witness::sync_dir(dir).map_err(|source| OpenError::io(dir, source))?;
        if !reserve.take() {
            log::warn!("{}: the disk is almost full: writes that grow may be refused", dir.display());
        }
        let growth = Growth::open(dir).map_err(|source| OpenError::io(dir, source))?;
        let nonce = options.fresh_epoch.0;
        let store = LmdbStore {
            env,
            tables,
            epoch,
            epoch_ends: AtomicBool::new(false),
            nonce,
            dir: dir.to_path_buf(),
            reserve,
            growth,
            digests: SegmentDigests::default(),
            _in_use: in_use,
        };
        store.cover();
        Ok(store)
    }
}

/// Keeps every other process out for as long as the file is held. LMDB's own lock admits several.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("in-use");
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|source| OpenError::io(dir, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: dir.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(OpenError::io(dir, source)),
    }
}

#[expect(unsafe_code, reason = "LMDB maps a file into memory; the proof is at the block")]
fn open_environment(dir: &Path, options: &LmdbOptions) -> heed::Result<Env<WithoutTls>> {
    let page_bytes = 1 << 16; // A multiple of every page size in use.
    let mut open = EnvOpenOptions::new().read_txn_without_tls();
    open.map_size(options.map_size.div_ceil(page_bytes).max(1).saturating_mul(page_bytes));
    open.max_dbs(Tables::COUNT).max_readers(STORE_READERS_MAX);
    // SAFETY: A memory map is sound as long as no other process changes the file behind it. This process holds the folder's lock
    // (`lock`, taken before), so that no other Troupe maps or writes `data.mdb`, and LMDB itself writes only pages that
    // no reader's root reaches, ordered by its own lock file, which is in use (`NO_LOCK` is never set). Within this
    // process heed refuses a second opening of the same folder.
    unsafe { open.open(dir) }
}

/// Looks whether the environment may be opened, and decides which epoch it is in; one transaction.
fn set_up(
    dir: &Path,
    env: &Env<WithoutTls>,
    options: &LmdbOptions,
    left_as: Option<Testimony>,
) -> Result<(Tables, Epoch), Refusal> {
    let mut epoch = options.fresh_epoch;
    let tables = env
        .create_databases_and_commit(env.write_txn()?, |opener, txn| {
            let mut table = |name| opener.create_database::<Bytes, Bytes>(txn, Some(name));
            let [items, partitions, shards] =
                [table(items::NAME)?, table(partitions::NAME)?, table(shards::NAME)?];
            let [control, environment] = [table(environment::CONTROL)?, table(environment::NAME)?];
            let [names, values] = [table(names::NAME)?, table(values::NAME)?];
            check_format(dir, txn, environment)?;
            check_lane(dir, txn, environment, options.lane)?;
            epoch = begin_epoch(dir, txn, environment, options.fresh_epoch, left_as)?;
            Ok::<_, Refusal>(CommitOrAbort::<_, ()>::Commit([
                items,
                partitions,
                shards,
                control,
                environment,
                names,
                values,
            ]))
        })?
        .unwrap_commit();
    let [items, partitions, shards, control, environment, names, values] = tables;
    Ok((Tables { items, partitions, shards, control, environment, names, values }, epoch))
}

/// Refuses what a newer version wrote. What an older one wrote is migrated once its journal is empty
/// ([`migration`](crate::store::migration)); until then it stays what it is.
fn check_format(dir: &Path, txn: &mut RwTxn<'_>, environment: RowTable<'_>) -> Result<(), Refusal> {
    let found = match environment.get(txn, environment::FORMAT_KEY)? {
        Some(row) => environment::decode_format(row).ok_or_else(|| corrupt(dir, "format"))?,
        None => environment::FORMAT,
    };
    if found == 0 {
        return Err(corrupt(dir, "format"));
    }
    if found > environment::FORMAT {
        let (dir, supported) = (dir.to_path_buf(), environment::FORMAT);
        return Err(Refusal::Known(OpenError::NewerFormat { dir, found, supported }));
    }
    environment.put(txn, environment::FORMAT_KEY, &environment::encode_format(found))?;
    Ok(())
}

/// An environment stays the lane that it was made as.
fn check_lane(dir: &Path, txn: &mut RwTxn<'_>, table: RowTable<'_>, expected: LaneId) -> Result<(), Refusal> {
    let found = match table.get(txn, environment::LANE_KEY)? {
        Some(row) => environment::decode_lane(row).ok_or_else(|| corrupt(dir, "lane"))?,
        None => expected,
    };
    if found != expected {
        return Err(Refusal::Known(OpenError::OtherLane { dir: dir.to_path_buf(), found, expected }));
    }
    table.put(txn, environment::LANE_KEY, &environment::encode_lane(expected))?;
    Ok(())
}

/// Resumes the epoch if the environment was closed cleanly and is the very file that was closed; begins a new one
/// otherwise. Either way the proof of the clean close is gone when this returns and commits.
fn begin_epoch(
    dir: &Path,
    txn: &mut RwTxn<'_>,
    table: RowTable<'_>,
    fresh: Epoch,
    left_as: Option<Testimony>,
) -> Result<Epoch, Refusal> {
    let stored = table.get(txn, environment::EPOCH_KEY)?.and_then(environment::decode_u64);
    let mark = table.get(txn, environment::CLEAN_KEY)?.and_then(environment::decode_u64);
    let left = Left { epoch: stored.map(Epoch), mark, witness: witness::read(dir), file: left_as };
    let epoch = left.epoch(fresh);
    witness::remove(dir).map_err(|source| Refusal::Known(OpenError::io(dir, source)))?;
    table.delete(txn, environment::CLEAN_KEY)?;
    table.put(txn, environment::EPOCH_KEY, &environment::encode_u64(epoch.0))?;
    Ok(epoch)
}

fn corrupt(dir: &Path, row: &'static str) -> Refusal {
    Refusal::Known(OpenError::Corrupt { dir: dir.to_path_buf(), row })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LmdbOptions {
        LmdbOptions { map_size: 8 << 20, fresh_epoch: Epoch(1), lane: LaneId { lane: 0, lanes: 1 } }
    }

    /// Makes a store, overwrites one of the rows that it keeps about itself, and opens it again.
    fn reopen_with(key: &[u8], row: &[u8]) -> Result<LmdbStore, OpenError> {
        let dir = tempfile::tempdir().unwrap();
        let store = LmdbStore::open(dir.path(), &options()).unwrap();
        let mut txn = store.env.write_txn().unwrap();
        store.tables.environment.put(&mut txn, key, row).unwrap();
        txn.commit().unwrap();
        drop(store);
        LmdbStore::open(dir.path(), &options())
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let newer = environment::encode_format(environment::FORMAT + 1);
        let error = reopen_with(environment::FORMAT_KEY, &newer).unwrap_err();
        assert!(matches!(error, OpenError::NewerFormat { found: 4, supported: 3, .. }), "{error}");
        assert!(error.to_string().contains("format 4"), "{error}");
    }

    #[test]
    fn a_row_that_no_version_writes_is_refused() {
        for (key, row) in [(environment::FORMAT_KEY, &b"x"[..]), (environment::FORMAT_KEY, &[0; 4])] {
            let error = reopen_with(key, row).unwrap_err();
            assert!(matches!(error, OpenError::Corrupt { row: "format", .. }), "{error}");
        }
        let error = reopen_with(environment::LANE_KEY, b"x").unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { row: "lane", .. }), "{error}");
    }

    #[test]
    fn a_clean_mark_without_its_witness_proves_nothing() {
        let mark = environment::encode_u64(1);
        let store = reopen_with(environment::CLEAN_KEY, &mark).unwrap();
        assert_eq!(store.epoch, Epoch(1));
        let txn = store.env.read_txn().unwrap();
        assert_eq!(store.tables.environment.get(&txn, environment::CLEAN_KEY).unwrap(), None);
    }
}
