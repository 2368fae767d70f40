//! What this node asks for: comparisons that are due, and rounds from their begin to their end.

use super::compare::urgency;
use super::core::EntropyCore;
use super::effect::Effect;
use super::event::{AskId, MergeId};
use super::message::{Answer, Question};
use super::progress::{Failure, Progress};
use super::replica::Replica;
use super::round::{Input, Output, Round};
use super::rounds::{Asked, Begun, Running, Waiting};
use super::schedule::{Pair, Urgency};
use super::standing::Held;
use crate::mutation::{Mutation, is_on};
use crate::store::StoreError;

impl EntropyCore {
    /// Time passed.
    pub(super) fn tick(&mut self, now_ms: u64, replica: &dyn Replica, effects: &mut Vec<Effect>) {
        self.give_up_the_lost(now_ms);
        self.compare_due(now_ms, replica, effects);
        self.resume(now_ms, replica, effects);
        self.begin_rounds(now_ms, effects);
    }

    /// Rounds that nothing came of in time, and those of shards that this node or the peer does not hold any more.
    fn give_up_the_lost(&mut self, now_ms: u64) {
        let is_held = |pair: &Pair| {
            let shard = self.shards.get(&pair.shard);
            shard.is_some_and(|held| held.standing.is_open() && held.peers.contains(&pair.peer))
        };
        let is_lost = |(pair, running): &(&Pair, &Running)| running.deadline_ms <= now_ms || !is_held(pair);
        let lost: Vec<Pair> = self.rounds.running.iter().filter(is_lost).map(|(pair, _)| *pair).collect();
        let unheld = self.rounds.drop_waiting(is_held);
        for pair in lost.into_iter().chain(unheld) {
            self.give_up(now_ms, pair);
        }
    }

    fn give_up(&mut self, now_ms: u64, pair: Pair) {
        if self.rounds.running.remove(&pair).is_some() {
            self.progress.failures += 1;
            self.progress.consecutive_failures += 1;
            let Pair { shard, peer } = pair;
            self.progress.last_failure = Some(Failure { shard, peer, at_ms: now_ms });
        }
        self.schedule.failed(pair, now_ms, &self.limits);
    }

    fn begin_rounds(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        while self.rounds.running.len() < self.limits.rounds_max && self.pace.is_free(now_ms) {
            let Some(begun) = self.rounds.next() else { return };
            // A copy that is not complete lacks more than what is under way.
            let Begun { pair, own, theirs, .. } = begun;
            let is_patient = own.is_complete && theirs.is_complete;
            let round = Round::new(pair.shard, theirs.actor, self.limits.answers, is_patient);
            let first = round.begin();
            let waiting = Waiting::Pause { until_ms: u64::MAX };
            let deadline_ms = self.deadline_ms(now_ms);
            self.rounds.running.insert(pair, Running { begun, round, waiting, deadline_ms });
            self.carry_on(now_ms, pair, first, effects);
        }
    }

    /// Rounds whose pause is over or whose turn has come.
    fn resume(&mut self, now_ms: u64, replica: &dyn Replica, effects: &mut Vec<Effect>) {
        let pairs: Vec<Pair> = self.rounds.running.keys().copied().collect();
        for pair in pairs {
            let is_free = self.pace.is_free(now_ms);
            let Some(running) = self.rounds.running.get_mut(&pair) else { continue };
            match &running.waiting {
                Waiting::Pause { until_ms } if *until_ms <= now_ms => {
                    self.go_on(now_ms, pair, Input::Paused, replica, effects);
                }
                Waiting::Turn(question) if is_free => {
                    let question = question.clone();
                    self.ask(now_ms, pair, question, effects);
                }
                Waiting::Pause { .. } | Waiting::Turn(_) | Waiting::Answer(_) | Waiting::Merge(_) => {}
            }
        }
    }

    /// An answer, or the lack of one.
    pub(super) fn answered(
        &mut self,
        now_ms: u64,
        ask: AskId,
        answer: Option<Answer>,
        bytes: u64,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        self.progress.bytes += bytes;
        match self.rounds.asks.remove(&ask) {
            Some(Asked::Compare(sent)) => self.compared_with(now_ms, sent, answer, replica, effects),
            Some(Asked::Round(pair)) => {
                self.pace.spend(now_ms, bytes, answer.as_ref().map_or(0, items_of));
                let is_awaited = self.rounds.running.get(&pair).is_some_and(
                    |running| matches!(running.waiting, Waiting::Answer(awaited) if awaited == ask),
                );
                match answer {
                    Some(answer) if is_awaited => {
                        self.go_on(now_ms, pair, Input::Answered(answer), replica, effects);
                    }
                    None if is_awaited => self.give_up(now_ms, pair),
                    // The round is over, or another one by now.
                    Some(_) | None => {}
                }
            }
            Some(Asked::Finish) | None => {}
        }
    }

