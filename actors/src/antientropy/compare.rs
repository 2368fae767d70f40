//! Digests of many shards at once: which replicas are equal, and which differ for longer than a write is under way.

use super::core::{EntropyCore, Outcome};
use super::effect::Effect;
use super::event::AskId;
use super::message::{Answer, Began, Question, Side};
use super::replica::Replica;
use super::rounds::{Asked, Begun};
use super::schedule::{Pair, Urgency};
use super::standing::Held;
use crate::ids::{NodeId, ShardIndex};
use crate::mutation::{Mutation, is_on};

/// A comparison on its way.
#[derive(Debug)]
pub(super) struct Sent {
    peer: NodeId,
    sides: Vec<(ShardIndex, Side)>,
    moment: u64,
}

impl EntropyCore {
    /// Asks every other replica that may be asked for the shards that are due.
    pub(super) fn compare_due(&mut self, now_ms: u64, replica: &dyn Replica, effects: &mut Vec<Effect>) {
        let shards = &self.shards;
        let due = self.schedule.due(now_ms, |shard| urgency(shards.get(&shard)));
        for (peer, due) in due {
            let mut sides = Vec::with_capacity(due.len());
            for shard in due {
                match self.side(shard, replica) {
                    Ok(Some(side)) => sides.push((shard, side)),
                    // A shard that cannot be read now may be readable later.
                    Ok(None) | Err(_) => self.schedule.failed(Pair { shard, peer }, now_ms, &self.limits),
                }
            }
            if sides.is_empty() {
                continue;
            }
            let ask = AskId(self.next_id());
            let sent = Sent { peer, sides: sides.clone(), moment: self.moment };
            self.rounds.asks.insert(ask, Asked::Compare(sent));
            self.schedule.asked(peer, true);
            effects.push(Effect::Ask { ask, peer, question: Question::Compare(sides) });
        }
    }

    /// The other replica showed its sides, or did not answer.
    pub(super) fn compared_with(
        &mut self,
        now_ms: u64,
        sent: Sent,
        answer: Option<Answer>,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        let Sent { peer, sides, moment } = sent;
        self.schedule.asked(peer, false);
        let (their_moment, theirs) = match answer {
            Some(Answer::Compared(their_moment, theirs)) if theirs.len() == sides.len() => {
                (their_moment, theirs)
            }
            Some(_) | None => {
                for (shard, _) in sides {
                    self.schedule.failed(Pair { shard, peer }, now_ms, &self.limits);
                }
                return;
            }
        };
        for ((shard, own), theirs) in sides.into_iter().zip(theirs) {
            let pair = Pair { shard, peer };
            let Some(theirs) = theirs else {
                self.schedule.failed(pair, now_ms, &self.limits);
                continue;
            };
            let begun = Begun { pair, own, theirs, own_moment: moment, their_moment };
            if own.digest == theirs.digest {
                self.is_equal(now_ms, &begun.outcome(), replica, effects);
            } else {
                self.differs(now_ms, begun, replica, effects);
            }
        }
    }

    fn differs(&mut self, now_ms: u64, begun: Begun, replica: &dyn Replica, effects: &mut Vec<Effect>) {
        if self.schedule.differs(begun.pair, now_ms, &self.limits) {
            if is_on(Mutation::ClockRaisedBeforeTheRound) {
                // A store that cannot be read now is read again in the next comparison.
                let _ = self.compared(&begun.outcome(), replica, effects);
            }
            self.rounds.wait(urgency(self.shards.get(&begun.pair.shard)), begun);
        }
    }

    /// Notes that the two replicas hold the same, and that everything that took is stored.
    pub(super) fn is_equal(
        &mut self,
        now_ms: u64,
        outcome: &Outcome,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        let pair = Pair { shard: outcome.shard, peer: outcome.peer };
        match self.compared(outcome, replica, effects) {
            Ok(()) => {
                self.progress.comparisons += 1;
                self.schedule.is_equal(pair, now_ms, &self.limits);
            }
            Err(_) => self.schedule.failed(pair, now_ms, &self.limits),
        }
    }

    /// Answers another replica that compares, and learns from what it shows.
    pub(super) fn show_sides(
        &mut self,
        now_ms: u64,
        from: NodeId,
        theirs: Vec<(ShardIndex, Side)>,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let Began { boot, moment } = self.began();
        let mut sides = Vec::with_capacity(theirs.len());
        for (shard, theirs) in theirs {
            let is_peer = self.shards.get(&shard).is_some_and(|held| held.peers.contains(&from));
            let own = self.side(shard, replica).ok().flatten().filter(|_| is_peer);
            sides.push(own);
            let Some(own) = own else { continue };
            let pair = Pair { shard, peer: from };
            if own.digest == theirs.digest {
                // Both see the same live dots: each knows what the other one has committed.
                let outcome = Outcome { shard, peer: from, own, theirs, began: moment };
                self.is_equal(now_ms, &outcome, replica, effects);
            } else if own.is_complete {
                self.schedule.left_to_peer(pair, now_ms, &self.limits);
            }
        }
        Answer::Compared(Began { boot, moment }, sides)
    }
}

/// How urgent a shard's comparisons are.
pub(super) fn urgency(shard: Option<&super::core::Shard>) -> Urgency {
    match shard.map_or(Held::Absent, |shard| shard.standing.held) {
        Held::Receiving(_) => Urgency::Receiving,
        Held::Amnesiac(_) => Urgency::Amnesiac,
        Held::Absent | Held::Live(_) | Held::Dropping => Urgency::Turn,
    }
}
