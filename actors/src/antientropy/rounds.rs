//! The rounds of this node: which wait, which run, and what each of them waits for.

use super::core::Outcome;
use super::event::{AskId, MergeId};
use super::message::{Began, Question, Side};
use super::round::Round;
use super::schedule::{Pair, Urgency};
use std::collections::{BTreeMap, BTreeSet};

/// A difference that waits for its round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) pair: Pair,
    pub(super) own: Side,
    pub(super) theirs: Side,
    /// When the comparison began here, and there.
    pub(super) own_moment: u64,
    pub(super) their_moment: Began,
}

impl Begun {
    /// What this side takes note of when the round is over.
    pub(super) fn outcome(&self) -> Outcome {
        let Begun { pair, own, theirs, own_moment, .. } = *self;
        Outcome { shard: pair.shard, peer: pair.peer, own, theirs, began: own_moment }
    }

    /// What the other side is told then.
    pub(super) fn finish(&self) -> Question {
        let Begun { pair, own, theirs, their_moment, .. } = *self;
        Question::Finish { shard: pair.shard, began: their_moment, asker: own, asked: theirs }
    }
}

/// What a round waits for.
#[derive(Debug)]
pub(super) enum Waiting {
    /// An answer.
    Answer(AskId),
    /// Its turn to ask, as the rate is bounded.
    Turn(Question),
    /// The end of a pause.
    Pause {
        /// When it ends.
        until_ms: u64,
    },
    /// A merge.
    Merge(MergeId),
}

/// A round at work.
pub(super) struct Running {
    pub(super) begun: Begun,
    pub(super) round: Round,
    pub(super) waiting: Waiting,
    /// When it is given up, whatever it waits for.
    pub(super) deadline_ms: u64,
}

/// All rounds.
#[derive(Default)]
pub(super) struct Rounds {
    queue: BTreeSet<(Urgency, u64, Pair)>,
    begun: BTreeMap<Pair, Begun>,
    pub(super) running: BTreeMap<Pair, Running>,
    pub(super) asks: BTreeMap<AskId, Asked>,
    pub(super) merges: BTreeMap<MergeId, Pair>,
}

/// What an answer belongs to.
#[derive(Debug)]
pub(super) enum Asked {
    /// A comparison of digests.
    Compare(super::compare::Sent),
    /// A round.
    Round(Pair),
    /// The last message of a round, which nobody waits for.
    Finish,
}

impl Rounds {
    /// Lets a difference wait for its round.
    pub(super) fn wait(&mut self, urgency: Urgency, begun: Begun) {
        if self.begun.insert(begun.pair, begun).is_none() {
            self.queue.insert((urgency, begun.own_moment, begun.pair));
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The most urgent difference of a shard that is in no other round.
    pub(super) fn next(&mut self) -> Option<Begun> {
        let is_free = |pair: &Pair| !self.running.keys().any(|running| running.shard == pair.shard);
        let entry = self.queue.iter().find(|(_, _, pair)| is_free(pair)).copied()?;
        self.queue.remove(&entry);
        self.begun.remove(&entry.2)
    }

    /// Forgets the waiting ones for which `keep` is not true, and returns them.
    pub(super) fn drop_waiting(&mut self, keep: impl Fn(&Pair) -> bool) -> Vec<Pair> {
        let dropped: Vec<Pair> = self.begun.keys().filter(|pair| !keep(pair)).copied().collect();
        self.queue.retain(|(_, _, pair)| keep(pair));
        self.begun.retain(|pair, _| keep(pair));
        dropped
    }
}
