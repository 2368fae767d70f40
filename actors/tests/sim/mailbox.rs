//! A lane without its surroundings: a mailbox, one thread, and the commit that blocks it.

use std::collections::VecDeque;
use troupe_actors::store::lane::Batch;
use troupe_actors::store::lane::core::{Effect, Event, LaneCore};

/// A lane whose batches are of kind `P`.
pub(crate) struct Lane<P> {
    core: LaneCore<P>,
    mailbox: VecDeque<Batch<P>>,
    arrived: u64,
    turn_is_scheduled: bool,
    wants_flush: bool,
    /// The group whose commit blocks the lane's thread; empty if none does.
    committing: Vec<Batch<P>>,
    /// Whether that commit has done, on the disk, what it will do.
    is_decided: bool,
}

impl<P> Default for Lane<P> {
    fn default() -> Lane<P> {
        Lane {
            core: LaneCore::default(),
            mailbox: VecDeque::new(),
            arrived: 0,
            turn_is_scheduled: false,
            wants_flush: false,
            committing: Vec::new(),
            is_decided: false,
        }
    }
}

impl<P> Lane<P> {
    pub(crate) fn is_idle(&self) -> bool {
        self.mailbox.is_empty() && !self.wants_flush && !self.is_blocked()
    }

    fn is_blocked(&self) -> bool {
        !self.committing.is_empty()
    }

    /// A batch is put into the mailbox.
    pub(crate) fn arrives(&mut self, batch: Batch<P>) {
        self.arrived += 1;
        self.mailbox.push_back(Batch { order: self.arrived, ..batch });
    }

    /// Whether the thread is to be given a turn; it is then taken for given.
    pub(crate) fn wakes(&mut self) -> bool {
        let wakes = !self.is_idle() && !self.is_blocked() && !self.turn_is_scheduled;
        self.turn_is_scheduled |= wakes;
        wakes
    }

    /// The thread has its turn.
    pub(crate) fn turns(&mut self) {
        self.turn_is_scheduled = false;
    }

    /// What the thread does next.
    pub(crate) fn next(&mut self) -> Option<Event<P>> {
        if self.is_blocked() {
            return None;
        }
        if let Some(batch) = self.mailbox.pop_front() {
            return Some(Event::Arrived(batch));
        }
        std::mem::take(&mut self.wants_flush).then_some(Event::Flush)
    }

    pub(crate) fn step(&mut self, now_ms: u64, event: Event<P>) -> Vec<Effect<P>> {
        self.core.step(now_ms, event)
    }

    pub(crate) fn schedules_flush(&mut self) {
        self.wants_flush = true;
    }

    /// A commit blocks the thread.
    pub(crate) fn begins(&mut self, group: Vec<Batch<P>>) {
        (self.committing, self.is_decided) = (group, false);
    }

    pub(crate) fn committing(&self) -> &[Batch<P>] {
        &self.committing
    }

    pub(crate) fn takes(&mut self) -> Vec<Batch<P>> {
        std::mem::take(&mut self.committing)
    }

    /// The commit has done what it will do; the thread has not heard of it.
    pub(crate) fn decides(&mut self, group: Vec<Batch<P>>) {
        (self.committing, self.is_decided) = (group, true);
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.is_decided
    }
}
