//! What a connection is doing, and how long it may go on with it.

use super::limits::{AHEAD_BYTES_MAX, HEAD_TIMEOUT, KEEP_ALIVE, LEFTOVER_BYTES_MAX, LEFTOVER_TIMEOUT};
use crate::budget::limits::UNCOUNTED_BYTES_MAX;
use crate::budget::{NoRoom, Share};
use std::time::{Duration, Instant};

/// What the client is expected to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing: its last answer is sent, or it has just connected.
    Idle,
    /// Finish a head.
    Head,
    /// Send a body that somebody reads.
    Body,
    /// Wait for its answer, and take it.
    Answer,
    /// Notice that its answer came before its body was read.
    Leftover,
}

/// The staleness at which nothing is waited for any more. So fine that one of two connections is always the staler one.
const TIME_IS_OVER: u64 = 1_000_000_000;

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A head took too long.
    SlowHead,
    /// There was nothing to do for too long, or others need the room.
    Idle,
    /// An unread body does not end.
    Leftover,
    /// The memory for unfinished heads is used up.
    NoRoom,
}

/// The state of one connection: a core, which knows nothing of sockets.
#[derive(Debug)]
pub(super) struct Connection {
    phase: Phase,
    since: Instant,
    /// Bytes that were read in this phase and belong to no body that somebody reads.
    loose_bytes: usize,
    /// Takes account of the bytes of a head until its answer is sent.
    head_share: Share,
    is_body_read: bool,
    cut: Option<Cut>,
}

impl Connection {
    /// A new connection has to send a head as if it had begun to: connecting costs nothing.
    pub(super) fn new(now: Instant, head_share: Share) -> Connection {
        Connection {
            phase: Phase::Head,
            since: now,
            loose_bytes: 0,
            head_share,
            is_body_read: true,
            cut: None,
        }
    }

    pub(super) fn cut_reason(&self) -> Option<Cut> {
        self.cut
    }

    pub(super) fn cut(&mut self, reason: Cut) {
        self.cut.get_or_insert(reason);
    }

    /// Whether more may be read from the client.
    pub(super) fn may_read(&self) -> bool {
        match self.phase {
            Phase::Idle | Phase::Head | Phase::Body | Phase::Leftover => true,
            Phase::Answer => self.loose_bytes < AHEAD_BYTES_MAX,
        }
    }

    /// Bytes came.
    pub(super) fn read(&mut self, bytes: usize, clock: impl FnOnce() -> Instant) {
        match self.phase {
            Phase::Body => return,
            Phase::Idle => self.enter(Phase::Head, clock()),
            Phase::Head | Phase::Answer | Phase::Leftover => {}
        }
        self.loose_bytes += bytes;
        match self.phase {
            Phase::Head if self.loose_bytes > UNCOUNTED_BYTES_MAX => {
                if self.head_share.grow_to(self.loose_bytes) == Err(NoRoom) {
                    self.cut(Cut::NoRoom);
                }
            }
            Phase::Leftover if self.loose_bytes > LEFTOVER_BYTES_MAX => self.cut(Cut::Leftover),
            Phase::Idle | Phase::Head | Phase::Body | Phase::Answer | Phase::Leftover => {}
        }
    }

    /// A head is complete. Says whether its request begins: not on a connection that was cut, as the answer would not leave.
    pub(super) fn begin(&mut self, has_body: bool, now: Instant) -> bool {
        if self.cut.is_some() {
            return false;
        }
        self.is_body_read = !has_body;
        self.enter(if has_body { Phase::Body } else { Phase::Answer }, now);
        true
    }

    /// Whether the body was read to its end.
    pub(super) fn is_body_read(&self) -> bool {
        self.is_body_read
    }

    /// The body is no longer read; perhaps because it was read to its end.
    pub(super) fn end_body(&mut self, is_read: bool, now: Instant) {
        self.is_body_read = is_read;
        if self.phase == Phase::Body {
            self.enter(Phase::Answer, now);
        }
    }

    /// The answer has left. Says whether more may be read only now.
    pub(super) fn end(&mut self, now: Instant) -> bool {
        let was_paused = !self.may_read();
        let next = match (self.is_body_read, self.loose_bytes) {
            (false, _) => Phase::Leftover,
            // What was read ahead may be the beginning of a head.
            (true, 1..) => Phase::Head,
            (true, 0) => Phase::Idle,
        };
        self.head_share.shrink_to(0);
        self.enter(next, now);
        was_paused
    }

    /// How long it has been waited for the client, as a part of what it may take, from 0 to [`TIME_IS_OVER`]; `None` while
    /// the client waits.
    pub(super) fn staleness(&self, now: Instant) -> Option<u64> {
        let allowance = self.allowance()?.as_nanos();
        let waited = now.saturating_duration_since(self.since).as_nanos();
        Some(u64::try_from(waited * u128::from(TIME_IS_OVER) / allowance).unwrap_or(u64::MAX))
    }

    /// Cuts it if its time is over.
    pub(super) fn check_time(&mut self, now: Instant) {
        if self.staleness(now).is_some_and(|staleness| staleness >= TIME_IS_OVER) {
            self.cut(match self.phase {
                Phase::Head => Cut::SlowHead,
                Phase::Idle | Phase::Body | Phase::Answer => Cut::Idle,
                Phase::Leftover => Cut::Leftover,
            });
        }
    }

    fn allowance(&self) -> Option<Duration> {
        match self.phase {
            Phase::Idle => Some(KEEP_ALIVE),
            Phase::Head => Some(HEAD_TIMEOUT),
            Phase::Leftover => Some(LEFTOVER_TIMEOUT),
            Phase::Body | Phase::Answer => None,
        }
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
        self.loose_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
