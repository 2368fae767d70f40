//! What the gateway holds of the shards.

use super::actor::{ShardActor, ShardParts};
use super::inbox::{ChangesSince, Request, Subscribe};
use super::{
    Changes, ItemWrite, PollError, PollId, ShardCore, ShardLimits, UnknownCause, Watched, WriteError,
    WritePlan,
};
use crate::causality::SeenMarker;
use crate::ids::{ItemKey, PartitionHash, ShardIndex};
use crate::limits::{SHARD_REQUESTS_MAX, WRITE_TIMEOUT_S};
use crate::store::lane::LaneHandle;
use crate::store::range::KeyRange;
use crate::store::set::lane_of;
use crate::store::{Snapshot, Store, StoreError};
use actix::prelude::*;
use rand::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
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
    stores: Vec<Arc<S>>,
    pollers: Arc<AtomicUsize>,
    next_poll: AtomicU64,
}

impl<S: Store> Clone for Shards<S> {
    fn clone(&self) -> Shards<S> {
        Shards { inner: Arc::clone(&self.inner) }
    }
}

impl<S: Store> Shards<S> {
    /// Starts every shard of the ring, spread over `arbiters`. Lane `i` commits to store `i`; the shards' actor ids
    /// come from `rng`.
    ///
    /// # Errors
    /// [`StoreError`] if what a shard left behind cannot be read.
    pub fn start(
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
                poller_gauge: Arc::clone(&pollers),
            })
            .collect();
        let mut shards = Vec::new();
        for shard in ShardIndex::all() {
            let parts = parts[lane_of(shard, lanes.len())].clone();
            let meta = parts.store.snapshot()?.shard_meta(shard)?;
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            let core =
                ShardCore::open(shard, meta, parts.store.epoch(), limits, parts.lane.fresh_fence(), seed);
            let arbiter = &arbiters[shard.index() % arbiters.len()];
            let (sender, requests) = mpsc::channel(SHARD_REQUESTS_MAX);
            // Nobody speaks to the actor but through its queue: its address is let go of.
            drop(ShardActor::start_in_arbiter(arbiter, move |_| {
                ShardActor::new(shard, core, parts, requests)
            }));
            shards.push(sender);
        }
        let stores = lanes.iter().map(|(store, _)| Arc::clone(store)).collect();
        Ok(Shards { inner: Arc::new(Inner { shards, stores, pollers, next_poll: AtomicU64::new(0) }) })
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
        match timeout(Duration::from_secs(WRITE_TIMEOUT_S), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(WriteError::Unknown(UnknownCause::Stopping)),
            Err(_) => Err(WriteError::Unknown(UnknownCause::Timeout)),
        }
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
            // A shard that has closed has forgotten its pollers.
            actix_rt::spawn(async move { shard.send(message).await.ok() });
        }
    }
}
