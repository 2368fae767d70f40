//! One link after its hellos: what each frame means, and when the link is over.
//!
//! ```text
//! frames ──▶ receive ──▶ effect        tick ──▶ ping, expired requests, silence
//! ```

use super::frame::{self, Frame, FrameError, Head};
use super::hello::Goodbye;
use super::outbox::{Made, Outgoing};
use super::pending::Pending;
use super::round_trip::RoundTrip;
use super::{Environment, NotSent, Refusal, RequestError, Subsystem, UnknownOutcome};
use crate::ids::ClusterId;
use crate::limits::{
    LINK_ANSWER_BYTES_MAX, LINK_SERVED_BYTES_MAX, LINK_SERVED_MAX, LINK_SILENCE_MS_MAX, MESSAGE_BYTES_MAX,
    PEER_ENVIRONMENTS_MAX, PIECE_BYTES_MAX, PING_INTERVAL_MS,
};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// Bytes of a message's head, which come on top of its body.
const HEAD_BYTES_MAX: usize = 64;

/// What a frame brings about. `A` is who is told the answer to a request.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Effect<A> {
    /// Answer a request, and call [`Connection::served`] with its bytes; nobody waits longer than `deadline`.
    Serve { id: u64, subsystem: Subsystem, body: Bytes, deadline: Duration },
    /// Hand over what was told.
    Told { subsystem: Subsystem, body: Bytes },
    /// Tell how a request ended.
    Ended { asker: A, outcome: Result<Bytes, RequestError> },
    /// Send this back.
    Reply(Outgoing<A>),
    /// Answer the ping with the same number, compare clusters, and remember the peer's stores.
    Pinged { sent_us: u64, cluster: Option<ClusterId>, environments: Vec<Environment> },
    /// The round trip was measured.
    Measured,
    /// The peer skipped a frame of this kind: it is older than this node took it for.
    NotUnderstood { kind: u8 },
}

/// Why a link is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// What came is not made of frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame has another wire version than was agreed on.
    #[error("a frame of wire version {0}")]
    Version(u8),
    /// The pieces of a message make up more than a message may have.
    #[error("a message of more than {MESSAGE_BYTES_MAX} bytes")]
    MessageTooLong,
    /// A frame that has no place after the hellos.
    #[error("a frame out of place")]
    OutOfPlace,
    /// The peer says goodbye.
    #[error("{0}")]
    Goodbye(Goodbye),
    /// The peer was silent for too long, or answered no ping.
    #[error("the peer was silent, or did not hear, for {LINK_SILENCE_MS_MAX} ms")]
    Silent,
}

/// What is due at a moment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Due<A> {
    /// A ping with this number.
    pub(crate) ping: Option<u64>,
    /// These requests have not been answered in time.
    pub(crate) expired: Vec<A>,
}

/// One link.
pub(crate) struct Connection<A> {
    version: u8,
    opened: Instant,
    heard: Instant,
    pinged: Option<Instant>,
    /// When the oldest ping was sent that no pong has followed yet.
    unanswered: Option<Instant>,
    pending: Pending<A>,
    round_trip: RoundTrip,
    /// The pieces of a long message that have come.
    assembly: Vec<u8>,
    served: usize,
    /// Of short requests, and of long ones.
    served_bytes: [usize; 2],
}

impl<A> Connection<A> {
    /// A link on which both sides have agreed to speak `version`.
    pub(crate) fn new(now: Instant, version: u8) -> Connection<A> {
        Connection {
            version,
            opened: now,
            heard: now,
            pinged: None,
            unanswered: None,
            pending: Pending::new(),
            round_trip: RoundTrip::default(),
            assembly: Vec::new(),
            served: 0,
            served_bytes: [0; 2],
        }
    }

    /// The wire version.
    pub(crate) fn version(&self) -> u8 {
        self.version
    }

    /// Requests that wait for their answers.
    pub(crate) fn pending(&mut self) -> &mut Pending<A> {
        &mut self.pending
    }

    /// How fast the peer is.
    pub(crate) fn round_trip(&self) -> &RoundTrip {
        &self.round_trip
    }

