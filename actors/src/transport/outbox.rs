//! What waits to be sent over a link. Short messages are sent between the pieces of long ones, one long one at a time.
//!
//! ```text
//! short  ▪▪▪▪▪▪▪ ─┐
//!                 ├─▶ ▪▪▪▪▪▪▪ [piece] ▪▪ [piece] ▪▪▪ [piece] ─▶
//! long   ▬▬▬ ▬▬ ──┘
//! ```

use super::frame::{self, Head};
use super::pending::Pending;
use super::{NotSent, Refusal};
use crate::limits::{
    LINK_QUEUE_BYTES_MAX, LINK_QUEUE_MESSAGES_MAX, LINK_WRITE_BYTES, MESSAGE_BYTES_MAX, PIECE_BYTES_MAX,
};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Instant;

/// What a message costs beside its body.
const MESSAGE_OVERHEAD_BYTES: usize = 128;

/// A message to be sent. `A` is who is told the answer.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Outgoing<A> {
    /// A request, unless it is later than `until`.
    Request { subsystem: u8, body: Bytes, until: Instant, asker: A },
    /// An answer to a request.
    Answer { id: u64, answer: Result<Bytes, Refusal> },
    /// A message without an answer.
    Tell { subsystem: u8, body: Bytes },
    /// A message about the link itself.
    Link(Head),
}

impl<A> Outgoing<A> {
    fn body_bytes(&self) -> usize {
        match self {
            Outgoing::Request { body, .. } | Outgoing::Answer { answer: Ok(body), .. } => body.len(),
            Outgoing::Tell { body, .. } => body.len(),
            Outgoing::Answer { answer: Err(_), .. } | Outgoing::Link(_) => 0,
        }
    }

    fn cost_bytes(&self) -> usize {
        self.body_bytes() + MESSAGE_OVERHEAD_BYTES
    }

    fn is_long(&self) -> bool {
        self.body_bytes() > PIECE_BYTES_MAX
    }
}

/// A long message of which some pieces were made.
struct Cut {
    head: Vec<u8>,
    body: Bytes,
    done_bytes: usize,
    cost_bytes: usize,
    answers: usize,
}

/// The queue of one link.
pub(crate) struct Outbox<A> {
    short: VecDeque<Outgoing<A>>,
    long: VecDeque<Outgoing<A>>,
    cut: Option<Cut>,
    short_load: Load,
    long_load: Load,
    answer_bytes: usize,
    refuses: Option<NotSent>,
}

/// What waits of one kind. Each has bounds of its own, so that a long message does not keep short ones out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Load {
    bytes: usize,
    messages: usize,
}

impl Load {
    fn has_room_for(self, bytes: usize) -> bool {
        let fits = self.messages == 0 || self.bytes + bytes <= LINK_QUEUE_BYTES_MAX;
        fits && self.messages < LINK_QUEUE_MESSAGES_MAX
    }

    fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.messages += 1;
    }

    fn let_go(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.messages -= 1;
    }
}

/// What became of messages while frames were made.
pub(crate) struct Made<A> {
    /// Requests that were not sent in time.
    pub(crate) late: Vec<A>,
    /// How many answers are in frames now.
    pub(crate) answers: usize,
    /// How many frames were made.
    pub(crate) frames: u64,
}

impl<A> Outbox<A> {
    /// Nothing waits.
    pub(crate) fn new() -> Outbox<A> {
        Outbox {
            short: VecDeque::new(),
            long: VecDeque::new(),
            cut: None,
            short_load: Load::default(),
            long_load: Load::default(),
            answer_bytes: 0,
            refuses: None,
        }
    }

    /// Queues a message, or drops it.
    pub(crate) fn push(&mut self, message: Outgoing<A>) -> Result<(), NotSent> {
        if let Some(why) = self.refuses {
            return Err(why);
        }
        if message.body_bytes() > MESSAGE_BYTES_MAX {
            return Err(NotSent::TooLong);
        }
        let load = if message.is_long() { self.long_load } else { self.short_load };
        if !load.has_room_for(message.cost_bytes()) {
            return Err(NotSent::QueueFull);
        }
        self.push_always(message);
        Ok(())
    }

    /// Queues what is bounded elsewhere: answers by the requests that are served, pings by time. Nothing is queued for a link
    /// that is gone.
    pub(crate) fn push_always(&mut self, message: Outgoing<A>) {
        if self.refuses.is_some() {
            return;
        }
        if let Outgoing::Answer { .. } = message {
            self.answer_bytes += message.cost_bytes();
        }
        let (queue, load) = match message.is_long() {
            true => (&mut self.long, &mut self.long_load),
            false => (&mut self.short, &mut self.short_load),
        };
        load.take(message.cost_bytes());
        queue.push_back(message);
    }

