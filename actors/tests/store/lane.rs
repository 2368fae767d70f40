//! A lane as a running actor: what it answers is what its environment holds.

use crate::gated::GatedStore;
use crate::model::{Model, open};
use actix::{Arbiter, System};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use troupe_actors::causality::{Context, Dot, Item, Value};
use troupe_actors::ids::{ActorId, ItemKey, Partition, ShardIndex, SortKey};
use troupe_actors::limits::{LANE_BATCHES_MAX, LANE_BYTES_MAX};
use troupe_actors::store::lane::actor::{Drain, LaneActor};
use troupe_actors::store::lane::{BatchId, Fence, LaneHandle, Owner, Persist, PersistError, Persisted};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore};
use troupe_actors::store::memory::MemoryStore;
use troupe_actors::store::{
    CommitError, Epoch, Failure, FailureCause, Position, ShardMeta, Snapshot, Store, Write,
};

const FENCE: Fence = Fence::first(1);

fn partition() -> Partition {
    crate::model::partition("p")
}

fn put(number: u64) -> Write {
    let mut item = Item::empty();
    let value = Value::Bytes(number.to_be_bytes().to_vec().into());
    item.write(Dot { actor: ActorId(1), time: number + 1 }, &Context::empty(), value);
    let sort_key = SortKey::new(&format!("{number:06}")).unwrap();
    Write::put_item(partition(), sort_key, Position(number), &Item::empty(), &item)
}

/// A shard's end of its lane.
#[derive(Clone)]
struct Door {
    lane: LaneHandle,
    done: mpsc::UnboundedSender<Persisted>,
}

impl Door {
    fn new<S: Store>(lane: &actix::Addr<LaneActor<S>>) -> (Door, Answers) {
        let (done, answers) = mpsc::unbounded_channel();
        (Door { lane: LaneHandle::new(lane.clone().recipient()), done }, Answers(answers))
    }

    fn send(&self, number: u64) {
        self.send_writes(partition().shard(), FENCE, number, vec![put(number)]);
    }

    fn send_writes(&self, shard: ShardIndex, fence: Fence, number: u64, writes: Vec<Write>) {
        let room = self.lane.reserve(writes.iter().map(Write::bytes).sum()).unwrap();
        let (owner, batch, done) = (Owner::Shard(shard), BatchId(number), self.done.clone());
        self.lane.send(Persist { owner, fence, batch, writes, room, done }).unwrap();
    }
}

/// What a shard hears of its batches.
struct Answers(mpsc::UnboundedReceiver<Persisted>);

type Answer = (u64, Result<(), PersistError>);

impl Answers {
    async fn next(&mut self) -> Option<Answer> {
        self.0.recv().await.map(|persisted| (persisted.batch.0, persisted.outcome))
    }

    fn ready(&mut self) -> Option<Answer> {
        self.0.try_recv().ok().map(|persisted| (persisted.batch.0, persisted.outcome))
    }
}

/// Runs `scenario` beside a lane on its own thread, and stops the lane afterwards.
fn with_lane<S: Store>(
    store: &Arc<S>,
    on_broken: impl Fn(&CommitError) + Send + 'static,
    scenario: impl AsyncFnOnce(actix::Addr<LaneActor<S>>),
) {
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let lane = LaneActor::start_on(&arbiter.handle(), Arc::clone(store), Box::new(on_broken));
        scenario(lane).await;
        arbiter.stop();
        arbiter.join().unwrap();
    });
}

#[test]
fn every_answered_batch_is_there_after_a_drain_and_a_clean_close() {
    let dir = tempfile::tempdir().unwrap();
    let count = 3000;
    let store = Arc::new(open(dir.path(), 1));
    with_lane(
        &store,
        |_| (),
        async |lane| {
            let (door, mut answers) = Door::new(&lane);
            for number in 0..count {
                door.send(number);
            }
            lane.send(Drain).await.unwrap();
            for number in 0..count {
                assert_eq!(answers.ready(), Some((number, Ok(()))));
            }
        },
    );
    store.close_clean().unwrap();
    assert_eq!(Arc::strong_count(&store), 1);
    drop(store);

    let store = open(dir.path(), 2);
    assert_eq!(store.epoch(), Epoch(1), "a clean close keeps the epoch");
    let snapshot = store.snapshot().unwrap();
    for number in 0..count {
        let sort_key = SortKey::new(&format!("{number:06}")).unwrap();
        let key = ItemKey { partition: partition().hash, sort_key };
        assert!(snapshot.item(&key).unwrap().is_some());
    }
}

