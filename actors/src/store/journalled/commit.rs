//! Committing a group: its final rows, one record, one sync, then the table.

use super::pace::write_delay;
use super::{Durability, JournalledStore, Writer, marks};
use crate::clock::monotonic_now;
use crate::limits::CHECKPOINT_JOURNAL_PARTS;
use crate::mutation::{Mutation, is_on};
use crate::store::final_rows::FinalRows;
use crate::store::group::Group;
use crate::store::journal::JournalFile;
use crate::store::journal::record::{self, HEAD_BYTES, RecordBuilder};
use crate::store::memtable::Memtable;
use crate::store::tree::{Tree, TreeNeed};
use crate::store::{CommitError, FailureCause, Store, Write};
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};

impl<T: Tree, F: JournalFile> JournalledStore<T, F> {
    pub(super) fn commit_group(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        let _committing = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let (group, began) = (Group::of(writes)?, monotonic_now());
        // Nothing but a commit changes what a row holds, so that what is read here is true until the end.
        let snapshot = self.snapshot()?;
        let rows = FinalRows::of(&group, &snapshot)?;
        drop(snapshot);
        if group.grows {
            self.promise_room(
                rows.iter().map(|row| TreeNeed::of(&row)).fold(TreeNeed::default(), TreeNeed::and),
            )?;
        }
        let rows_bytes = rows.iter().map(|row| record::row_bytes(&row)).sum();
        if record::padded_bytes(rows_bytes) as u64 > self.writer().journal.capacity() / 2 {
            self.commit_to_tree(&rows)?;
            self.digests.committed(&group);
            return Ok(());
        }
        let mut record = RecordBuilder::with_capacity(rows_bytes);
        rows.iter().for_each(|row| record.push(&row));
        let mut writer = self.wait_for_room(rows_bytes)?;
        let record = self.append(&mut writer, record, rows_bytes)?;
        if writer.active.is_empty() {
            writer.active_since = Some(monotonic_now());
        }
        writer.active.insert(&record);
        self.tables.store(Arc::new(self.tables.load().with_active(writer.active.clone())));
        self.digests.committed(&group);
        writer.commits.groups += 1;
        writer.commits.rows += rows.iter().count() as u64;
        writer.commits.took += began.elapsed();
        if writer.is_checkpoint_due() {
            self.to_checkpointer.notify_one();
        }
        Ok(())
    }

    /// Writes the record, and makes it durable. It is held by the lock that a freeze takes, too: a table is frozen with
    /// all rows of the journal's records, or with none of the last one.
    fn append(
        &self,
        writer: &mut Writer<F>,
        record: RecordBuilder,
        rows_bytes: usize,
    ) -> Result<Arc<[u8]>, CommitError> {
        let (mut bytes, stamp) = match writer.journal.append(record) {
            Ok(Some(appended)) => appended,
            Ok(None) => return Err(writer.breaks(FailureCause::JournalRoom)),
            // A file system that copies what it changes may need room even for this.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(CommitError::DiskFull),
            Err(error) => return Err(writer.breaks(FailureCause::Journal(error))),
        };
        if self.durability == Durability::Commit {
            if is_on(Mutation::AcknowledgedBeforeTheSync) {
                writer.journal.synced(stamp.sequence);
            } else if let Err(error) = writer.journal.file().sync() {
                return Err(writer.breaks(FailureCause::Journal(error)));
            }
            writer.journal.synced(stamp.sequence);
        }
        bytes.truncate(HEAD_BYTES + rows_bytes);
        Ok(bytes.into())
    }

    /// Refuses what grows unless the tree can take it after everything that was acknowledged before.
    fn promise_room(&self, need: TreeNeed) -> Result<(), CommitError> {
        if let Some(cause) = &self.writer().stalled {
            return Err(cause.clone());
        }
        match self.tree.promise_room(self.pending_need().and(need)) {
            // What waits for the tree is counted at its worst: once it is there, less may be taken.
            Err(CommitError::MapFull | CommitError::DiskFull) if !self.tables.load().are_empty() => {
                self.checkpoint()?;
                self.tree.promise_room(self.pending_need().and(need))
            }
            outcome => outcome,
        }
    }

    fn pending_need(&self) -> TreeNeed {
        self.tables.load().layers().map(Memtable::need).fold(TreeNeed::default(), TreeNeed::and)
    }

    /// Waits until a record finds room in the journal, and a little longer when there is not much left.
    fn wait_for_room(&self, rows_bytes: usize) -> Result<MutexGuard<'_, Writer<F>>, CommitError> {
        let mut writer = self.writer();
        let delay = write_delay(writer.journal.used_bytes(), writer.journal.capacity());
        if writer.has_checkpointer && !delay.is_zero() {
            (writer, _) = self.to_writer.wait_timeout(writer, delay).unwrap_or_else(PoisonError::into_inner);
        }
        loop {
            if let Some(broken) = &writer.broken {
                return Err(broken.clone());
            }
            if writer.journal.has_room_for(rows_bytes) {
                return Ok(writer);
            }
            if let Some(cause) = &writer.stalled {
                return Err(cause.clone());
            }
            if writer.has_checkpointer {
                writer.is_urgent = true;
                self.to_checkpointer.notify_one();
                writer = self.to_writer.wait(writer).unwrap_or_else(PoisonError::into_inner);
            } else {
                drop(writer);
                self.checkpoint()?;
                writer = self.writer();
            }
        }
    }

    /// Stores a group that is too large for the journal: everything before it is brought into the tree, then its rows and
    /// its place in the order, in one transaction.
    fn commit_to_tree(&self, rows: &FinalRows<'_>) -> Result<(), CommitError> {
        let mut running = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        self.checkpoint_all(&mut running)?;
        let mut writer = self.writer();
        if let Some(broken) = &writer.broken {
            return Err(broken.clone());
        }
        let stamp = writer.journal.next();
        let applied = marks::encode_applied(stamp, stamp.sequence);
        let mut rows = rows.iter().chain(std::iter::once(marks::applied_row(&applied)));
        self.tree.apply(&mut rows).inspect_err(|error| writer.note(error))?;
        writer.journal.skip();
        writer.applied = stamp;
        Ok(())
    }
}

impl<F: JournalFile> Writer<F> {
    /// Whether a checkpoint should begin although little time has passed.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        self.is_urgent || self.journal.used_bytes() >= self.journal.capacity() / CHECKPOINT_JOURNAL_PARTS
    }

    /// No write can be trusted any more, for this reason.
    pub(super) fn breaks(&mut self, cause: FailureCause) -> CommitError {
        let broken = CommitError::from(cause);
        self.broken = Some(broken.clone());
        broken
    }

    /// Takes note of what the tree said.
    pub(super) fn note(&mut self, error: &CommitError) {
        if matches!(error, CommitError::Broken(_)) {
            self.broken = Some(error.clone());
        }
    }
}
