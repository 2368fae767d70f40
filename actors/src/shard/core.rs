use super::changes::{Changes, RecentChanges};
use super::dots::Dots;
use super::in_flight::{Batches, InFlight};
use super::overlay::Overlay;
use super::pollers::Pollers;
use super::quorum::{Quorum, Standing};
use super::stage::{ReadItem, Stage, Staged, Step};
use super::{
    BatchId, Effect, Event, Fence, ItemWrite, PollError, RequestId, UnknownCause, WriteError, WritePlan,
};
use crate::causality::{Dot, SeenMarker};
use crate::clock::WallMs;
use crate::ids::{ItemKey, NodeId, PartitionHash, ShardIndex};
use crate::limits::{
    ACTOR_HISTORY_MAX, CONCURRENT_VALUES_MAX_DEFAULT, ITEM_BYTES_MAX_DEFAULT, RECENT_CHANGES_MAX,
    SHARD_POLLERS_MAX, SHARD_WRITES_IN_FLIGHT_MAX,
};
use crate::mutation::{Mutation, is_on};
use crate::store::lane::PersistError;
use crate::store::range::KeyRange;
use crate::store::{Epoch, ShardMeta, Write};
use std::collections::BTreeSet;

/// The bounds of a shard. An operator may set the first two; the simulator sets all of them so low that they are met.
#[derive(Clone, Copy, Debug)]
pub struct ShardLimits {
    /// Concurrent values that one item may hold before a client write without a covering token is refused.
    pub concurrent_values_max: usize,
    /// Bytes that the concurrent values of one item may hold together before such a write is refused.
    pub item_bytes_max: usize,
    /// Commits that a shard remembers for polls of ranges.
    pub recent_changes_max: usize,
    /// Actor ids of past epochs that a shard remembers, the present one included.
    pub actor_history_max: usize,
}

impl Default for ShardLimits {
    fn default() -> ShardLimits {
        ShardLimits {
            concurrent_values_max: CONCURRENT_VALUES_MAX_DEFAULT,
            item_bytes_max: ITEM_BYTES_MAX_DEFAULT,
            recent_changes_max: RECENT_CHANGES_MAX,
            actor_history_max: ACTOR_HISTORY_MAX,
        }
    }
}

/// The decisions of one shard.
///
/// Time is passed in, randomness is seeded, and the stored state comes with the write that is to be staged.
#[derive(Debug)]
pub struct ShardCore {
    shard: ShardIndex,
    limits: ShardLimits,
    dots: Dots,
    overlay: Overlay,
    in_flight: Batches,
    next_batch: BatchId,
    fence: Fence,
    pollers: Pollers,
    recent: RecentChanges,
    tick_is_scheduled: bool,
}

impl ShardCore {
    /// A shard as its store left it. `meta` is what is stored of it, `epoch` the store's present one, `fence` what its
    /// first batch goes out under, and `seed` the source of further actor ids within the epoch: unpredictable in
    /// production, given in a simulation.
    pub fn open(
        shard: ShardIndex,
        meta: Option<ShardMeta>,
        epoch: Epoch,
        limits: ShardLimits,
        fence: Fence,
        seed: [u8; 32],
    ) -> ShardCore {
        let dots = Dots::open(shard, meta, epoch, limits, seed);
        let recent = RecentChanges::new(dots.newest(), limits.recent_changes_max);
        ShardCore {
            shard,
            limits,
            dots,
            overlay: Overlay::default(),
            in_flight: Batches::default(),
            next_batch: BatchId(0),
            fence,
            pollers: Pollers::default(),
            recent,
            tick_is_scheduled: false,
        }
    }

