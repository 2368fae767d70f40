//! What the gateway holds of the shards.

use super::actor::{ShardActor, ShardParts};
use super::inbox::{ChangesSince, Request, Subscribe};
use super::shown::Shown;
use super::{
    Changes, Event, ItemWrite, Moment, PollError, PollId, Removal, RoundEnd, ShardCore, ShardLimits, States,
    UnknownCause, View, Watched, WriteError, WritePlan,
};
use crate::causality::{Context, SeenMarker};
use crate::ids::{ItemKey, NodeId, Partition, PartitionHash, ShardIndex, SortKey};
use crate::limits::{SHARD_REQUESTS_MAX, WRITE_TIMEOUT_S};
use crate::store::lane::LaneHandle;
use crate::store::range::KeyRange;
use crate::store::set::lane_of;
use crate::store::{ShardState, Snapshot, Store, StoreError};
use crate::transport::Peers;
use actix::prelude::{Actor, ArbiterHandle};
use rand::Rng;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

/// The shards of this node: cheap to clone, usable from any thread.
pub struct Shards<S: Store> {
    inner: Arc<Inner<S>>,
}

struct Inner<S: Store> {
    /// By shard index.
    shards: Vec<mpsc::Sender<Request>>,
    /// By shard index.
    shown: Vec<Arc<Shown>>,
    stores: Vec<Arc<S>>,
    pollers: Arc<AtomicUsize>,
    next_poll: AtomicU64,
    votes: OnceLock<Votes>,
}

/// Whether the node's answers about a shard count.
pub type Votes = Arc<dyn Fn(ShardIndex) -> bool + Send + Sync>;

impl<S: Store> Clone for Shards<S> {
    fn clone(&self) -> Shards<S> {
        Shards { inner: Arc::clone(&self.inner) }
    }
}

impl<S: Store> Shards<S> {
    /// Starts every shard of the ring, spread over `arbiters`. Lane `i` commits to store `i`; the shards' actor ids
    /// come from `rng`. `node` is this one, and `peers` lead to the other replicas.
    ///
    /// # Errors
    /// [`StoreError`] if what a shard left behind cannot be read.
    pub fn start(
        node: NodeId,
        peers: &Peers,
        limits: ShardLimits,
        rng: &mut dyn Rng,
        lanes: &[(Arc<S>, LaneHandle)],
        arbiters: &[ArbiterHandle],
    ) -> Result<Shards<S>, StoreError> {
        let pollers = Arc::new(AtomicUsize::new(0));
        let parts: Vec<ShardParts<S>> = lanes
            .iter()
            .map(|(store, lane)| ShardParts {
                store: Arc::clone(store),
                lane: lane.clone(),
                peers: Arc::clone(peers),
                poller_gauge: Arc::clone(&pollers),
            })
            .collect();
        let (mut shards, mut shown) = (Vec::new(), Vec::new());
        for shard in ShardIndex::all() {
            let parts = parts[lane_of(shard, lanes.len())].clone();
            let meta = parts.store.snapshot()?.shard_meta(shard)?;
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            let (epoch, fence) = (parts.store.epoch(), parts.lane.fresh_fence());
            let core = ShardCore::open(shard, node, meta, epoch, limits, fence, seed);
            let shows = Arc::new(Shown::of(&core));
            shown.push(Arc::clone(&shows));
            let arbiter = &arbiters[shard.index() % arbiters.len()];
            let (sender, requests) = mpsc::channel(SHARD_REQUESTS_MAX);
            // Nobody speaks to the actor but through its queue: its address is let go of.
            drop(ShardActor::start_in_arbiter(arbiter, move |_| {
                ShardActor::new(shard, core, parts, shows, requests)
            }));
            shards.push(sender);
        }
        let stores = lanes.iter().map(|(store, _)| Arc::clone(store)).collect();
        let next_poll = AtomicU64::new(0);
        Ok(Shards {
            inner: Arc::new(Inner { shards, shown, stores, pollers, next_poll, votes: OnceLock::new() }),
        })
    }

    /// Writes items of one shard in one transaction. Durable, as the plan's quorum says, when it returns. A write that
    /// is given up on, because it takes too long or its future is dropped, may still be stored.
    ///
    /// # Errors
    /// [`WriteError`] says what may have happened.
    pub async fn write(
        &self,
        shard: ShardIndex,
        writes: Arc<Vec<ItemWrite>>,
        plan: WritePlan,
    ) -> Result<(), WriteError> {
        let (answer, answered) = oneshot::channel();
        self.ask(shard, Request::Write { writes, plan, answer })?;
        outcome(answered).await
    }

