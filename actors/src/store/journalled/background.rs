//! What goes on beside the writers: checkpoints, and the syncs of a relaxed journal. Each runs on a thread that its
//! caller gives it, until [`JournalledStore::stop_background`].

use super::checkpoint::Step;
use super::pace::{StepRows, rest};
use super::{Durability, JournalledStore};
use crate::clock::monotonic_now;
use crate::limits::{CHECKPOINT_INTERVAL_MS, FULL_PROBE_INTERVAL_MS, RELAXED_SYNC_INTERVAL_MS};
use crate::store::CommitError;
use crate::store::journal::JournalFile;
use crate::store::tree::Tree;
use std::sync::PoisonError;
use std::time::Duration;

/// Whether a thread goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    Work,
    Stop,
}

impl<T: Tree, F: JournalFile> JournalledStore<T, F> {
    /// Brings the tables into the tree as they fill up, at a pace that leaves the disk to the journal.
    ///
    /// # Errors
    /// [`CommitError::Broken`]: the tree failed. No write is taken any more.
    pub fn run_checkpoints(&self) -> Result<(), CommitError> {
        let mut rows = StepRows::default();
        self.writer().has_checkpointer = true;
        let outcome = loop {
            if self.wait_until_due() == Next::Stop {
                break Ok(());
            }
            if let Err(broken) = self.checkpoint_paced(&mut rows) {
                break Err(broken);
            }
        };
        self.writer().has_checkpointer = false;
        self.to_writer.notify_all();
        outcome
    }

    /// Syncs a relaxed journal every [`RELAXED_SYNC_INTERVAL_MS`]; returns at once for one that is synced anyway.
    ///
    /// # Errors
    /// [`CommitError::Broken`]: the journal failed. No write is taken any more.
    pub fn run_syncs(&self) -> Result<(), CommitError> {
        if self.durability == Durability::Commit {
            return Ok(());
        }
        while self.sleep(Duration::from_millis(RELAXED_SYNC_INTERVAL_MS)) == Next::Work {
            if !self.writer().journal.is_synced() {
                self.sync_journal()?;
            }
        }
        Ok(())
    }

    /// Has both of them return. What is in the tables stays there, and in the journal.
    pub fn stop_background(&self) {
        self.writer().is_stopping = true;
        self.to_checkpointer.notify_all();
        self.to_background.notify_all();
    }

    /// Waits until the journal fills up, or what is in the tables is [`CHECKPOINT_INTERVAL_MS`] old.
    fn wait_until_due(&self) -> Next {
        let interval = Duration::from_millis(CHECKPOINT_INTERVAL_MS);
        let mut writer = self.writer();
        loop {
            let age = writer.active_since.map(|since| monotonic_now().saturating_duration_since(since));
            if writer.is_stopping {
                return Next::Stop;
            }
            if writer.is_checkpoint_due() || age.is_some_and(|age| age >= interval) {
                return Next::Work;
            }
            let left = age.map_or(interval, |age| interval.saturating_sub(age));
            (writer, _) =
                self.to_checkpointer.wait_timeout(writer, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One checkpoint, with pauses.
    fn checkpoint_paced(&self, rows: &mut StepRows) -> Result<(), CommitError> {
        let began = monotonic_now();
        loop {
            let step_began = monotonic_now();
            let step = self.checkpoint_step(rows.get());
            let took = monotonic_now().saturating_duration_since(step_began);
            let pause = match step {
                Ok(Step::Idle) => {
                    self.writer().is_urgent = false;
                    return Ok(());
                }
                Ok(Step::Finished) => {
                    let took = monotonic_now().saturating_duration_since(began);
                    self.writer().last_checkpoint = took;
                    return Ok(());
                }
                Ok(Step::Partial) => {
                    *rows = rows.after(took);
                    let writer = self.writer();
                    rest(took, writer.journal.used_bytes(), writer.journal.capacity())
                }
                Err(cause @ (CommitError::MapFull | CommitError::DiskFull)) => match rows.after_no_room() {
                    Some(fewer) => {
                        *rows = fewer;
                        Duration::ZERO
                    }
                    None => {
                        self.stall(cause);
                        Duration::from_millis(FULL_PROBE_INTERVAL_MS)
                    }
                },
                Err(broken @ CommitError::Broken(_)) => {
                    self.to_writer.notify_all();
                    return Err(broken);
                }
            };
            if self.sleep(pause) == Next::Stop {
                return Ok(());
            }
        }
    }

    /// The tree takes nothing: writers that wait for room in the journal get this error.
    fn stall(&self, cause: CommitError) {
        log::warn!("the store's tree cannot take what the journal holds: {cause}");
        self.writer().stalled = Some(cause);
        self.to_writer.notify_all();
    }

    fn sleep(&self, pause: Duration) -> Next {
        let writer = self.writer();
        let is_asleep = |writer: &mut super::Writer<F>| !writer.is_stopping;
        let woken = self.to_background.wait_timeout_while(writer, pause, is_asleep);
        let (writer, _) = woken.unwrap_or_else(PoisonError::into_inner);
        if writer.is_stopping { Next::Stop } else { Next::Work }
    }
}
