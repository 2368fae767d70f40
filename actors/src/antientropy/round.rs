//! One shard, one other replica: find where they differ, and merge it on both sides.
//!
//! ```text
//! Segments ─▶ Look (again into runs of items that differ) ─▶ a pause ─▶ Digests ─▶ Fetch ─▶ merge here
//!                ▲                                                                            │
//!                └──────────────── the next spans ◀─────────── Push ◀──────────────────────────┘
//! ```
//!
//! The one that asks keeps all the state of a round; the other one only answers. A replica that changes its actor id in
//! between may have forgotten what it showed before: the round is given up.

use super::answer::{AnswerLimits, states};
use super::differing::{Differing, differing};
use super::message::{Answer, Question};
use super::repair::{Page, Suspect, merge_here, merge_there};
use super::replica::{Found, Replica};
use super::span::Span;
use crate::ids::{ActorId, ItemKey, ShardIndex};
use crate::limits::{ENTROPY_KEYS_MAX, ENTROPY_SPANS_MAX, SHARD_SEGMENTS};
use crate::shard::States;
use crate::store::StoreError;
use std::collections::VecDeque;

/// What happens to a round.
#[derive(Debug)]
pub(super) enum Input {
    /// The other replica answered the question.
    Answered(Answer),
    /// The pause is over.
    Paused,
    /// What was handed to [`Output::Merge`] is stored.
    Merged,
}

/// What a round wants next: always exactly one thing.
#[derive(Debug)]
pub(super) enum Output {
    /// Ask the other replica.
    Ask(Question),
    /// Wait a moment, so that writes under way arrive.
    Pause,
    /// Merge into this node's shard, and come back once it is stored.
    Merge(States),
    /// Nothing is left that differed.
    Equal,
    /// The round cannot go on: the other replica changed or does not follow the protocol.
    GiveUp,
}

enum Phase {
    Segments,
    Look(Vec<Span>),
    Pause,
    Digests(Vec<Suspect>),
    Fetch(Vec<Suspect>),
    Merge(Page),
    Push,
}

/// A round at work, at the side that began it.
pub(super) struct Round {
    shard: ShardIndex,
    /// Who minted the other replica's dots when the round began.
    theirs: ActorId,
    limits: AnswerLimits,
    /// Whether writes under way are to be told from differences.
    is_patient: bool,
    phase: Phase,
    spans: VecDeque<Span>,
    /// Differed at the first look.
    suspects: Vec<Suspect>,
    /// Differed at the second look, too.
    differing: VecDeque<Suspect>,
    /// Merged here; the other replica may lack it.
    to_push: VecDeque<Suspect>,
    pub(super) items: u64,
}

impl Round {
    /// A round of `shard` with a replica whose dots `theirs` mints. A patient round looks at every difference twice.
    pub(super) fn new(shard: ShardIndex, theirs: ActorId, limits: AnswerLimits, is_patient: bool) -> Round {
        Round {
            shard,
            theirs,
            limits,
            is_patient,
            phase: Phase::Segments,
            spans: VecDeque::new(),
            suspects: Vec::new(),
            differing: VecDeque::new(),
            to_push: VecDeque::new(),
            items: 0,
        }
    }

    /// The first thing to do.
    pub(super) fn begin(&self) -> Output {
        Output::Ask(Question::Segments(self.shard))
    }

    /// Goes on.
    pub(super) fn step(&mut self, input: Input, replica: &dyn Replica) -> Result<Output, StoreError> {
        let phase = std::mem::replace(&mut self.phase, Phase::Push);
        match (input, phase) {
            (Input::Answered(answer), phase) => {
                if answer.actor().is_none_or(|actor| actor != self.theirs) {
                    return Ok(Output::GiveUp);
                }
                self.answered(answer, phase, replica)
            }
            (Input::Paused, Phase::Pause) => Ok(self.look_again()),
            (Input::Merged, Phase::Merge(page)) => {
                self.items += page.suspects.len() as u64;
                self.to_push.extend(page.suspects);
                self.next(replica)
            }
            (Input::Paused | Input::Merged, _) => Ok(Output::GiveUp),
        }
    }

