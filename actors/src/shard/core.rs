mod batches;
mod removal;

pub use removal::Removal;

use super::changes::{Changes, RecentChanges};
use super::completeness::Completeness;
use super::dots::Dots;
use super::in_flight::Batches;
use super::merge::StageMerge;
use super::overlay::Overlay;
use super::pollers::Pollers;
use super::stage::{ReadItem, Stage, Staged, Step};
use super::{
    BatchId, Effect, Event, Fence, ItemState, ItemWrite, PollError, ShardClock, StagedMerge, States,
    UnknownCause, WriteError, WritePlan,
};
use crate::causality::{Context, Dot, Item, SeenMarker};
use crate::clock::WallMs;
use crate::ids::{ItemKey, NodeId, PartitionHash, ShardIndex};
use crate::limits::{
    ACTOR_HISTORY_MAX, CONCURRENT_VALUES_MAX_DEFAULT, ITEM_BYTES_MAX_DEFAULT, RECENT_CHANGES_MAX,
    SHARD_POLLERS_MAX, SHARD_WRITES_IN_FLIGHT_MAX,
};
use crate::mutation::{Mutation, is_on};
use crate::store::lane::PersistError;
use crate::store::range::KeyRange;
use crate::store::{Epoch, ShardMeta, ShardState, Write};

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
#[derive(Clone, Debug)]
pub struct ShardCore {
    shard: ShardIndex,
    /// Who holds the replica.
    node: NodeId,
    limits: ShardLimits,
    dots: Dots,
    clock: ShardClock,
    completeness: Completeness,
    overlay: Overlay,
    in_flight: Batches,
    next_batch: BatchId,
    fence: Fence,
    pollers: Pollers,
    recent: RecentChanges,
    tick_is_scheduled: bool,
}

impl ShardCore {
    /// The replica of a shard on `node`, as its store left it. `meta` is what is stored of it, `epoch` the store's present one, `fence` what its
    /// first batch goes out under, and `seed` the source of further actor ids within the epoch: unpredictable in
    /// production, given in a simulation.
    pub fn open(
        shard: ShardIndex,
        node: NodeId,
        meta: Option<ShardMeta>,
        epoch: Epoch,
        limits: ShardLimits,
        fence: Fence,
        seed: [u8; 32],
    ) -> ShardCore {
        let dots = Dots::open(shard, meta.as_ref(), epoch, limits, seed);
        let (stored, state) =
            meta.map_or((Context::empty(), ShardState::Live), |meta| (meta.clock, meta.state));
        let clock = ShardClock::open(stored, dots.actor(), dots.committed_before(), dots.actors());
        let recent = RecentChanges::new(dots.newest(), dots.previous(), limits.recent_changes_max);
        ShardCore {
            shard,
            node,
            limits,
            dots,
            clock,
            completeness: Completeness::new(state),
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
            Event::Persisted { batch, outcome: Err(error) } => self.refused(batch, &error, &mut effects),
            Event::Merge { request, staged } => self.merge(request, staged, &mut effects),
            Event::StoreRow => self.store_row(&mut effects),
            Event::PeerAnswered { batch, peer, durable } => {
                self.peer_answered(batch, peer, durable, &mut effects);
            }
            Event::PeerReborn { peer } => {
                for batch in self.in_flight.peer_is_reborn(peer) {
                    self.settle(batch, &mut effects);
                }
            }
            // What is learned late of a copy that was removed says nothing of this one.
            Event::RoundStored(end) if !self.clock.is_of_this_copy(end.began) => {}
            Event::RoundStored(end) => {
                self.clock.round_is_stored(end.began, end.side, &end.others);
                self.completeness.round_is_stored(&end);
            }
            Event::Standing(state) => self.completeness.set(state),
            Event::Removed => self.begin_anew(),
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
        let peers = plan.peers_of(self.node);
        let (mut puts, mut states) = (Vec::new(), Vec::new());
        let (dots, bytes) = self.stage_items(now, writes, &plan, read, &mut |step| {
            let (partition, sort_key) = (step.write.partition.clone(), step.key.sort_key.clone());
            let put = Write::put_item(partition, sort_key, step.changed, &step.old, &step.new);
            if !peers.is_empty() {
                states.extend(state_to_send(&put, &step));
            }
            puts.push((step.key, put));
        })?;
        Ok(Staged { batch: self.next_batch, fence: self.fence, plan, peers, puts, states, dots, bytes })
    }

    /// Works out what another replica's states make of their items, which `read` shows as they are stored. A refusal
    /// leaves no trace. [`Event::Merge`] has it take effect, and must be the next event.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing happened.
    pub fn stage_merge(
        &mut self,
        now: WallMs,
        states: &States,
        read: ReadItem<'_, '_>,
    ) -> Result<StagedMerge, WriteError> {
        if self.in_flight.len() >= SHARD_WRITES_IN_FLIGHT_MAX {
            return Err(WriteError::Overloaded);
        }
        if self.completeness.is_dropping() {
            return Err(WriteError::NotHere);
        }
        let staged = self.nothing_staged();
        let stage = StageMerge {
            now,
            overlay: &self.overlay,
            dots: &mut self.dots,
            clock: &mut self.clock,
            bytes_in_flight: self.in_flight.bytes(),
            staged,
        };
        stage.run(states, read)
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

    /// Whether the shard's row lacks something that rows of items may rely on from now on.
    pub fn has_row_to_store(&self) -> bool {
        self.dots.has_more_to_store()
            || self.clock.has_more_to_store()
            || self.completeness.has_more_to_store()
    }

    /// What other nodes are told of this replica.
    pub fn clock(&self) -> &ShardClock {
        &self.clock
    }

    /// Whether this replica's reads count towards a quorum: it lacks nothing that it ever acknowledged.
    pub fn may_vote(&self) -> bool {
        self.completeness.may_vote()
    }

    /// Whether it waits for comparisons after a loss.
    pub(super) fn is_amnesiac(&self) -> bool {
        self.completeness.is_amnesiac()
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
        if !plan.is_member(self.node) || self.completeness.is_dropping() {
            return Err(WriteError::NotHere);
        }
        if plan.is_sole_replica(self.node) {
            self.clock.is_sole_replica();
        }
        let mut stage = Stage {
            now,
            limits: self.limits,
            overlay: &self.overlay,
            dots: &mut self.dots,
            strips_by: self.clock.strips_by(),
            bytes_in_flight: self.in_flight.bytes(),
        };
        let staged = stage.run(writes, read, keep);
        if self.dots.actor() != self.clock.actor() {
            self.clock.actor_begins(self.dots.actor());
        }
        staged
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

/// What other replicas are sent of an item: its whole state. If they were sent what the write adds alone, one of them could
/// hold a newer dot of an actor and lack an older one, which a token read there would then cover unread.
fn state_to_send(put: &Write, step: &Step<'_>) -> Option<ItemState> {
    let Write::PutItem { partition, sort_key, row, .. } = put else { return None };
    let (partition, sort_key) = (partition.clone(), sort_key.clone());
    if is_on(Mutation::MergeSentAsDelta) {
        let mut delta = Item::empty();
        let (dot, value) = step.new.siblings().find(|(dot, _)| dot.time == step.changed.0)?;
        delta.write(dot, &step.write.context, value.borrowed());
        return Some(ItemState::own(partition, sort_key, delta.encode().into()));
    }
    Some(ItemState::own(partition, sort_key, row.item()))
}
