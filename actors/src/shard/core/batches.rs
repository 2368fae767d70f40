//! A batch from its staging to its last answer.

use super::super::in_flight::InFlight;
use super::super::quorum::{Quorum, Standing};
use super::super::stage::Staged;
use super::super::{BatchId, Effect, RequestId, StagedMerge, States, UnknownCause, WriteError, WritePlan};
use super::ShardCore;
use crate::causality::{Context, Dot, Item};
use crate::ids::{ItemKey, NodeId};
use crate::mutation::{Mutation, is_on};
use crate::store::Write;
use crate::store::lane::PersistError;
use std::collections::BTreeSet;

impl ShardCore {
    pub(super) fn write(&mut self, request: RequestId, staged: Staged, effects: &mut Vec<Effect>) {
        let Staged { batch, fence, plan, peers, puts, states, dots, bytes } = staged;
        debug_assert_eq!((batch, fence), (self.next_batch, self.fence), "another event came in between");
        if is_on(Mutation::NotifyBeforeCommit) {
            self.wake(dots.iter().map(|(_, key)| key), effects);
        }
        if is_on(Mutation::ClockOfWhatWasMinted) {
            self.clock.committed_up_to(self.dots.newest_time());
        }
        let is_shared = !peers.is_empty();
        let quorum = Quorum::new(self.node, plan);
        let in_flight = InFlight {
            request: Some(request),
            waiting: Vec::new(),
            fence,
            dots,
            bytes,
            is_shared,
            quorum,
            ticks: 0,
        };
        self.persist(puts, in_flight, effects);
        if is_shared {
            let clock =
                if is_on(Mutation::StateSentStripped) { Context::empty() } else { self.clock.shown() };
            effects.push(Effect::SendMerge { batch, peers, states: States { clock, items: states } });
            self.schedule_tick(effects);
        }
    }

    pub(super) fn merge(&mut self, request: RequestId, staged: StagedMerge, effects: &mut Vec<Effect>) {
        let StagedMerge { batch, fence, puts, changes, bytes, after } = staged;
        debug_assert_eq!((batch, fence), (self.next_batch, self.fence), "another event came in between");
        if is_on(Mutation::MergeAcknowledgedBeforeTheCommit) {
            effects.push(Effect::Answer { request, outcome: Ok(()) });
        }
        if puts.is_empty() {
            // What the merge found is as good as its own commit, once it is stored.
            match after.and_then(|after| self.in_flight.get_mut(after)) {
                Some(earlier) => earlier.waiting.push(request),
                None => effects.push(Effect::Answer { request, outcome: Ok(()) }),
            }
            return;
        }
        self.persist(puts, self.own_batch(Some(request), changes, bytes), effects);
    }

    pub(super) fn store_row(&mut self, effects: &mut Vec<Effect>) {
        if self.has_row_to_store() {
            self.persist(Vec::new(), self.own_batch(None, Vec::new(), 0), effects);
        }
    }

    /// A batch that no other replica is asked about.
    fn own_batch(&self, request: Option<RequestId>, dots: Vec<(Dot, ItemKey)>, bytes: usize) -> InFlight {
        let quorum = Quorum::new(self.node, WritePlan::own_commit());
        let (fence, waiting) = (self.fence, Vec::new());
        InFlight { request, waiting, fence, dots, bytes, is_shared: false, quorum, ticks: 0 }
    }

    /// Hands a batch to the lane, together with the shard's row if it has to say more than it does.
    fn persist(&mut self, puts: Vec<(ItemKey, Write)>, in_flight: InFlight, effects: &mut Vec<Effect>) {
        let batch = self.next_batch;
        self.next_batch = BatchId(batch.0 + 1);
        let mut writes = Vec::with_capacity(puts.len() + 1);
        for (key, put) in puts {
            match &put {
                Write::PutItem { row, .. } => self.overlay.put(batch, key, row.item()),
                Write::RemoveItem { .. } => self.overlay.put(batch, key, Item::empty().encode().into()),
                Write::PutShardMeta { .. } | Write::PutControl { .. } => {}
            }
            writes.push(put);
        }
        if self.has_row_to_store() {
            let (clock, state) = (self.clock.for_row(), self.completeness.for_row());
            let meta = self.dots.for_row(clock, state);
            writes.push(Write::PutShardMeta { shard: self.shard, meta });
        }
        effects.push(Effect::Persist { batch, fence: in_flight.fence, writes });
        self.in_flight.begin(batch, in_flight);
    }

