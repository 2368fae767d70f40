//! Which replica mints the dots of a write, and what becomes of the write if that one does not answer.
//!
//! A replica that certainly did nothing is followed by the next. One that may have done something is not: a second
//! replica would mint a second dot for the same write, which the client would find as a conflict with itself.

use crate::ids::NodeId;
use crate::mutation::{Mutation, is_on};
use crate::replication::message::WriteRefusal;
use crate::shard::WriteError;
use crate::transport::RequestError;
use std::collections::VecDeque;

/// What a replica said, or what became of the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// This node's own shard answered.
    Own(Result<(), WriteError>),
    /// Another replica stored the writes as the layout asks for.
    Stored,
    /// Another replica refused.
    Refused(WriteRefusal),
    /// The question did not end in an answer.
    NoAnswer(RequestError),
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Have this replica coordinate the writes, and report the [`Outcome`]. Only one is asked at a time.
    Ask(NodeId),
    /// Answer the client. Nothing comes after it.
    Answer(Result<(), CoordinateError>),
}

/// A write was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoordinateError {
    /// As the shard says.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Nothing happened: a replica has no room.
    #[error("a replica has no room left, nothing was stored: deletions still work")]
    NoRoom,
    /// Nothing happened: a replica cannot read its store.
    #[error("a replica cannot read its store, nothing was stored")]
    NotRead,
    /// Nothing happened: no replica can be reached that takes writes.
    #[error("no replica of the item can be reached, nothing was stored: try again")]
    NoReplica,
    /// The write may or may not be kept.
    #[error(
        "the replica that coordinates the write did not say what became of it: the write may or may not be kept"
    )]
    Unknown,
}

impl CoordinateError {
    /// Whether the error says that nothing happened.
    pub fn is_certainly_not_stored(&self) -> bool {
        match self {
            CoordinateError::Write(error) => error.is_certainly_not_stored(),
            CoordinateError::NoRoom | CoordinateError::NotRead | CoordinateError::NoReplica => true,
            CoordinateError::Unknown => false,
        }
    }
}

/// One write looking for its coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coordination {
    candidates: VecDeque<NodeId>,
    /// What to answer if no candidate is left.
    refusal: CoordinateError,
}

impl Coordination {
    /// Begins with the first of the candidates, which are the reachable replicas of the newest layout version.
    pub fn start(candidates: Vec<NodeId>) -> (Coordination, Effect) {
        let mut coordination =
            Coordination { candidates: candidates.into(), refusal: CoordinateError::NoReplica };
        let first = coordination.next();
        (coordination, first)
    }

    /// What follows from a candidate's answer.
    pub fn step(&mut self, outcome: Outcome) -> Effect {
        match outcome {
            Outcome::Own(Ok(())) | Outcome::Stored => Effect::Answer(Ok(())),
            Outcome::Own(Err(error)) if error.is_the_replicas() => self.next_unless(error.into()),
            Outcome::Own(Err(error)) => Effect::Answer(Err(error.into())),
            Outcome::Refused(refusal) => self.refused(refusal),
            Outcome::NoAnswer(RequestError::NotSent(_) | RequestError::Refused(_)) => self.next(),
            Outcome::NoAnswer(RequestError::Unknown(_)) if is_on(Mutation::SecondCoordinatorAfterSilence) => {
                self.next()
            }
            Outcome::NoAnswer(RequestError::Unknown(_)) => Effect::Answer(Err(CoordinateError::Unknown)),
        }
    }

    fn refused(&mut self, refusal: WriteRefusal) -> Effect {
        let limit = |max: u64| usize::try_from(max).unwrap_or(usize::MAX);
        let error = match refusal {
            WriteRefusal::TooManyConcurrentValues(max) => {
                WriteError::TooManyConcurrentValues { max: limit(max) }
            }
            WriteRefusal::TooManyConcurrentBytes(max) => {
                WriteError::TooManyConcurrentBytes { bytes_max: limit(max) }
            }
            WriteRefusal::BatchTooLarge(max) => WriteError::BatchTooLarge { bytes_max: limit(max) },
            WriteRefusal::InsufficientStorage => return self.next_unless(CoordinateError::NoRoom),
            WriteRefusal::NotRead => return self.next_unless(CoordinateError::NotRead),
            WriteRefusal::Overloaded => return self.next_unless(WriteError::Overloaded.into()),
            WriteRefusal::Stopping | WriteRefusal::NotCoordinator => return self.next(),
            WriteRefusal::Unknown => return Effect::Answer(Err(CoordinateError::Unknown)),
        };
        Effect::Answer(Err(error.into()))
    }

    /// The next candidate. Without one, the answer is what the first candidate that said something gave as its reason.
    fn next_unless(&mut self, refusal: CoordinateError) -> Effect {
        if self.refusal == CoordinateError::NoReplica {
            self.refusal = refusal;
        }
        self.next()
    }

    fn next(&mut self) -> Effect {
        match self.candidates.pop_front() {
            Some(node) => Effect::Ask(node),
            None => Effect::Answer(Err(self.refusal.clone())),
        }
    }
}