    /// Bytes of answers that wait.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }

    /// Appends frames to `to` until there are enough of them.
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        version: u8,
        pending: &mut Pending<A>,
        to: &mut Vec<u8>,
    ) -> Made<A> {
        let mut made = Made { late: Vec::new(), answers: 0, frames: 0 };
        while to.len() < LINK_WRITE_BYTES {
            let turn_end = to.len() + PIECE_BYTES_MAX;
            while to.len() < turn_end {
                let Some(message) = self.short.pop_front() else { break };
                self.short_load.let_go(message.cost_bytes());
                if let Some((head, body)) = self.send(now, pending, message, &mut made) {
                    frame::write(to, version, &head, &body);
                    made.frames += 1;
                }
            }
            if !self.write_piece(now, version, pending, to, &mut made) && self.short.is_empty() {
                break;
            }
        }
        made
    }

    /// The head and the body of a message that is sent now; nothing of a request that is late.
    fn send(
        &mut self,
        now: Instant,
        pending: &mut Pending<A>,
        message: Outgoing<A>,
        made: &mut Made<A>,
    ) -> Option<(Head, Bytes)> {
        let cost_bytes = message.cost_bytes();
        match message {
            Outgoing::Request { asker, until, .. } if until <= now || !pending.has_room() => {
                made.late.push(asker);
                None
            }
            Outgoing::Request { subsystem, body, until, asker } => {
                let left_ms = until.duration_since(now).as_millis();
                let deadline_ms = u32::try_from(left_ms).unwrap_or(u32::MAX);
                let id = pending.ask(now, until, asker);
                Some((Head::Request { id, deadline_ms, subsystem }, body))
            }
            Outgoing::Answer { id, answer } => {
                self.answer_bytes -= cost_bytes;
                made.answers += 1;
                Some(match answer {
                    Ok(body) => (Head::Answer { id }, body),
                    Err(refusal) => (Head::Refused { id, refusal }, Bytes::new()),
                })
            }
            Outgoing::Tell { subsystem, body } => Some((Head::Tell { subsystem }, body)),
            Outgoing::Link(head) => Some((head, Bytes::new())),
        }
    }

    /// Writes the next piece of the long message under way, or of the next one. Whether there was one.
    fn write_piece(
        &mut self,
        now: Instant,
        version: u8,
        pending: &mut Pending<A>,
        to: &mut Vec<u8>,
        made: &mut Made<A>,
    ) -> bool {
        let mut cut = match self.cut.take() {
            Some(cut) => cut,
            None => {
                let Some(message) = self.long.pop_front() else { return false };
                let cost_bytes = message.cost_bytes();
                let answers_before = made.answers;
                let Some((head, body)) = self.send(now, pending, message, made) else {
                    self.long_load.let_go(cost_bytes);
                    return true;
                };
                // An answer counts as made with its last piece.
                let answers = std::mem::replace(&mut made.answers, answers_before) - answers_before;
                Cut { head: frame::head_bytes(&head), body, done_bytes: 0, cost_bytes, answers }
            }
        };
        let end = cut.body.len().min(cut.done_bytes + PIECE_BYTES_MAX);
        let is_last = end == cut.body.len();
        let mut piece = std::mem::take(&mut cut.head);
        piece.extend_from_slice(&cut.body[cut.done_bytes..end]);
        frame::write(to, version, &Head::Piece { is_last }, &piece);
        made.frames += 1;
        cut.done_bytes = end;
        if is_last {
            self.long_load.let_go(cut.cost_bytes);
            made.answers += cut.answers;
        } else {
            self.cut = Some(cut);
        }
        true
    }

    /// Takes out requests whose time is up.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<A> {
        let mut expired = Vec::new();
        let short = (&mut self.short, &mut self.short_load);
        for (queue, load) in [short, (&mut self.long, &mut self.long_load)] {
            for _ in 0..queue.len() {
                match queue.pop_front() {
                    Some(Outgoing::Request { asker, until, body, .. }) if until <= now => {
                        load.let_go(body.len() + MESSAGE_OVERHEAD_BYTES);
                        expired.push(asker);
                    }
                    Some(message) => queue.push_back(message),
                    None => break,
                }
            }
        }
        expired
    }

    /// Refuses everything from now on. Those whose requests were queued are given back.
    pub(crate) fn close(&mut self, why: NotSent) -> Vec<A> {
        self.refuses.get_or_insert(why);
        let queued = self.short.drain(..).chain(self.long.drain(..));
        let askers = queued.filter_map(|message| match message {
            Outgoing::Request { asker, .. } => Some(asker),
            Outgoing::Answer { .. } | Outgoing::Tell { .. } | Outgoing::Link(_) => None,
        });
        askers.collect()
    }
}

#[cfg(test)]
mod tests;
