use super::changes::{Changes, RecentChanges};
use super::dots::Dots;
use super::overlay::Overlay;
use super::pollers::Pollers;
use super::quorum::{Quorum, Standing};
use super::{BatchId, Effect, Event, Fence, ItemWrite, PollError, RequestId, WriteError, WritePlan};
use crate::causality::{Dot, Item, SeenMarker};
use crate::clock::WallMs;
use crate::ids::{ItemKey, NodeId, Partition, PartitionHash, ShardIndex};
use crate::limits::{
    ACTOR_HISTORY_MAX, CONCURRENT_VALUES_MAX_DEFAULT, RECENT_CHANGES_MAX, SHARD_POLLERS_MAX,
    SHARD_WRITES_IN_FLIGHT_MAX, TOKEN_ACTORS_MAX,
};
use crate::mutation::{Mutation, is_on};
use crate::store::lane::PersistError;
use crate::store::range::KeyRange;
use crate::store::{Epoch, ShardMeta, Write};
use std::collections::{BTreeMap, BTreeSet};

/// The bounds of a shard. An operator may set the first one; the simulator sets all of them so low that they are met.
#[derive(Clone, Copy, Debug)]
pub struct ShardLimits {
    /// Concurrent values that one item may hold before a client write without a covering token is refused.
    pub concurrent_values_max: usize,
    /// Commits that a shard remembers for polls of ranges.
    pub recent_changes_max: usize,
    /// Actor ids of past epochs that a shard remembers, the present one included.
    pub actor_history_max: usize,
}

impl Default for ShardLimits {
    fn default() -> ShardLimits {
        ShardLimits {
            concurrent_values_max: CONCURRENT_VALUES_MAX_DEFAULT,
            recent_changes_max: RECENT_CHANGES_MAX,
            actor_history_max: ACTOR_HISTORY_MAX,
        }
    }
}

/// The decisions of one shard.
///
/// Time is passed in, randomness is seeded, and what is stored comes in with the event that needs it.
#[derive(Debug)]
pub struct ShardCore {
    shard: ShardIndex,
    limits: ShardLimits,
    dots: Dots,
    overlay: Overlay,
    in_flight: BTreeMap<BatchId, InFlight>,
    next_batch: BatchId,
    fence: Fence,
    pollers: Pollers,
    recent: RecentChanges,
}

/// A batch between its minting and the last replica's answer.
#[derive(Debug)]
struct InFlight {
    /// `None` once the client has been answered.
    request: Option<RequestId>,
    fence: Fence,
    /// In the order of minting.
    dots: Vec<(Dot, ItemKey)>,
    /// Whether other replicas were sent the batch too.
    shared: bool,
    quorum: Quorum,
}

/// Items of one request, old and new, before any of it takes effect.
type Staged = BTreeMap<ItemKey, StagedItem>;