    /// A merge of a round of this node is stored, or was refused.
    pub(super) fn round_merged(
        &mut self,
        now_ms: u64,
        merge: MergeId,
        is_stored: bool,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pair) = self.rounds.merges.remove(&merge) else { return };
        let waits =
            |running: &Running| matches!(running.waiting, Waiting::Merge(awaited) if awaited == merge);
        if !self.rounds.running.get(&pair).is_some_and(waits) {
            return;
        }
        if is_stored {
            self.go_on(now_ms, pair, Input::Merged, replica, effects);
        } else {
            self.give_up(now_ms, pair);
        }
    }

    fn go_on(
        &mut self,
        now_ms: u64,
        pair: Pair,
        input: Input,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) {
        let deadline_ms = self.deadline_ms(now_ms);
        let Some(running) = self.rounds.running.get_mut(&pair) else { return };
        running.deadline_ms = deadline_ms;
        match running.round.step(input, replica) {
            Ok(Output::Equal) => self.finish(now_ms, pair, replica, effects),
            Ok(output) => self.carry_on(now_ms, pair, output, effects),
            // What cannot be read now may be readable later.
            Err(StoreError::Unreadable(_) | StoreError::Corrupt { .. }) => self.give_up(now_ms, pair),
        }
    }

    fn carry_on(&mut self, now_ms: u64, pair: Pair, output: Output, effects: &mut Vec<Effect>) {
        let merge_id = MergeId(self.next_id());
        let Some(running) = self.rounds.running.get_mut(&pair) else { return };
        match output {
            Output::Ask(question) if self.pace.is_free(now_ms) => self.ask(now_ms, pair, question, effects),
            Output::Ask(question) => running.waiting = Waiting::Turn(question),
            Output::Pause => {
                let until_ms = now_ms.saturating_add(self.limits.recheck_ms);
                running.waiting = Waiting::Pause { until_ms };
            }
            Output::Merge(states) => {
                running.waiting = Waiting::Merge(merge_id);
                self.rounds.merges.insert(merge_id, pair);
                let Pair { shard, peer } = pair;
                effects.push(Effect::Merge { merge: merge_id, shard, from: peer, states });
            }
            Output::Equal | Output::GiveUp => self.give_up(now_ms, pair),
        }
    }

    fn ask(&mut self, now_ms: u64, pair: Pair, question: Question, effects: &mut Vec<Effect>) {
        let ask = AskId(self.next_id());
        let deadline_ms = self.deadline_ms(now_ms);
        if let Some(running) = self.rounds.running.get_mut(&pair) {
            running.waiting = Waiting::Answer(ask);
            running.deadline_ms = deadline_ms;
            self.rounds.asks.insert(ask, Asked::Round(pair));
            effects.push(Effect::Ask { ask, peer: pair.peer, question });
        }
    }

    /// Nothing differs any more, and everything that did is stored on both sides.
    fn finish(&mut self, now_ms: u64, pair: Pair, replica: &dyn Replica, effects: &mut Vec<Effect>) {
        let Some(Running { mut begun, round, .. }) = self.rounds.running.remove(&pair) else { return };
        if is_on(Mutation::ClockRaisedToTheEndOfTheRound)
            && let Ok(summary) = replica.summary(pair.shard)
        {
            begun.own.committed = summary.committed;
        }
        self.progress.rounds += 1;
        self.progress.consecutive_failures = 0;
        self.progress.items += round.items;
        self.is_equal(now_ms, &begun.outcome(), replica, effects);
        let ask = AskId(self.next_id());
        self.rounds.asks.insert(ask, Asked::Finish);
        effects.push(Effect::Ask { ask, peer: pair.peer, question: begun.finish() });
    }

    fn deadline_ms(&self, now_ms: u64) -> u64 {
        // The question's own deadline comes first, unless the question itself had to wait.
        now_ms.saturating_add(self.limits.ask_ms.saturating_mul(2))
    }

    /// What is done and what is left.
    pub fn progress(&self, now_ms: u64) -> Progress {
        let count =
            |is: fn(&super::core::Shard) -> bool| self.shards.values().filter(|shard| is(shard)).count();
        let (never_compared, oldest) = self.schedule.ages();
        Progress {
            now_ms,
            waiting: self.rounds.waiting(),
            running: self.rounds.running.len(),
            throttled_ms: self.pace.owed_ms(now_ms),
            held: self.shards.len(),
            receiving: count(|shard| urgency(Some(shard)) == Urgency::Receiving),
            amnesiac: count(|shard| urgency(Some(shard)) == Urgency::Amnesiac),
            dropping: count(|shard| shard.standing.held == Held::Dropping),
            never_compared,
            oldest_ms: oldest.map_or(0, |oldest| now_ms.saturating_sub(oldest)),
            peers: self.schedule.by_peer(now_ms),
            ..self.progress.clone()
        }
    }
}

/// How many items an answer brought.
fn items_of(answer: &Answer) -> u64 {
    match answer {
        Answer::Fetched { states, .. } => states.len() as u64,
        Answer::Compared(..)
        | Answer::Segments(..)
        | Answer::Looked(..)
        | Answer::Digests(..)
        | Answer::Pushed(_)
        | Answer::Finished
        | Answer::Declined => 0,
    }
}