#[test]
fn a_batch_that_builds_on_a_refused_one_is_refused_and_the_next_fence_goes_on() {
    let store = Arc::new(MemoryStore::new(Epoch(1)));
    with_lane(
        &store,
        |_| (),
        async |lane| {
            let (door, mut answers) = Door::new(&lane);
            store.fail(Some(CommitError::MapFull));
            door.send(1);
            let full = Err(PersistError::Full(CommitError::MapFull));
            assert_eq!(answers.next().await, Some((1, full)));
            store.fail(None);
            door.send(2);
            assert_eq!(answers.next().await, Some((2, Err(PersistError::Fenced))));
            let shard = partition().shard();
            let meta = ShardMeta::new(Epoch(1), vec![ActorId(1)], 9);
            door.send_writes(shard, FENCE.raised(), 3, vec![Write::PutShardMeta { shard, meta }]);
            assert_eq!(answers.next().await, Some((3, Ok(()))));
        },
    );
}

/// The dots of a refused batch were minted all the same, and perhaps sent to other replicas: a node that resumed the
/// epoch would mint them a second time.
#[test]
fn a_store_that_refused_a_batch_begins_a_new_epoch_even_if_it_was_closed_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path(), 1));
    with_lane(
        &store,
        |_| (),
        async |lane| {
            let (door, mut answers) = Door::new(&lane);
            let mut miscounted = put(1);
            if let Write::PutItem { delta, .. } = &mut miscounted {
                delta.counters.entries = -1;
            }
            door.send_writes(partition().shard(), FENCE, 1, vec![miscounted]);
            assert!(answers.next().await.unwrap().1.is_err());
        },
    );
    store.close_clean().unwrap();
    drop(store);
    assert_eq!(open(dir.path(), 2).epoch(), Epoch(2));
}

#[test]
fn a_broken_store_is_reported_and_takes_nothing_more() {
    let store = Arc::new(MemoryStore::new(Epoch(1)));
    let eio = Failure::from(FailureCause::Io(std::io::Error::other("EIO")));
    let (report, reported) = std::sync::mpsc::channel();
    let on_broken = move |failure: &CommitError| report.send(failure.clone()).unwrap();
    with_lane(&store, on_broken, async |lane| {
        let (door, mut answers) = Door::new(&lane);
        store.fail(Some(CommitError::Broken(eio.clone())));
        for batch in [1, 2] {
            door.send(batch);
            assert_eq!(answers.next().await, Some((batch, Err(PersistError::Broken(eio.clone())))));
            store.fail(None);
        }
    });
    assert_eq!(reported.iter().collect::<Vec<_>>(), [CommitError::Broken(eio)]);
}

#[test]
fn what_queues_up_while_a_commit_blocks_is_the_next_group() {
    let (store, begun, go_on) = GatedStore::new();
    with_lane(
        &Arc::new(store),
        |_| (),
        async |lane| {
            let (door, mut answers) = Door::new(&lane);
            door.send(0);
            assert_eq!(begun.recv(), Ok(1));
            (1..=500).for_each(|number| door.send(number));
            go_on.send(()).unwrap();
            assert_eq!(begun.recv(), Ok(500));
            assert_eq!(answers.next().await, Some((0, Ok(()))));
            assert_eq!(answers.ready(), None, "answered before the commit");
            go_on.send(()).unwrap();
            for batch in 1..=500 {
                assert_eq!(answers.next().await, Some((batch, Ok(()))));
            }
        },
    );
}

/// A write of 300 bytes waited for everything that had queued up before it, up to 128 MiB.
#[test]
fn a_small_write_is_in_the_next_transaction_whatever_large_ones_wait_before_it() {
    let (store, begun, go_on) = GatedStore::new();
    with_lane(
        &Arc::new(store),
        |_| (),
        async |lane| {
            let (door, mut answers) = Door::new(&lane);
            let large = |number: u64| {
                let mut item = Item::empty();
                let value = Value::Bytes(vec![7; 4 << 20].into());
                item.write(Dot { actor: ActorId(1), time: number + 1 }, &Context::empty(), value);
                let of_partition = crate::model::partition(&format!("large-{number}"));
                let shard = of_partition.shard();
                let sort_key = SortKey::new("k").unwrap();
                (
                    shard,
                    vec![Write::put_item(of_partition, sort_key, Position(number), &Item::empty(), &item)],
                )
            };
            door.send(0);
            assert_eq!(begun.recv(), Ok(1));
            for number in 1..=20 {
                let (shard, writes) = large(number);
                door.send_writes(shard, FENCE, number, writes);
            }
            door.send(21);
            go_on.send(()).unwrap();
            assert_eq!(begun.recv(), Ok(2), "the oldest, and the small one");
            go_on.send(()).unwrap();
            let answered = [answers.next().await, answers.next().await, answers.next().await];
            assert_eq!(answered.map(|answer| answer.unwrap().0), [0, 1, 21]);
            for number in 2..=20 {
                assert_eq!(begun.recv(), Ok(1));
                go_on.send(()).unwrap();
                assert_eq!(answers.next().await, Some((number, Ok(()))));
            }
        },
    );
}

