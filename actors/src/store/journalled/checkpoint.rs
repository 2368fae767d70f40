//! Bringing a table into the tree.
//!
//! A checkpoint writes the rows of a frozen table in the order of their keys, a bounded number in each transaction, so
//! that many rows share the pages that are written, and no transaction keeps the disk busy for long. The tree's mark
//! moves in the last one. A crash in between leaves some rows of later records in the tree: the next recovery finds
//! all of these records in the journal, and applies them again.

use super::pace::StepRows;
use super::{Durability, JournalledStore, marks};
use crate::limits::CHECKPOINT_STEP_BYTES_MAX;
use crate::mutation::{Mutation, is_on};
use crate::store::journal::record::row_bytes;
use crate::store::journal::{JournalFile, Stamp};
use crate::store::memtable::{Memtable, ordered_key};
use crate::store::rows::RowChange;
use crate::store::tree::Tree;
use crate::store::{CommitError, FailureCause};
use std::sync::{Arc, PoisonError};

/// A frozen table on its way into the tree.
#[derive(Debug)]
pub(super) struct Checkpoint {
    table: Arc<Memtable>,
    /// The last record whose rows are in the table.
    last: Stamp,
    /// Where the room of that record ends in the journal.
    head: u64,
    /// The last row that the tree has, as keyspace and key.
    done: Option<Vec<u8>>,
    /// Whether the records of the table are durable.
    is_synced: bool,
}

/// What a step of a checkpoint came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The tree has everything.
    Idle,
    /// More rows of the frozen table are in the tree.
    Partial,
    /// The frozen table is in the tree, and its room in the journal was given back.
    Finished,
}

impl<T: Tree, F: JournalFile> JournalledStore<T, F> {
    /// Brings everything that is in the tables now into the tree.
    ///
    /// # Errors
    /// [`CommitError`]: the tree takes no more rows. Nothing is lost; the rest is still in the journal.
    pub fn checkpoint(&self) -> Result<(), CommitError> {
        let mut running = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        self.checkpoint_all(&mut running)
    }

    /// One transaction of a checkpoint, of up to so many rows. Freezes the active table if no checkpoint is under way.
    ///
    /// # Errors
    /// [`CommitError`]: the transaction was not applied. It can be tried again.
    pub fn checkpoint_step(&self, rows_max: usize) -> Result<Step, CommitError> {
        let mut running = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        self.step(&mut running, rows_max)
    }

    pub(super) fn checkpoint_all(&self, running: &mut Option<Checkpoint>) -> Result<(), CommitError> {
        let mut rows = StepRows::most();
        loop {
            match self.step(running, rows.get()) {
                Ok(Step::Idle) => return Ok(()),
                Ok(Step::Partial | Step::Finished) => {}
                Err(error @ (CommitError::MapFull | CommitError::DiskFull)) => {
                    rows = rows.after_no_room().ok_or(error)?;
                }
                Err(error @ CommitError::Broken(_)) => return Err(error),
            }
        }
    }

    fn step(&self, running: &mut Option<Checkpoint>, rows_max: usize) -> Result<Step, CommitError> {
        let checkpoint = match running {
            Some(checkpoint) => checkpoint,
            None => match self.freeze() {
                Some(checkpoint) => running.insert(checkpoint),
                None => return Ok(Step::Idle),
            },
        };
        self.sync_before(checkpoint)?;
        if is_on(Mutation::RoomGivenBackBeforeTheTree) {
            self.writer().journal.release(checkpoint.head);
        }
        let (rows, is_last) = next_rows(&checkpoint.table, checkpoint.done.as_deref(), rows_max);
        let applied = if is_last { checkpoint.last } else { self.writer().applied };
        let mark = marks::encode_applied(applied, checkpoint.last.sequence);
        let mut marked = rows.iter().copied().chain(std::iter::once(marks::applied_row(&mark)));
        let outcome = self.tree.apply(&mut marked);
        let mut writer = self.writer();
        if let Err(error) = outcome {
            writer.note(&error);
            return Err(error);
        }
        writer.stalled = None;
        if !is_last {
            checkpoint.done = rows.last().map(|row| ordered_key(row.keyspace, row.key));
            return Ok(Step::Partial);
        }
        // Everything is in the tree, durably: readers no longer need the table, and recovery no longer needs the records.
        writer.applied = checkpoint.last;
        self.tables.store(Arc::new(self.tables.load().without_frozen()));
        writer.journal.release(checkpoint.head);
        writer.is_urgent = false;
        self.to_writer.notify_all();
        // Taking a large table apart takes a while: nobody should wait for that.
        drop(writer);
        *running = None;
        Ok(Step::Finished)
    }

    /// Freezes the active table, if it holds anything.
    fn freeze(&self) -> Option<Checkpoint> {
        let mut writer = self.writer();
        if writer.active.is_empty() {
            return None;
        }
        let table = Arc::new(std::mem::take(&mut writer.active));
        writer.active_since = None;
        self.tables.store(Arc::new(self.tables.load().with_frozen(Arc::clone(&table))));
        let (last, head) = (writer.journal.last(), writer.journal.head());
        Some(Checkpoint { table, last, head, done: None, is_synced: self.durability == Durability::Commit })
    }

    /// No row may reach the tree before all records of its table are durable: a crash would leave a part of a group.
    fn sync_before(&self, checkpoint: &mut Checkpoint) -> Result<(), CommitError> {
        if !checkpoint.is_synced {
            self.sync_journal()?;
            checkpoint.is_synced = true;
        }
        Ok(())
    }

    /// Makes everything that was appended so far durable.
    ///
    /// # Errors
    /// [`CommitError::Broken`]: no write can be trusted any more.
    pub fn sync_journal(&self) -> Result<(), CommitError> {
        let writer = self.writer();
        let (file, sequence) = (Arc::clone(writer.journal.file()), writer.journal.last().sequence);
        drop(writer);
        let outcome = file.sync();
        let mut writer = self.writer();
        match outcome {
            Ok(()) => {
                writer.journal.synced(sequence);
                Ok(())
            }
            Err(error) => Err(writer.breaks(FailureCause::Journal(error))),
        }
    }
}

/// The next rows of a table behind `done`, and whether they are the last.
fn next_rows<'t>(table: &'t Memtable, done: Option<&[u8]>, rows_max: usize) -> (Vec<RowChange<'t>>, bool) {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for row in table.after(done) {
        bytes += row_bytes(&row);
        if !rows.is_empty() && (rows.len() >= rows_max || bytes > CHECKPOINT_STEP_BYTES_MAX) {
            return (rows, false);
        }
        rows.push(row);
    }
    (rows, true)
}