    /// Merges what another replica sent of one shard, in one transaction. Durable when it returns.
    ///
    /// # Errors
    /// [`WriteError`] says what may have happened. No cap on values or bytes of an item refuses a merge.
    pub async fn merge(&self, shard: ShardIndex, states: States) -> Result<(), WriteError> {
        let (answer, answered) = oneshot::channel();
        self.ask(shard, Request::Merge { states, answer })?;
        outcome(answered).await
    }

    /// The clock of a shard: whatever it covers and no state shows is dead here. Take [`Shards::view`] for states.
    pub fn clock(&self, shard: ShardIndex) -> Context {
        self.inner.shown[shard.index()].clock()
    }

    /// A snapshot of a shard, with the clock that its states are filled with when they leave for another node.
    ///
    /// # Errors
    /// [`StoreError`] if no snapshot can be taken.
    pub fn view(&self, shard: ShardIndex) -> Result<View<S::Snapshot<'_>>, StoreError> {
        let store = self.store(shard);
        self.inner.shown[shard.index()].view(|| store.snapshot())
    }

    /// What a round of anti-entropy that begins now is told to have begun after.
    pub fn moment(&self, shard: ShardIndex) -> Moment {
        self.inner.shown[shard.index()].moment()
    }

    /// Whether this node's answers about a shard count towards a read's quorum: its replica lacks nothing that it ever
    /// acknowledged.
    pub fn may_vote(&self, shard: ShardIndex) -> bool {
        let is_held_back = self.inner.votes.get().is_some_and(|votes| !votes(shard));
        !is_held_back && self.inner.shown[shard.index()].may_vote()
    }

    /// Has `votes` be asked, too, before a shard may vote: the node knows more of its memory than the shards do. The first call
    /// holds.
    pub fn hold_votes(&self, votes: Votes) {
        let _ = self.inner.votes.set(votes);
    }

    /// Whether a shard waits for comparisons after [`ShardState::Amnesiac`] was set.
    pub fn is_amnesiac(&self, shard: ShardIndex) -> bool {
        self.inner.shown[shard.index()].is_amnesiac()
    }

    /// Everything that a round of anti-entropy brought is stored here: the shard's clock is raised.
    ///
    /// # Errors
    /// [`PollError::Stopping`].
    pub async fn round_is_stored(&self, shard: ShardIndex, end: RoundEnd) -> Result<(), PollError> {
        self.tell(shard, Event::RoundStored(end)).await
    }

    /// A peer lost its memory, or part of it: what it acknowledged of writes to the shard that are not answered yet does not
    /// count. The round that ends its amnesia has to begin after this returns.
    ///
    /// # Errors
    /// [`PollError::Stopping`].
    pub async fn peer_is_reborn(&self, shard: ShardIndex, peer: NodeId) -> Result<(), PollError> {
        self.tell(shard, Event::PeerReborn { peer }).await
    }

    /// Tells a shard how complete this node's replica is. Rounds with every other replica complete it.
    ///
    /// # Errors
    /// [`PollError::Stopping`].
    pub async fn set_state(&self, shard: ShardIndex, state: ShardState) -> Result<(), PollError> {
        self.tell(shard, Event::Standing(state)).await
    }

    /// Removes rows of a shard, those that may go ([`Removal`]). They are gone from the disk when it returns.
    ///
    /// # Errors
    /// [`WriteError`] says what may have happened.
    pub async fn remove(
        &self,
        shard: ShardIndex,
        why: Removal,
        rows: Vec<(Partition, SortKey)>,
    ) -> Result<(), WriteError> {
        let (answer, answered) = oneshot::channel();
        self.ask(shard, Request::Remove { why, rows, answer })?;
        outcome(answered).await
    }

    /// No row is left of a shard that was on its way out: its clock goes, too.
    ///
    /// # Errors
    /// [`PollError::Stopping`].
    pub async fn is_removed(&self, shard: ShardIndex) -> Result<(), PollError> {
        self.tell(shard, Event::Removed).await
    }

    async fn tell(&self, shard: ShardIndex, event: Event) -> Result<(), PollError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Replica(Box::new((event, answer)));
        self.queue(shard).send(request).await.map_err(|_| PollError::Stopping)?;
        answered.await.map_err(|_| PollError::Stopping)
    }

    /// Whether writes of one shard would be refused as things stand: a batch that spans shards asks them all first.
    ///
    /// # Errors
    /// What [`Shards::write`] would fail with.
    pub async fn check(
        &self,
        shard: ShardIndex,
        writes: Arc<Vec<ItemWrite>>,
        plan: WritePlan,
    ) -> Result<(), WriteError> {
        let (answer, answered) = oneshot::channel();
        self.ask(shard, Request::Check { writes, plan, answer })?;
        answered.await.unwrap_or(Err(WriteError::Stopping))
    }

    /// Writes do not wait for a place: whoever sends more than a shard takes is told so at once.
    fn ask(&self, shard: ShardIndex, request: Request) -> Result<(), WriteError> {
        self.queue(shard).try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => WriteError::Overloaded,
            TrySendError::Closed(_) => WriteError::Stopping,
        })
    }

    /// The store that holds a shard: reads take snapshots of it and never wait for the shard.
    pub fn store(&self, shard: ShardIndex) -> &Arc<S> {
        &self.inner.stores[lane_of(shard, self.inner.stores.len())]
    }

    /// Every store of the node.
    pub fn stores(&self) -> &[Arc<S>] {
        &self.inner.stores
    }

    /// Every commit to the item from the moment this returns signals the subscription.
    ///
    /// # Errors
    /// [`PollError`].
    pub async fn subscribe_item(&self, key: ItemKey) -> Result<Subscription, PollError> {
        self.subscribe(key.partition.shard(), Watched::Item(key)).await
    }

    /// Every commit to the range from the moment this returns signals the subscription.
    ///
    /// # Errors
    /// [`PollError`].
    pub async fn subscribe_range(
        &self,
        partition: PartitionHash,
        range: KeyRange,
    ) -> Result<Subscription, PollError> {
        self.subscribe(partition.shard(), Watched::Range(partition, range)).await
    }

    /// What changed in a range since `marker`, and how far a snapshot taken after this reaches.
    ///
    /// # Errors
    /// [`PollError::Stopping`].
    pub async fn changes(
        &self,
        partition: PartitionHash,
        range: KeyRange,
        marker: SeenMarker,
    ) -> Result<Changes, PollError> {
        let (answer, answered) = oneshot::channel();
        let question = Request::Changes(Box::new(ChangesSince { partition, range, marker, answer }));
        self.queue(partition.shard()).send(question).await.map_err(|_| PollError::Stopping)?;
        answered.await.map_err(|_| PollError::Stopping)
    }

    /// How many pollers wait on this node.
    pub fn poller_count(&self) -> usize {
        self.inner.pollers.load(Ordering::Relaxed)
    }

    async fn subscribe(&self, shard: ShardIndex, watched: Watched) -> Result<Subscription, PollError> {
        let poll = PollId(self.inner.next_poll.fetch_add(1, Ordering::Relaxed));
        let signal = Arc::new(Notify::new());
        // Made before the question is sent: if the poller hangs up while it is under way, the shard is told.
        let subscription =
            Subscription { poll, shard: self.queue(shard).clone(), signal: Arc::clone(&signal) };
        let (answer, answered) = oneshot::channel();
        let subscribe = Request::Subscribe(Box::new(Subscribe { poll, watched, signal, answer }));
        self.queue(shard).send(subscribe).await.map_err(|_| PollError::Stopping)?;
        answered.await.unwrap_or(Err(PollError::Stopping))?;
        Ok(subscription)
    }

    /// Where a shard's requests wait.
    pub(super) fn queue(&self, shard: ShardIndex) -> &mpsc::Sender<Request> {
        &self.inner.shards[shard.index()]
    }
}

async fn outcome(answered: oneshot::Receiver<Result<(), WriteError>>) -> Result<(), WriteError> {
    match timeout(Duration::from_secs(WRITE_TIMEOUT_S), answered).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(WriteError::Unknown(UnknownCause::Stopping)),
        Err(_) => Err(WriteError::Unknown(UnknownCause::Timeout)),
    }
}

/// A poller's place in a shard; dropping it frees the place.
pub struct Subscription {
    poll: PollId,
    shard: mpsc::Sender<Request>,
    signal: Arc<Notify>,
}

impl Subscription {
    /// Returns at once if there was a commit since the last return (or since subscribing), else with the next one.
    pub async fn changed(&self) {
        self.signal.notified().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Err(TrySendError::Full(message)) = self.shard.try_send(Request::Unsubscribe(self.poll)) {
            let shard = self.shard.clone();
            // A poller of another node is let go of on a thread without actors. Without a runtime the node has ended.
            if let Ok(runtime) = Handle::try_current() {
                // A shard that has closed has forgotten its pollers.
                runtime.spawn(async move { shard.send(message).await.ok() });
            }
        }
    }
}