#[test]
fn room_in_a_lane_is_counted_in_bytes_and_in_batches_and_comes_back_by_being_dropped() {
    let store = Arc::new(MemoryStore::new(Epoch(1)));
    with_lane(
        &store,
        |_| (),
        async |lane| {
            let lane = LaneHandle::new(lane.recipient());
            let half = lane.reserve(LANE_BYTES_MAX / 2).unwrap();
            let other_half = lane.reserve(LANE_BYTES_MAX / 2).unwrap();
            assert!(lane.reserve(1).is_none());
            drop(half);
            assert!(lane.reserve(LANE_BYTES_MAX / 2 + 1).is_none());
            drop(other_half);
            let too_large_for_any_lane = lane.reserve(2 * LANE_BYTES_MAX).unwrap();
            assert!(lane.reserve(0).is_none(), "it is alone");
            drop(too_large_for_any_lane);
            let small: Vec<_> = std::iter::from_fn(|| lane.reserve(1)).collect();
            assert_eq!(small.len(), LANE_BATCHES_MAX);
        },
    );
}

/// Keeps many batches on their way, as the shards of a node do.
struct Node {
    lane: actix::Addr<LaneActor<LmdbStore>>,
    fences: BTreeMap<ShardIndex, Fence>,
}

impl Node {
    /// Sends all batches at once, and says of each whether it was kept.
    async fn send(&mut self, batches: Vec<(Partition, Vec<Write>)>) -> Vec<bool> {
        let (door, mut answers) = Door::new(&self.lane);
        let mut kept = vec![false; batches.len()];
        let shards: Vec<_> = batches.iter().map(|(partition, _)| partition.shard()).collect();
        for (batch, (partition, writes)) in (0..).zip(batches) {
            let shard = partition.shard();
            let fence = *self.fences.entry(shard).or_insert(FENCE);
            door.send_writes(shard, fence, batch, writes);
        }
        drop(door);
        while let Some((batch, outcome)) = answers.next().await {
            match outcome {
                Ok(()) => kept[batch as usize] = true,
                Err(PersistError::Full(_) | PersistError::Fenced) => {}
                Err(error @ (PersistError::Broken(_) | PersistError::Stopping)) => panic!("{error}"),
            }
        }
        for (shard, kept) in shards.iter().zip(&kept) {
            if !kept {
                self.fences.entry(*shard).and_modify(|fence| *fence = fence.raised());
            }
        }
        kept
    }

    /// Puts ten items into each of 200 partitions, and forgets what was refused.
    async fn put(&mut self, model: &mut Model, round: usize) -> usize {
        let names: Vec<_> = (0..200).map(|number| format!("p{number}")).collect();
        let sort_keys: Vec<_> = (0..10).map(|number| format!("{round}-{number}")).collect();
        let put = |name: &String, model: &mut Model| {
            sort_keys.iter().map(|sort_key| model.put(name, sort_key, Some(&[1; 900]))).collect()
        };
        let batches = names.iter().map(|name| (crate::model::partition(name), put(name, model))).collect();
        let kept = self.send(batches).await;
        for (name, _) in names.iter().zip(&kept).filter(|(_, kept)| !**kept) {
            sort_keys.iter().for_each(|sort_key| model.forget(name, sort_key));
        }
        kept.into_iter().filter(|kept| *kept).count()
    }
}

#[test]
fn a_lane_over_a_full_map_loses_nothing_and_recovers_by_deletions() {
    let dir = tempfile::tempdir().unwrap();
    let small = LmdbOptions { map_size: 4 << 20, ..crate::model::options(1) };
    let store = Arc::new(LmdbStore::open(dir.path(), &small).unwrap());
    let mut model = Model::default();
    with_lane(
        &store,
        |reason| panic!("{reason}"),
        async |lane| {
            let mut node = Node { lane, fences: BTreeMap::new() };
            let mut round = 0;
            while node.put(&mut model, round).await > 0 {
                round += 1;
            }
            model.check(&*store);

            let mut deletions = Vec::new();
            for name in (0..200).map(|number| format!("p{number}")) {
                for (sort_key, _) in model.items(&name) {
                    deletions.push((crate::model::partition(&name), vec![model.put(&name, &sort_key, None)]));
                }
            }
            assert!(deletions.len() > 1000, "{} items fitted", deletions.len());
            assert!(node.send(deletions).await.into_iter().all(|kept| kept), "a deletion was refused");
            model.check(&*store);

            // Until its next probe the lane refuses what grows.
            while node.put(&mut model, round + 1).await == 0 {}
            model.check(&*store);
        },
    );
    drop(store);
    model.check(&LmdbStore::open(dir.path(), &small).unwrap());
}