    /// Takes a frame. `answer_bytes` of answers wait to be sent.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        frame: Frame<'_>,
        answer_bytes: usize,
    ) -> Result<Option<Effect<A>>, LinkError> {
        self.heard = now;
        if frame.version != self.version {
            return Err(LinkError::Version(frame.version));
        }
        let Head::Piece { is_last } = frame.head else {
            return self.message(now, frame.head, frame.body, answer_bytes);
        };
        if self.assembly.len() + frame.body.len() > MESSAGE_BYTES_MAX + HEAD_BYTES_MAX {
            return Err(LinkError::MessageTooLong);
        }
        self.assembly.extend_from_slice(frame.body);
        if !is_last {
            return Ok(None);
        }
        let message = std::mem::take(&mut self.assembly);
        let (head, body) = frame::read_message(&message)?;
        self.message(now, head, body, answer_bytes)
    }

    /// Takes a frame of a kind that this version does not know.
    pub(crate) fn receive_unknown(&mut self, now: Instant, kind: u8) -> Effect<A> {
        self.heard = now;
        Effect::Reply(Outgoing::Link(Head::NotUnderstood { kind }))
    }

    fn message(
        &mut self,
        now: Instant,
        head: Head,
        body: &[u8],
        answer_bytes: usize,
    ) -> Result<Option<Effect<A>>, LinkError> {
        // Bodies are copied, so that whoever keeps a small one does not keep what was read along with it.
        let body = || Bytes::copy_from_slice(body);
        match head {
            Head::Request { id, deadline_ms, subsystem } => {
                Ok(Some(self.request(id, deadline_ms, subsystem, body(), answer_bytes)))
            }
            Head::Answer { id } => Ok(self.ended(now, id, Ok(body()))),
            Head::Refused { id, refusal } => Ok(self.ended(now, id, Err(refusal.into()))),
            Head::Tell { subsystem } => {
                Ok(Subsystem::from_number(subsystem)
                    .map(|subsystem| Effect::Told { subsystem, body: body() }))
            }
            Head::Ping { sent_us, cluster, mut environments } => {
                environments.truncate(PEER_ENVIRONMENTS_MAX);
                Ok(Some(Effect::Pinged { sent_us, cluster, environments }))
            }
            Head::Pong { sent_us } => {
                let sent = self.opened + Duration::from_micros(sent_us.min(self.micros(now)));
                self.unanswered = None;
                self.round_trip.pong(now.saturating_duration_since(sent));
                Ok(Some(Effect::Measured))
            }
            Head::NotUnderstood { kind } => Ok(Some(Effect::NotUnderstood { kind })),
            Head::Goodbye(goodbye) => Err(LinkError::Goodbye(goodbye)),
            Head::Hello(_) | Head::Piece { .. } => Err(LinkError::OutOfPlace),
        }
    }

    fn request(
        &mut self,
        id: u64,
        deadline_ms: u32,
        subsystem: u8,
        body: Bytes,
        answer_bytes: usize,
    ) -> Effect<A> {
        let refuse = |refusal| Effect::Reply(Outgoing::Answer { id, answer: Err(refusal) });
        // Every reply is an answer that has to be made.
        self.served += 1;
        let held_bytes = &mut self.served_bytes[usize::from(body.len() > PIECE_BYTES_MAX)];
        let is_too_much = *held_bytes > 0 && *held_bytes + body.len() > LINK_SERVED_BYTES_MAX;
        if self.served > LINK_SERVED_MAX || is_too_much || answer_bytes > LINK_ANSWER_BYTES_MAX {
            return refuse(Refusal::Busy);
        }
        let Some(subsystem) = Subsystem::from_number(subsystem) else { return refuse(Refusal::NotServed) };
        *held_bytes += body.len();
        Effect::Serve { id, subsystem, body, deadline: Duration::from_millis(deadline_ms.into()) }
    }

    /// The request that came with `body_bytes` is answered, or will not be as its time was up.
    pub(crate) fn served(&mut self, body_bytes: usize, is_answered: bool) {
        self.served_bytes[usize::from(body_bytes > PIECE_BYTES_MAX)] -= body_bytes;
        if !is_answered {
            self.served -= 1;
        }
    }

    /// Frames were made of messages that waited.
    pub(crate) fn made(&mut self, made: &Made<A>) {
        self.served -= made.answers;
    }

    fn ended(&mut self, now: Instant, id: u64, outcome: Result<Bytes, RequestError>) -> Option<Effect<A>> {
        let (asker, time) = self.pending.answered(now, id)?;
        if outcome.is_ok() {
            self.round_trip.answer(time);
        }
        Some(Effect::Ended { asker, outcome })
    }

    /// What is due.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<Due<A>, LinkError> {
        let since = |moment| now.saturating_duration_since(moment);
        // A peer that hears nothing still speaks, for a while.
        let quiet_since = self.unanswered.map_or(self.heard, |unanswered| unanswered.min(self.heard));
        if since(quiet_since) >= Duration::from_millis(LINK_SILENCE_MS_MAX) {
            return Err(LinkError::Silent);
        }
        let interval = Duration::from_millis(PING_INTERVAL_MS);
        let is_due = self.pinged.is_none_or(|pinged| since(pinged) >= interval);
        let ping = is_due.then(|| {
            self.pinged = Some(now);
            self.unanswered.get_or_insert(now);
            self.micros(now)
        });
        Ok(Due { ping, expired: self.pending.expired(now).collect() })
    }

    /// The link is lost. Who waits for an answer, and what they are told.
    pub(crate) fn close(self) -> (impl Iterator<Item = A>, RequestError) {
        (self.pending.into_askers(), UnknownOutcome::LinkLost.into())
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_micros()).unwrap_or(u64::MAX)
    }
}

/// What is told to those whose requests were not sent in time.
pub(crate) const LATE: RequestError = RequestError::NotSent(NotSent::QueueFull);

#[cfg(test)]
mod tests;