    pub(super) fn persisted(&mut self, batch: BatchId, effects: &mut Vec<Effect>) {
        let Some(dots) = self.in_flight.stored(batch) else { return };
        if let Some((last, _)) = dots.last().filter(|(last, _)| last.actor == self.clock.actor()) {
            self.clock.committed_up_to(last.time);
        }
        self.settle(batch, effects);
        if !is_on(Mutation::NotifyBeforeCommit) {
            self.wake(dots.iter().map(|(_, key)| key), effects);
        }
        for (dot, key) in dots {
            self.overlay.committed(batch, &key);
            self.recent.committed(dot, key);
        }
    }

    /// Wakes each poller who waits for a commit to one of the items, once.
    fn wake<'k>(&self, keys: impl Iterator<Item = &'k ItemKey>, effects: &mut Vec<Effect>) {
        if self.pollers.is_empty() {
            return;
        }
        let mut woken = BTreeSet::new();
        keys.for_each(|key| self.pollers.collect(key, &mut woken));
        effects.extend(woken.into_iter().map(|poll| Effect::Wake { poll }));
    }

    pub(super) fn refused(&mut self, batch: BatchId, error: &PersistError, effects: &mut Vec<Effect>) {
        let Some(write) = self.in_flight.end(batch) else { return };
        // Every uncommitted item was minted under this fence, on top of what was refused: the lane refuses it too.
        if write.fence == self.fence {
            self.fence = self.fence.raised();
            if !is_on(Mutation::OverlayKeptAfterRefusal) {
                self.overlay.clear();
            }
            self.dots.watermark_was_refused();
            self.clock.was_refused();
            self.completeness.was_refused();
        }
        let is_own = |(dot, _): &(Dot, ItemKey)| dot.actor == self.dots.actor();
        if write.is_shared && write.dots.iter().any(is_own) {
            // Other replicas may hold dots that this one does not: it must not claim to know them.
            self.dots.retire();
            self.clock.actor_begins(self.dots.actor());
        }
        for request in write.requests() {
            let error = error.clone();
            let error =
                if write.is_shared { WriteError::Unknown(UnknownCause::Lane(error)) } else { error.into() };
            effects.push(Effect::Answer { request, outcome: Err(error) });
        }
    }

    pub(super) fn peer_answered(
        &mut self,
        batch: BatchId,
        peer: NodeId,
        durable: bool,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(write) = self.in_flight.get_mut(batch) {
            write.quorum.peer_answered(peer, durable);
            self.settle(batch, effects);
        }
    }

    /// A peer that never answers does not hold a batch, or a client, for ever.
    pub(super) fn tick(&mut self, effects: &mut Vec<Effect>) {
        self.tick_is_scheduled = false;
        for batch in self.in_flight.tick() {
            self.settle(batch, effects);
        }
        if self.in_flight.await_peers() {
            self.schedule_tick(effects);
        }
    }

    pub(super) fn schedule_tick(&mut self, effects: &mut Vec<Effect>) {
        if !self.tick_is_scheduled {
            self.tick_is_scheduled = true;
            effects.push(Effect::ScheduleTick);
        }
    }

    /// Answers the client as soon as its write stands or cannot stand any more, once.
    pub(super) fn settle(&mut self, batch: BatchId, effects: &mut Vec<Effect>) {
        let Some(write) = self.in_flight.get_mut(batch) else { return };
        let outcome = match write.quorum.standing() {
            Standing::Open => None,
            Standing::Reached => Some(Ok(())),
            Standing::Unreachable => Some(Err(WriteError::Unknown(UnknownCause::Replicas))),
        };
        if let Some(outcome) = outcome
            && let Some(request) = write.request.take()
        {
            effects.push(Effect::Answer { request, outcome });
        }
        if write.quorum.is_own_durable() {
            let stored = |request| Effect::Answer { request, outcome: Ok(()) };
            effects.extend(write.waiting.drain(..).map(stored));
        }
        if write.is_settled() {
            self.in_flight.end(batch);
        }
    }
}
