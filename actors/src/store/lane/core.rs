//! What a lane does with its queue: when to commit, what to refuse, and what to try again.

#[cfg(test)]
mod tests;

use super::batch::Batch;
use super::queue::Queue;
use super::{Fence, Owner, PersistError};
use crate::limits::FULL_PROBE_INTERVAL_MS;
use crate::mutation::{Mutation, is_on};
use crate::store::{CommitError, Failure};
use std::collections::{BTreeMap, VecDeque};

/// What happens to a lane.
#[derive(PartialEq, Eq, Debug)]
pub enum Event<B> {
    /// A batch came out of the mailbox.
    Arrived(Batch<B>),
    /// The mailbox is empty, or the lane is asked to finish what it has.
    Flush,
    /// The group of the last [`Effect::Commit`] was tried.
    Committed {
        /// The group, in the same order.
        group: Vec<Batch<B>>,
        /// What became of it.
        outcome: Result<(), CommitError>,
    },
}

/// What a lane wants done. Effects are run in order.
#[derive(PartialEq, Eq, Debug)]
pub enum Effect<B> {
    /// Send [`Event::Flush`] once the mailbox was drained. At most one is on its way. After a commit that left batches
    /// waiting, too: what came in meanwhile may be smaller.
    ScheduleFlush,
    /// Store the group in one transaction, then send [`Event::Committed`]. Always the last effect of a step, and the
    /// only one that blocks.
    Commit(Vec<Batch<B>>),
    /// Have the next opening begin a new epoch, however this one is closed: a shard minted dots for a batch that is
    /// refused, and no disk will remember them. Before the refusal is answered.
    EndEpoch,
    /// Answer a batch: success after the commit that held it, a refusal after every earlier batch of its owner
    /// was answered. An owner that learns of a refusal goes on from what is stored.
    Answer(Batch<B>, Result<(), PersistError>),
    /// Have the process exit: the environment may no longer be trusted. Before any answer that says so.
    ReportBroken(Failure),
}

/// The state of a lane.
#[derive(Debug)]
pub struct LaneCore<B> {
    pending: Queue<B>,
    /// Groups that found no room, still to be tried without what grows, or in parts; before anything pending.
    retries: VecDeque<Vec<Batch<B>>>,
    /// Refused, and to be answered once nothing that came earlier is still to be tried.
    refusals: Vec<(Batch<B>, PersistError)>,
    flush_is_scheduled: bool,
    is_committing: bool,
    /// Of each owner that had a batch refused, fence and place of that batch: what came later under that fence is
    /// refused too.
    refused: BTreeMap<Owner, (Fence, u64)>,
    condition: Condition,
}

/// Whether the environment takes writes.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Condition {
    /// It does.
    Sound,
    /// The last growing group found no room.
    Full { cause: CommitError, probe_at_ms: u64 },
    /// A commit failed in a way after which nothing may be trusted.
    Broken(Failure),
}

impl<B> Default for LaneCore<B> {
    fn default() -> LaneCore<B> {
        LaneCore {
            pending: Queue::default(),
            retries: VecDeque::new(),
            refusals: Vec::new(),
            flush_is_scheduled: false,
            is_committing: false,
            refused: BTreeMap::new(),
            condition: Condition::Sound,
        }
    }
}

impl<B> LaneCore<B> {
    /// Takes one event, at `now_ms` of a monotone clock.
    pub fn step(&mut self, now_ms: u64, event: Event<B>) -> Vec<Effect<B>> {
        let mut effects = Vec::new();
        match event {
            Event::Arrived(batch) => self.arrived(batch, &mut effects),
            Event::Flush => {
                self.flush_is_scheduled = false;
                self.flush(now_ms, &mut effects);
            }
            Event::Committed { group, outcome } => {
                self.is_committing = false;
                self.committed(now_ms, group, outcome, &mut effects);
                self.go_on(now_ms, &mut effects);
            }
        }
        effects
    }