struct StagedItem {
    partition: Partition,
    old: Item<'static>,
    new: Item<'static>,
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
            in_flight: BTreeMap::new(),
            next_batch: BatchId(0),
            fence,
            pollers: Pollers::default(),
            recent,
        }
    }

    /// Whether the shard itself holds the newest state of an item, so that a write need not bring what is stored.
    pub fn holds(&self, key: &ItemKey) -> bool {
        self.overlay.get(key).is_some() && !is_on(Mutation::OverlayIgnored)
    }

    /// Handles one event.
    pub fn step(&mut self, now: WallMs, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Write { request, writes, stored, plan } => {
                if let Err(error) = self.write(now, request, writes, stored, &plan, &mut effects) {
                    effects.push(Effect::Answer { request, outcome: Err(error) });
                }
            }
            Event::Persisted { batch, outcome: Ok(()) } => self.persisted(batch, &mut effects),
            Event::Persisted { batch, outcome: Err(error) } => self.refused(batch, error, &mut effects),
            Event::Merged { batch, peer, durable } => self.merged(batch, peer, durable, &mut effects),
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

    /// Whether the writes would be refused as things stand, without writing.
    ///
    /// # Errors
    /// What [`Event::Write`] would be answered with.
    pub fn check(&self, writes: &[ItemWrite], stored: Vec<Option<Item<'static>>>) -> Result<(), WriteError> {
        let mut added: BTreeMap<ItemKey, usize> = BTreeMap::new();
        for (write, stored) in writes.iter().zip(stored) {
            let key = write.key();
            let stored = stored.unwrap_or_default();
            let item = self.overlay.get(&key).unwrap_or(&stored);
            let before = added.entry(key).or_default();
            self.refuse_if_too_many(item.sibling_count_after(&write.context) + *before)?;
            *before += 1;
        }
        Ok(())
    }

    /// What changed in a range since `marker`, and a marker for what a snapshot taken from now on shows.
    pub fn changes(&self, partition: PartitionHash, range: &KeyRange, marker: &SeenMarker) -> Changes {
        let mut changes = self.recent.since(self.dots.actors(), partition, range, marker);
        if is_on(Mutation::MarkerOfWhatWasMinted) {
            changes.marker.seen = self.dots.newest().map(|dot| (dot.actor, dot.time)).into_iter().collect();
        }
        changes
    }

    fn write(
        &mut self,
        now: WallMs,
        request: RequestId,
        writes: Vec<ItemWrite>,
        stored: Vec<Option<Item<'static>>>,
        plan: &WritePlan,
        effects: &mut Vec<Effect>,
    ) -> Result<(), WriteError> {
        if self.in_flight.len() >= SHARD_WRITES_IN_FLIGHT_MAX {
            return Err(WriteError::Overloaded);
        }
        let (staged, dots) = self.stage(now, writes, stored, plan)?;
        let batch = self.next_batch;
        self.next_batch = BatchId(batch.0 + 1);
        let mut writes: Vec<Write> =
            staged.into_iter().map(|(key, item)| self.put(batch, key, item)).collect();
        for &peer in &plan.peers {
            effects.push(Effect::Merge { batch, peer, writes: writes.clone() });
        }
        if let Some(meta) = self.dots.watermark_to_store() {
            writes.push(Write::PutShardMeta { shard: self.shard, meta });
        }
        effects.insert(0, Effect::Persist { batch, fence: self.fence, writes });
        if is_on(Mutation::NotifyBeforeCommit) {
            self.wake(dots.iter().map(|(_, key)| key), effects);
        }
        let quorum = Quorum::new(&plan.peers, plan.quorum);
        let shared = !plan.peers.is_empty();
        self.in_flight
            .insert(batch, InFlight { request: Some(request), fence: self.fence, dots, shared, quorum });
        Ok(())
    }

    /// Mints a dot for each write and merges it in, leaving the shard's items as they are: a refusal half way through
    /// must not show.
    fn stage(
        &mut self,
        now: WallMs,
        writes: Vec<ItemWrite>,
        stored: Vec<Option<Item<'static>>>,
        plan: &WritePlan,
    ) -> Result<(Staged, Vec<(Dot, ItemKey)>), WriteError> {
        let mut staged = Staged::new();
        let mut dots = Vec::with_capacity(writes.len());
        for (write, stored) in writes.into_iter().zip(stored) {
            let key = write.key();
            let item = staged.entry(key.clone()).or_insert_with(|| {
                let held = self.overlay.get(&key).filter(|_| !is_on(Mutation::OverlayIgnored)).cloned();
                let old = held.or(stored).unwrap_or_default();
                StagedItem { partition: write.partition, new: old.clone(), old }
            });
            self.refuse_if_too_many(item.new.sibling_count_after(&write.context))?;
            let dot = self.dots.mint(now, &write.context, &item.new);
            item.new.write(dot, &write.context, write.value);
            // Beyond it, the item's own token would be too long to come back.
            if item.new.branches().len() > TOKEN_ACTORS_MAX && plan.peers.is_empty() {
                item.new.forget_discarded();
                if item.new.branches().len() > TOKEN_ACTORS_MAX {
                    return Err(WriteError::TooManyConcurrentValues { max: TOKEN_ACTORS_MAX });
                }
            }
            dots.push((dot, key));
        }
        Ok((staged, dots))
    }

    fn put(&mut self, batch: BatchId, key: ItemKey, item: StagedItem) -> Write {
        let write = Write::put_item(item.partition, key.sort_key.clone(), &item.old, &item.new);
        self.overlay.put(batch, key, item.new);
        write
    }

    fn refuse_if_too_many(&self, values: usize) -> Result<(), WriteError> {
        let max = self.limits.concurrent_values_max;
        // A single value is always taken: otherwise a limit of 0 would make the store read-only.
        if values > max.max(1) { Err(WriteError::TooManyConcurrentValues { max }) } else { Ok(()) }
    }

    fn persisted(&mut self, batch: BatchId, effects: &mut Vec<Effect>) {
        let Some(write) = self.in_flight.get_mut(&batch) else { return };
        write.quorum.own_is_durable();
        let dots = std::mem::take(&mut write.dots);
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
        let Some(write) = self.in_flight.remove(&batch) else { return };
        // Every uncommitted item was minted under this fence, on top of what was refused: the lane refuses it too.
        if write.fence == self.fence {
            self.fence = self.fence.raised();
            if !is_on(Mutation::OverlayKeptAfterRefusal) {
                self.overlay.clear();
            }
            self.dots.watermark_was_refused();
        }
        if let Some(request) = write.request {
            let error = WriteError::from(error);
            let error = if write.shared { WriteError::Unknown(error.to_string()) } else { error };
            effects.push(Effect::Answer { request, outcome: Err(error) });
        }
    }

    fn merged(&mut self, batch: BatchId, peer: NodeId, durable: bool, effects: &mut Vec<Effect>) {
        if let Some(write) = self.in_flight.get_mut(&batch) {
            write.quorum.peer_answered(peer, durable);
            self.settle(batch, effects);
        }
    }

    /// Answers the client as soon as its write stands or cannot stand any more, once.
    fn settle(&mut self, batch: BatchId, effects: &mut Vec<Effect>) {
        let Some(write) = self.in_flight.get_mut(&batch) else { return };
        let outcome = match write.quorum.standing() {
            Standing::Open => None,
            Standing::Reached => Some(Ok(())),
            Standing::Unreachable => Some(Err(WriteError::Unknown("too few replicas answered".to_owned()))),
        };
        if let Some(outcome) = outcome
            && let Some(request) = write.request.take()
        {
            effects.push(Effect::Answer { request, outcome });
        }
        if write.quorum.is_settled() {
            self.in_flight.remove(&batch);
        }
    }

    /// How many pollers hang on the shard.
    pub fn poller_count(&self) -> usize {
        self.pollers.len()
    }
}

impl From<PersistError> for WriteError {
    fn from(error: PersistError) -> WriteError {
        match error {
            PersistError::Full(error) => WriteError::InsufficientStorage(error.to_string()),
            PersistError::Fenced => WriteError::InsufficientStorage(
                "the store was full a moment ago, and this write built on one that was refused: try again"
                    .to_owned(),
            ),
            PersistError::Broken(reason) => WriteError::Unknown(reason),
            PersistError::Stopping => WriteError::Unknown(PersistError::Stopping.to_string()),
        }
    }
}
