//! What the gateway holds of the shards.

use super::actor::{ChangesSince, Check, ShardActor, ShardParts, Subscribe, Unsubscribe, Write};
use super::{Changes, ItemWrite, PollError, PollId, ShardCore, ShardLimits, Watched, WriteError, WritePlan};
use crate::causality::SeenMarker;
use crate::ids::{ItemKey, PartitionHash, ShardIndex};
use crate::limits::WRITE_TIMEOUT_S;
use crate::store::lane::LaneHandle;
use crate::store::range::KeyRange;
use crate::store::set::lane_of;
use crate::store::{Snapshot, Store, StoreError};
use actix::prelude::*;
use rand::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// The shards of this node: cheap to clone, usable from any thread.
pub struct Shards<S: Store> {
    inner: Arc<Inner<S>>,
}

struct Inner<S: Store> {
    /// By shard index.
    shards: Vec<Addr<ShardActor<S>>>,
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
            shards.push(ShardActor::start_in_arbiter(arbiter, move |_| ShardActor::new(shard, core, parts)));
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
        match self.actor(shard).try_send(Write { writes, plan, answer }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return Err(WriteError::Overloaded),
            Err(SendError::Closed(_)) => return Err(WriteError::Stopping),
        }
        match timeout(Duration::from_secs(WRITE_TIMEOUT_S), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(WriteError::Unknown("the node is stopping".to_owned())),
            Err(_) => Err(WriteError::Unknown(format!("the disk did not answer within {WRITE_TIMEOUT_S} s"))),
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
        self.actor(shard).send(Check { writes, plan }).await.unwrap_or(Err(WriteError::Stopping))
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
    pub async fn subscribe_item(&self, key: ItemKey) -> Result<Subscription<S>, PollError> {
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
    ) -> Result<Subscription<S>, PollError> {
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
        let question = ChangesSince { partition, range, marker };
        self.actor(partition.shard()).send(question).await.map_err(|_| PollError::Stopping)
    }

    /// How many pollers wait on this node.
    pub fn poller_count(&self) -> usize {
        self.inner.pollers.load(Ordering::Relaxed)
    }

    async fn subscribe(&self, shard: ShardIndex, watched: Watched) -> Result<Subscription<S>, PollError> {
        let poll = PollId(self.inner.next_poll.fetch_add(1, Ordering::Relaxed));
        let signal = Arc::new(Notify::new());
        // Made before the question is sent: if the poller hangs up while it is under way, the shard hears of it.
        let subscription =
            Subscription { poll, shard: self.actor(shard).clone(), signal: Arc::clone(&signal) };
        let admitted = self.actor(shard).send(Subscribe { poll, watched, signal }).await;
        admitted.unwrap_or(Err(PollError::Stopping))?;
        Ok(subscription)
    }

    fn actor(&self, shard: ShardIndex) -> &Addr<ShardActor<S>> {
        &self.inner.shards[shard.index()]
    }
}

/// A poller's place in a shard; dropping it frees the place.
pub struct Subscription<S: Store> {
    poll: PollId,
    shard: Addr<ShardActor<S>>,
    signal: Arc<Notify>,
}

impl<S: Store> Subscription<S> {
    /// Returns at once if there was a commit since the last return (or since subscribing), else with the next one.
    pub async fn changed(&self) {
        self.signal.notified().await;
    }
}

impl<S: Store> Drop for Subscription<S> {
    fn drop(&mut self) {
        let message = Unsubscribe { poll: self.poll };
        if let Err(SendError::Full(message)) = self.shard.try_send(message) {
            let shard = self.shard.clone();
            // A shard that has closed has forgotten its pollers.
            actix_rt::spawn(async move { shard.send(message).await.ok() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Context as Seen, Value};
    use crate::ids::{BucketId, Partition, PartitionKey, SortKey};
    use crate::store::Epoch;
    use crate::store::lane::Persist;
    use crate::store::memory::MemoryStore;
    use rand::SeedableRng;

    /// A lane whose disk hangs: it takes batches and never answers.
    #[derive(Default)]
    struct SilentLane {
        taken: Vec<Persist>,
    }

    impl Actor for SilentLane {
        type Context = Context<SilentLane>;
    }

    impl Handler<Persist> for SilentLane {
        type Result = ();

        fn handle(&mut self, persist: Persist, _: &mut Context<SilentLane>) {
            self.taken.push(persist);
        }
    }

    #[test]
    fn a_write_that_the_disk_never_answers_ends_with_an_unknown_outcome() {
        System::new().block_on(async {
            let arbiter = Arbiter::new();
            let silent = LaneHandle::new(SilentLane::default().start().recipient());
            let lane = (Arc::new(MemoryStore::new(Epoch(1))), silent);
            let mut rng = rand::rngs::StdRng::seed_from_u64(7);
            let shards =
                Shards::start(ShardLimits::default(), &mut rng, &[lane], &[arbiter.handle()]).unwrap();
            let write = ItemWrite {
                partition: Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap()),
                sort_key: SortKey::new("k").unwrap(),
                context: Seen::empty(),
                value: Value::Bytes(b"v".as_slice().into()),
            };
            // With nothing else to do, a paused clock runs ahead to the next timer.
            tokio::time::pause();
            let outcome =
                shards.write(write.partition.shard(), Arc::new(vec![write]), WritePlan::sole_replica()).await;
            assert!(
                matches!(&outcome, Err(WriteError::Unknown(why)) if why.contains("did not answer")),
                "{outcome:?}"
            );
            arbiter.stop();
            arbiter.join().unwrap();
        });
    }
}