    /// Whether nothing waits for a transaction or an answer.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.retries.is_empty() && self.refusals.is_empty() && !self.is_committing
    }

    /// A group is only made of a mailbox that was drained: the small batches at its end are to be seen.
    fn arrived(&mut self, batch: Batch<B>, effects: &mut Vec<Effect<B>>) {
        self.pending.push(batch);
        self.schedule_flush(effects);
    }

    fn schedule_flush(&mut self, effects: &mut Vec<Effect<B>>) {
        if !self.flush_is_scheduled {
            self.flush_is_scheduled = true;
            effects.push(Effect::ScheduleFlush);
        }
    }

    /// Commits the next group that has something left to store.
    fn flush(&mut self, now_ms: u64, effects: &mut Vec<Effect<B>>) {
        self.retry(now_ms, effects);
        while !self.is_committing {
            self.answer_refusals(effects);
            let group = self.pending.take_group();
            if group.is_empty() {
                return;
            }
            self.try_to_store(now_ms, group, effects);
        }
    }

    /// After a commit: what it left to try, and then what came in meanwhile.
    fn go_on(&mut self, now_ms: u64, effects: &mut Vec<Effect<B>>) {
        self.retry(now_ms, effects);
        if !self.is_committing {
            self.answer_refusals(effects);
            if !self.pending.is_empty() {
                self.schedule_flush(effects);
            }
        }
    }

    fn retry(&mut self, now_ms: u64, effects: &mut Vec<Effect<B>>) {
        while !self.is_committing
            && let Some(group) = self.retries.pop_front()
        {
            self.try_to_store(now_ms, group, effects);
        }
    }

    fn try_to_store(&mut self, now_ms: u64, candidates: Vec<Batch<B>>, effects: &mut Vec<Effect<B>>) {
        let group = self.admit(now_ms, candidates);
        if !group.is_empty() {
            self.is_committing = true;
            effects.push(Effect::Commit(group));
        }
    }

    fn answer_refusals(&mut self, effects: &mut Vec<Effect<B>>) {
        self.refusals.sort_by_key(|(batch, _)| batch.order);
        let minted = self.refusals.iter().any(|(batch, _)| matches!(batch.owner, Owner::Shard(_)));
        if minted && !is_on(Mutation::EndEpochSkipped) {
            effects.push(Effect::EndEpoch);
        }
        effects.extend(self.refusals.drain(..).map(|(batch, error)| Effect::Answer(batch, Err(error))));
    }

    /// Refuses those that cannot be stored, in order, and gives back the others.
    fn admit(&mut self, now_ms: u64, group: Vec<Batch<B>>) -> Vec<Batch<B>> {
        let refuses_growth = match &mut self.condition {
            Condition::Sound => None,
            Condition::Full { probe_at_ms, .. }
                if now_ms >= *probe_at_ms && group.iter().any(|b| b.grows) =>
            {
                *probe_at_ms = now_ms.saturating_add(FULL_PROBE_INTERVAL_MS);
                None
            }
            Condition::Full { cause, .. } => Some(PersistError::Full(cause.clone())),
            Condition::Broken(failure) => {
                let error = PersistError::Broken(failure.clone());
                self.refusals.extend(group.into_iter().map(|batch| (batch, error.clone())));
                return Vec::new();
            }
        };
        let mut admitted = Vec::with_capacity(group.len());
        for batch in group {
            match &refuses_growth {
                _ if self.is_fenced(&batch) => self.refusals.push((batch, PersistError::Fenced)),
                Some(error) if batch.grows => self.refuse(batch, error.clone()),
                Some(_) | None => admitted.push(batch),
            }
        }
        admitted
    }

    fn is_fenced(&self, batch: &Batch<B>) -> bool {
        self.refused.get(&batch.owner).is_some_and(|&(fence, order)| {
            batch.fence < fence || (batch.fence == fence && batch.order > order)
        })
    }

    /// Refuses a batch, and with it what builds on it.
    fn refuse(&mut self, batch: Batch<B>, error: PersistError) {
        let refusal = (batch.fence, batch.order);
        let known = self.refused.entry(batch.owner).or_insert(refusal);
        // A batch that was tried again may be refused after later ones of its fence were.
        if batch.fence > known.0 || (batch.fence == known.0 && batch.order < known.1) {
            *known = refusal;
        }
        self.refusals.push((batch, error));
    }

    fn committed(
        &mut self,
        now_ms: u64,
        group: Vec<Batch<B>>,
        outcome: Result<(), CommitError>,
        effects: &mut Vec<Effect<B>>,
    ) {
        match outcome {
            Ok(()) => {
                if group.iter().any(|batch| batch.grows) {
                    self.condition = Condition::Sound;
                }
                effects.extend(group.into_iter().map(|batch| Effect::Answer(batch, Ok(()))));
            }
            Err(CommitError::Broken(failure)) => {
                effects.push(Effect::ReportBroken(failure.clone()));
                self.condition = Condition::Broken(failure);
                self.retries.push_front(group);
            }
            Err(cause @ (CommitError::MapFull | CommitError::DiskFull)) => {
                self.found_no_room(now_ms, group, cause);
            }
        }
    }

    /// Nothing of the group is stored. What grows is refused; the rest is tried again, in halves if it was alone.
    fn found_no_room(&mut self, now_ms: u64, mut group: Vec<Batch<B>>, cause: CommitError) {
        if group.iter().any(|batch| batch.grows) {
            let probe_at_ms = now_ms.saturating_add(FULL_PROBE_INTERVAL_MS);
            self.condition = Condition::Full { cause, probe_at_ms };
            self.retries.push_front(group);
        } else if group.len() > 1 {
            let later = group.split_off(group.len() / 2);
            self.retries.push_front(later);
            self.retries.push_front(group);
        } else {
            for batch in group {
                self.refuse(batch, PersistError::Full(cause.clone()));
            }
        }
    }
}
