//! What this node answers the replicas that ask it.

use super::answer::{fetched, look, states};
use super::core::{EntropyCore, Outcome};
use super::effect::Effect;
use super::event::{MergeId, RequestId};
use super::message::{Answer, Began, Question};
use super::replica::Replica;
use crate::ids::{NodeId, ShardIndex};
use crate::limits::ENTROPY_PUSHES_MAX;
use crate::store::StoreError;

impl EntropyCore {
    /// Another replica asks.
    pub(super) fn asked(
        &mut self,
        now_ms: u64,
        request: RequestId,
        from: NodeId,
        question: Question,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        let answer = match question {
            Question::Compare(sides) => self.show_sides(now_ms, from, sides, replica, effects),
            Question::Push(shard, states) => {
                if !self.serves(shard, from) || self.pushes.len() >= ENTROPY_PUSHES_MAX {
                    Answer::Declined
                } else {
                    let merge = MergeId(self.next_id());
                    self.pushes.insert(merge, (request, shard));
                    effects.push(Effect::Merge { merge, shard, from, states });
                    return;
                }
            }
            Question::Finish { shard, began, asker, asked } => {
                let outcome = Outcome { shard, peer: from, own: asked, theirs: asker, began: began.moment };
                self.finished(now_ms, began, &outcome, replica, effects)
            }
            question @ (Question::Segments(_)
            | Question::Look(..)
            | Question::Digests(..)
            | Question::Fetch(..)) => {
                let answer = self.show(from, &question, replica);
                // What cannot be read is not equal to anything.
                answer.unwrap_or(Answer::Declined)
            }
        };
        effects.push(Effect::Reply { request, answer });
    }

    /// States that another replica sent are stored, or were refused; or those of a round of this node.
    pub(super) fn merged(
        &mut self,
        now_ms: u64,
        merge: MergeId,
        is_stored: bool,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        let Some((request, shard)) = self.pushes.remove(&merge) else {
            return self.round_merged(now_ms, merge, is_stored, replica, effects);
        };
        let actor = replica.summary(shard).ok().filter(|_| is_stored).map(|summary| summary.actor);
        effects.push(Effect::Reply { request, answer: actor.map_or(Answer::Declined, Answer::Pushed) });
    }

    /// The other side says that the round is over. It counts if this side is still who it was when it began.
    fn finished(
        &mut self,
        now_ms: u64,
        began: Began,
        outcome: &Outcome,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let Outcome { shard, peer, own, .. } = *outcome;
        let is_mine = |summary: &super::ShardSummary| summary.actor == own.actor;
        let is_same = began.boot == self.boot && replica.summary(shard).is_ok_and(|now| is_mine(&now));
        if !is_same || !self.serves(shard, peer) {
            return Answer::Declined;
        }
        self.is_equal(now_ms, outcome, replica, effects);
        Answer::Finished
    }

    fn show(&self, from: NodeId, question: &Question, replica: &dyn Replica) -> Result<Answer, StoreError> {
        let Some(shard) = question.shard().filter(|shard| self.serves(*shard, from)) else {
            return Ok(Answer::Declined);
        };
        let actor = replica.summary(shard)?.actor;
        let limits = self.limits.answers;
        Ok(match question {
            Question::Segments(_) => Answer::Segments(actor, replica.segments(shard)?),
            Question::Look(_, spans) => Answer::Looked(actor, look(replica, shard, spans, limits)?),
            Question::Digests(_, keys) => Answer::Digests(actor, replica.digests(shard, keys)?),
            Question::Fetch(_, keys) => fetched(actor, states(replica, shard, keys, limits)?),
            Question::Compare(_) | Question::Push(..) | Question::Finish { .. } => Answer::Declined,
        })
    }

    /// Whether the node that asks is a replica of a shard that is held here.
    fn serves(&self, shard: ShardIndex, from: NodeId) -> bool {
        let shard = self.shards.get(&shard);
        shard.is_some_and(|held| held.standing.is_open() && held.peers.contains(&from))
    }
}
