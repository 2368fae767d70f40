//! The store of a lane: a journal and a memtable in front of a tree.
//!
//! ```text
//!              ┌── append, one sync ──▶ journal      what a writer waits for
//!  a group ────┤                                     ┌────────┐   ┌────────┐   ┌──────┐
//!              └── then its rows ──▶                 │ active │──▶│ frozen │──▶│ tree │
//!                                                    └────────┘   └────────┘   └──────┘
//!                                             freeze ─────┘            │           │
//!                             checkpoint: sorted, in bounded transactions ─────────┘
//! ```
//!
//! A group of writes becomes a record of final rows in the journal. Synced, it is durable; its rows then show in the
//! *active* table. A *checkpoint* freezes that table, brings it into the tree in the order of its keys, and gives the
//! record's room in the journal back. What a reader sees is the newest state among active, frozen and tree.
//!
//! Laws:
//!
//! * **Durable before visible.** A row is in a table only once its record is synced (with relaxed durability: appended).
//! * **The tree never runs ahead of the journal.** A frozen table's records are synced before the first of its rows goes
//!   into the tree; the tree names the record up to which it holds single rows, and a journal that ends earlier is
//!   refused.
//! * **Room is given back last**: after the transaction that brings the last row, and the mark of the last record, is
//!   durable.
//! * **A snapshot's tables and tree belong together**: no table was frozen or dropped between taking the one and the
//!   other (`snapshot.rs`). Else an old table would hide a newer tree, or a row be in neither.

mod background;
mod checkpoint;
mod commit;
mod durability;
mod lanes;
mod marks;
mod merge;
mod open;
mod pace;
mod snapshot;
mod stats;
mod tables;

pub use checkpoint::Step;
pub use durability::Durability;
pub use lanes::LanesOptions;
pub use open::JournalOptions;
pub use snapshot::JournalledSnapshot;
pub use stats::{Commits, JournalStats, NodeStats};

use super::journal::disk::DiskFile;
use super::journal::log::Journal;
use super::journal::{Header, JournalError, JournalFile, Stamp};
use super::lmdb::LmdbStore;
use super::memtable::Memtable;
use super::segments::SegmentDigests;
use super::tree::Tree;
use super::{CommitError, Epoch, Store, StoreError, Write};
use crate::clock::monotonic_now;
use crate::mutation::{Mutation, is_on};
use arc_swap::ArcSwap;
use checkpoint::Checkpoint;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tables::Tables;

/// A node's store: on a disk, with LMDB as its tree.
pub type NodeStore = JournalledStore<LmdbStore, DiskFile>;

/// An open store.
#[derive(Debug)]
pub struct JournalledStore<T, F> {
    tree: T,
    durability: Durability,
    /// What readers see of the tables.
    tables: ArcSwap<Tables>,
    digests: SegmentDigests,
    writer: Mutex<Writer<F>>,
    /// Held for the length of a commit: groups are durable one after the other.
    committing: Mutex<()>,
    /// The checkpoint that is under way. Taken before `writer`, never after it.
    checkpoint: Mutex<Option<Checkpoint>>,
    /// Something for the checkpointer to do.
    to_checkpointer: Condvar,
    /// Something that a waiting writer looks at.
    to_writer: Condvar,
    /// The end, for whatever sleeps in the background.
    to_background: Condvar,
}

/// What writers and the checkpoint share.
#[derive(Debug)]
struct Writer<F> {
    journal: Journal<F>,
    active: Memtable,
    /// The record up to which the tree holds everything.
    applied: Stamp,
    /// When the oldest row of the active table came.
    active_since: Option<Instant>,
    /// A writer waits for room in the journal, or for the tree to have everything.
    is_urgent: bool,
    /// A thread does the checkpoints.
    has_checkpointer: bool,
    /// Why the tree takes nothing at the moment.
    stalled: Option<CommitError>,
    /// Why no write can be trusted any more.
    broken: Option<CommitError>,
    last_checkpoint: Duration,
    /// Groups that were committed since the start, their rows, and how long that took.
    commits: Commits,
    /// What runs in the background is to return.
    is_stopping: bool,
}

impl<T: Tree, F: JournalFile> JournalledStore<T, F> {
    /// Opens the journal in `file` in front of `tree`: the records that the tree lacks are in the active table when this
    /// returns. `header` is the file's. A tree without a journal takes this one.
    ///
    /// # Errors
    /// [`JournalError`]; nothing but the number of the opening was changed.
    pub fn new(
        tree: T,
        file: F,
        header: Header,
        durability: Durability,
    ) -> Result<JournalledStore<T, F>, JournalError> {
        let store = JournalledStore::replayed(tree, file, header, durability)?;
        store.digests.rebuild(&store.snapshot()?)?;
        Ok(store)
    }

    /// The same, of a tree whose rows may be of an earlier format: the digests are not there yet.
    fn replayed(
        tree: T,
        file: F,
        header: Header,
        durability: Durability,
    ) -> Result<JournalledStore<T, F>, JournalError> {
        let known = marks::read(&tree, header)?;
        let mut active = Memtable::default();
        let journal = Journal::replay(file, header, known, |record, _| active.insert(&record))?;
        marks::write_opening(&tree, header, journal.last().opening)?;
        let is_empty = active.is_empty();
        let writer = Writer {
            journal,
            active: active.clone(),
            applied: known.applied,
            active_since: (!is_empty).then(monotonic_now),
            is_urgent: false,
            has_checkpointer: false,
            stalled: None,
            broken: None,
            last_checkpoint: Duration::ZERO,
            commits: Commits::default(),
            is_stopping: false,
        };
        Ok(JournalledStore {
            tree,
            durability,
            tables: ArcSwap::from_pointee(Tables { active, frozen: None, generation: 0 }),
            digests: SegmentDigests::default(),
            writer: Mutex::new(writer),
            committing: Mutex::new(()),
            checkpoint: Mutex::new(None),
            to_checkpointer: Condvar::new(),
            to_writer: Condvar::new(),
            to_background: Condvar::new(),
        })
    }

    /// The tree behind the journal.
    pub fn tree(&self) -> &T {
        &self.tree
    }

    /// The number that the environment was given when it was made.
    pub fn environment_number(&self) -> u64 {
        self.writer().journal.environment()
    }

    /// The newest group: the environment's commit sequence.
    pub fn last_commit(&self) -> Stamp {
        self.writer().journal.last()
    }

    fn writer(&self) -> MutexGuard<'_, Writer<F>> {
        // A panic in a lane or a checkpoint ends the process.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Tree, F: JournalFile> Store for JournalledStore<T, F> {
    type Snapshot<'s> = JournalledSnapshot<T::View<'s>>;

    fn snapshot(&self) -> Result<JournalledSnapshot<T::View<'_>>, StoreError> {
        JournalledSnapshot::take(&self.tables, &self.tree)
    }

    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        if is_on(Mutation::BatchSplitOverTransactions) {
            let writes: Vec<&Write> = writes.collect();
            let (first, rest) = writes.split_at(writes.len() / 2);
            return [first, rest].iter().try_for_each(|part| self.commit_group(&mut part.iter().copied()));
        }
        self.commit_group(writes)
    }

    fn digests(&self) -> &SegmentDigests {
        &self.digests
    }

    fn epoch(&self) -> Epoch {
        self.tree.epoch()
    }

    fn end_epoch(&self) {
        self.tree.end_epoch();
    }
}