    fn answered(
        &mut self,
        answer: Answer,
        phase: Phase,
        replica: &dyn Replica,
    ) -> Result<Output, StoreError> {
        match (answer, phase) {
            (Answer::Segments(_, digests), Phase::Segments) => {
                let own = replica.segments(self.shard)?;
                let pairs = own.iter().zip(&digests).take(SHARD_SEGMENTS);
                let differing = (0..=u8::MAX).zip(pairs).filter(|(_, (own, theirs))| own != theirs);
                self.spans.extend(differing.map(|(segment, _)| Span::segment(segment)));
            }
            (Answer::Looked(_, parts), Phase::Look(asked)) => {
                if parts.is_empty() || parts.len() > asked.len() {
                    return Ok(Output::GiveUp);
                }
                let Some(found) = differing(replica, self.shard, asked, parts, self.limits)? else {
                    return Ok(Output::GiveUp);
                };
                self.found(found);
            }
            (Answer::Digests(_, theirs), Phase::Digests(suspects)) => {
                if theirs.len() != suspects.len() {
                    return Ok(Output::GiveUp);
                }
                self.looked_twice(suspects, theirs, replica)?;
            }
            (Answer::Fetched { clock, states, .. }, Phase::Fetch(suspects)) => {
                if states.is_empty() || states.len() > suspects.len() {
                    return Ok(Output::GiveUp);
                }
                return self.fetched(Found { clock, states }, suspects, replica);
            }
            (Answer::Pushed(_), Phase::Push) => {}
            (
                Answer::Compared(..)
                | Answer::Segments(..)
                | Answer::Looked(..)
                | Answer::Digests(..)
                | Answer::Fetched { .. }
                | Answer::Pushed(_)
                | Answer::Finished
                | Answer::Declined,
                _,
            ) => return Ok(Output::GiveUp),
        }
        self.next(replica)
    }

    fn found(&mut self, found: Differing) {
        self.suspects.extend(found.suspects);
        for span in found.spans.into_iter().rev() {
            self.spans.push_front(span);
        }
    }

    /// Keeps what still differs.
    fn looked_twice(
        &mut self,
        suspects: Vec<Suspect>,
        theirs: Vec<Option<u64>>,
        replica: &dyn Replica,
    ) -> Result<(), StoreError> {
        let keys: Vec<ItemKey> = suspects.iter().map(|suspect| suspect.key.clone()).collect();
        let own = replica.digests(self.shard, &keys)?;
        for ((suspect, theirs), own) in suspects.into_iter().zip(theirs).zip(own) {
            if own != theirs {
                self.differing.push_back(Suspect { theirs, ..suspect });
            }
        }
        Ok(())
    }

    fn fetched(
        &mut self,
        theirs: Found,
        mut suspects: Vec<Suspect>,
        replica: &dyn Replica,
    ) -> Result<Output, StoreError> {
        for suspect in suspects.split_off(theirs.states.len()).into_iter().rev() {
            self.differing.push_front(suspect);
        }
        let bytes_max = self.limits.states_bytes;
        let Some(page) = merge_here(replica, self.shard, theirs, suspects, bytes_max)? else {
            return Ok(Output::GiveUp);
        };
        let Page { merge, suspects } = page;
        self.phase = Phase::Merge(Page { merge: None, suspects });
        match merge {
            Some(merge) => Ok(Output::Merge(merge)),
            None => self.step(Input::Merged, replica),
        }
    }

    fn look_again(&mut self) -> Output {
        let suspects = self.suspects.split_off(self.suspects.len().saturating_sub(ENTROPY_KEYS_MAX));
        let keys = suspects.iter().map(|suspect| suspect.key.clone()).collect();
        self.phase = Phase::Digests(suspects);
        Output::Ask(Question::Digests(self.shard, keys))
    }

    /// What is to be done next, the last steps of a repair first: so that little is held in memory.
    fn next(&mut self, replica: &dyn Replica) -> Result<Output, StoreError> {
        while !self.to_push.is_empty() {
            let push = merge_there(replica, self.shard, &mut self.to_push, |keys| {
                states(replica, self.shard, keys, self.limits)
            })?;
            if let Some(states) = push {
                self.phase = Phase::Push;
                return Ok(Output::Ask(Question::Push(self.shard, states)));
            }
        }
        if !self.differing.is_empty() {
            let page = self.differing.len().min(ENTROPY_KEYS_MAX);
            let suspects: Vec<Suspect> = self.differing.drain(..page).collect();
            let keys = suspects.iter().map(|suspect| suspect.key.clone()).collect();
            self.phase = Phase::Fetch(suspects);
            return Ok(Output::Ask(Question::Fetch(self.shard, keys)));
        }
        let is_full = self.suspects.len() >= self.limits.look_rows;
        if !self.suspects.is_empty() && (is_full || self.spans.is_empty()) {
            if !self.is_patient {
                self.differing.extend(self.suspects.drain(..));
                return self.next(replica);
            }
            self.phase = Phase::Pause;
            return Ok(Output::Pause);
        }
        if self.spans.is_empty() {
            return Ok(Output::Equal);
        }
        let asked: Vec<Span> = self.spans.drain(..self.spans.len().min(ENTROPY_SPANS_MAX)).collect();
        self.phase = Phase::Look(asked.clone());
        Ok(Output::Ask(Question::Look(self.shard, asked)))
    }
}