    /// Handles one event.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Write { request, staged } => self.write(request, staged, &mut effects),
            Event::Persisted { batch, outcome: Ok(()) } => self.persisted(batch, &mut effects),
            Event::Persisted { batch, outcome: Err(error) } => self.refused(batch, error, &mut effects),
            Event::Merged { batch, peer, durable } => self.merged(batch, peer, durable, &mut effects),
            Event::Tick => self.tick(&mut effects),
            Event::Subscribe { poll, watched } => self.pollers.add(poll, watched),
            Event::Unsubscribe { poll } => self.pollers.remove(poll),
        }
        effects
    }

    /// Whether one more poller may subscribe.
    ///
    /// # Errors
    /// [`PollError::TooMany`].
    pub fn admit_poller(&self) -> Result<(), PollError> {
        if self.pollers.len() < SHARD_POLLERS_MAX { Ok(()) } else { Err(PollError::TooMany) }
    }

    /// Works out what writes make of their items, which `read` shows as they are stored. A refusal leaves no trace.
    /// [`Event::Write`] has it take effect, and must be the next event.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing happened.
    pub fn stage(
        &mut self,
        now: WallMs,
        writes: &[ItemWrite],
        plan: WritePlan,
        read: ReadItem<'_, '_>,
    ) -> Result<Staged, WriteError> {
        let mut puts = Vec::new();
        let (dots, bytes) = self.stage_items(now, writes, &plan, read, &mut |step| {
            let (partition, sort_key) = (step.write.partition.clone(), step.key.sort_key.clone());
            let put = Write::put_item(partition, sort_key, step.changed, &step.old, &step.new);
            puts.push((step.key, put));
        })?;
        Ok(Staged { batch: self.next_batch, fence: self.fence, plan, puts, dots, bytes })
    }

    /// Whether the writes would be refused as things stand, without writing: judged as [`ShardCore::stage`] does.
    ///
    /// # Errors
    /// What [`ShardCore::stage`] would fail with.
    pub fn check(
        &mut self,
        now: WallMs,
        writes: &[ItemWrite],
        plan: &WritePlan,
        read: ReadItem<'_, '_>,
    ) -> Result<(), WriteError> {
        self.stage_items(now, writes, plan, read, &mut |_| ()).map(drop)
    }

    /// What changed in a range since `marker`, and a marker for what a snapshot taken from now on shows.
    pub fn changes(&self, partition: PartitionHash, range: &KeyRange, marker: &SeenMarker) -> Changes {
        let mut changes = self.recent.since(self.dots.actors(), partition, range, marker);
        if is_on(Mutation::MarkerOfWhatWasMinted) {
            changes.marker.seen = self.dots.newest().map(|dot| (dot.actor, dot.time)).into_iter().collect();
        }
        changes
    }

    fn write(&mut self, request: RequestId, staged: Staged, effects: &mut Vec<Effect>) {
        let Staged { batch, fence, plan, puts, dots, bytes } = staged;
        debug_assert_eq!((batch, fence), (self.next_batch, self.fence), "another event came in between");
        self.next_batch = BatchId(batch.0 + 1);
        let mut writes = Vec::with_capacity(puts.len() + 1);
        for (key, put) in puts {
            if let Write::PutItem { row, .. } = &put {
                self.overlay.put(batch, key, row.item());
            }
            writes.push(put);
        }
        for &peer in &plan.peers {
            effects.push(Effect::Merge { batch, peer, writes: writes.clone() });
        }
        if let Some(meta) = self.dots.watermark_to_store() {
            writes.push(Write::PutShardMeta { shard: self.shard, meta });
        }
        effects.insert(0, Effect::Persist { batch, fence, writes });
        if is_on(Mutation::NotifyBeforeCommit) {
            self.wake(dots.iter().map(|(_, key)| key), effects);
        }
        let quorum = Quorum::new(&plan.peers, plan.quorum);
        let is_shared = !plan.peers.is_empty();
        self.in_flight.begin(
            batch,
            InFlight { request: Some(request), fence, dots, bytes, is_shared, quorum, ticks: 0 },
        );
        if is_shared {
            self.schedule_tick(effects);
        }
    }

    /// Mints dots in any case: the dots of refused writes are never used again.
    fn stage_items(
        &mut self,
        now: WallMs,
        writes: &[ItemWrite],
        plan: &WritePlan,
        read: ReadItem<'_, '_>,
        keep: &mut dyn FnMut(Step<'_>),
    ) -> Result<(Vec<(Dot, ItemKey)>, usize), WriteError> {
        if self.in_flight.len() >= SHARD_WRITES_IN_FLIGHT_MAX {
            return Err(WriteError::Overloaded);
        }
        let mut stage = Stage {
            now,
            limits: self.limits,
            overlay: &self.overlay,
            dots: &mut self.dots,
            is_sole_replica: plan.peers.is_empty(),
            bytes_in_flight: self.in_flight.bytes(),
        };
        stage.run(writes, read, keep)
    }

    fn persisted(&mut self, batch: BatchId, effects: &mut Vec<Effect>) {
        let Some(dots) = self.in_flight.stored(batch) else { return };
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

    fn refused(&mut self, batch: BatchId, error: PersistError, effects: &mut Vec<Effect>) {
        let Some(write) = self.in_flight.end(batch) else { return };
        // Every uncommitted item was minted under this fence, on top of what was refused: the lane refuses it too.
        if write.fence == self.fence {
            self.fence = self.fence.raised();
            if !is_on(Mutation::OverlayKeptAfterRefusal) {
                self.overlay.clear();
            }
            self.dots.watermark_was_refused();
        }
        if let Some(request) = write.request {
            let error =
                if write.is_shared { WriteError::Unknown(UnknownCause::Lane(error)) } else { error.into() };
            effects.push(Effect::Answer { request, outcome: Err(error) });
        }
    }

    fn merged(&mut self, batch: BatchId, peer: NodeId, durable: bool, effects: &mut Vec<Effect>) {
        if let Some(write) = self.in_flight.get_mut(batch) {
            write.quorum.peer_answered(peer, durable);
            self.settle(batch, effects);
        }
    }

    /// A peer that never answers does not hold a batch, or a client, for ever.
    fn tick(&mut self, effects: &mut Vec<Effect>) {
        self.tick_is_scheduled = false;
        for batch in self.in_flight.tick() {
            self.settle(batch, effects);
        }
        if self.in_flight.await_peers() {
            self.schedule_tick(effects);
        }
    }

    fn schedule_tick(&mut self, effects: &mut Vec<Effect>) {
        if !self.tick_is_scheduled {
            self.tick_is_scheduled = true;
            effects.push(Effect::ScheduleTick);
        }
    }

    /// Answers the client as soon as its write stands or cannot stand any more, once.
    fn settle(&mut self, batch: BatchId, effects: &mut Vec<Effect>) {
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
        if write.is_settled() {
            self.in_flight.end(batch);
        }
    }

    /// How many pollers are subscribed to the shard.
    pub fn poller_count(&self) -> usize {
        self.pollers.len()
    }
}

impl From<PersistError> for WriteError {
    fn from(error: PersistError) -> WriteError {
        match error {
            error @ (PersistError::Full(_) | PersistError::Fenced) => WriteError::InsufficientStorage(error),
            error @ (PersistError::Broken(_) | PersistError::Stopping) => {
                WriteError::Unknown(UnknownCause::Lane(error))
            }
        }
    }
}
