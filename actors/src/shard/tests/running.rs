//! Shards as running actors: what they hold when the disk does not answer, and that none keeps the others waiting.

use super::*;
use crate::limits::{SHARD_BYTES_IN_FLIGHT_MAX, SHARD_TURN_MESSAGES_MAX};
use crate::shard::inbox;
use crate::store::lane::{LaneHandle, Persist, Persisted};
use crate::store::memory::MemoryStore;
use crate::transport::Alone;
use actix::prelude::{Actor, Arbiter, Context as Ctx, Handler, System};
use rand::SeedableRng;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

const MIB: usize = 1 << 20;

/// Tasks of this thread that a write passes through until it is answered, generously: shard, lane, shard, client. The
/// flooded shard has one turn at each.
const HOPS_MAX: usize = 10;

/// A lane that hands what it is sent to the test.
struct TestLane(mpsc::UnboundedSender<Persist>);

impl Actor for TestLane {
    type Context = Ctx<TestLane>;
}

impl Handler<Persist> for TestLane {
    type Result = ();

    fn handle(&mut self, persist: Persist, _: &mut Ctx<TestLane>) {
        self.0.send(persist).unwrap();
    }
}

/// All shards on this thread, over a lane whose batches come out at the other end.
fn start(limits: ShardLimits) -> (Shards<MemoryStore>, mpsc::UnboundedReceiver<Persist>) {
    let (sender, batches) = mpsc::unbounded_channel();
    let lane = LaneHandle::new(TestLane(sender).start().recipient());
    let stores = [(Arc::new(MemoryStore::new(Epoch(1))), lane)];
    let mut rng = rand::rngs::StdRng::seed_from_u64(7);
    (Shards::start(NODE, &Alone::peers(), limits, &mut rng, &stores, &[Arbiter::current()]).unwrap(), batches)
}

fn write_to(partition: &str, key: &str, value: &[u8]) -> ItemWrite {
    ItemWrite {
        partition: Partition::new(BucketId([1; 32]), PartitionKey::new(partition).unwrap()),
        sort_key: SortKey::new(key).unwrap(),
        context: Context::empty(),
        value: Value::Bytes(value.to_vec().into()),
    }
}

/// Puts a write into its shard's queue, and does not wait.
fn enqueue(shards: &Shards<MemoryStore>, write: ItemWrite) -> oneshot::Receiver<Result<(), WriteError>> {
    let (answer, answered) = oneshot::channel();
    let (shard, plan) = (write.partition.shard(), WritePlan::sole_replica(NODE));
    let request = inbox::Request::Write { writes: Arc::new(vec![write]), plan, answer };
    assert!(shards.queue(shard).try_send(request).is_ok(), "there is a place");
    answered
}

#[test]
fn a_write_that_the_disk_never_answers_ends_with_an_unknown_outcome() {
    System::new().block_on(async {
        let (shards, _batches) = start(ShardLimits::default());
        let write = write_to("p", "k", b"v");
        // With nothing else to do, a paused clock runs ahead to the next timer.
        tokio::time::pause();
        let shard = write.partition.shard();
        let outcome = shards.write(shard, Arc::new(vec![write]), WritePlan::sole_replica(NODE)).await;
        assert!(matches!(&outcome, Err(WriteError::Unknown(UnknownCause::Timeout))), "{outcome:?}");
    });
}

/// Each batch carries the whole item: they held 2 GiB.
#[test]
fn a_disk_that_hangs_holds_a_bounded_number_of_bytes_of_one_item() {
    System::new().block_on(async {
        let (shards, mut batches) = start(ShardLimits { item_bytes_max: 1 << 30, ..ShardLimits::default() });
        let (refusals, mut refused) = mpsc::unbounded_channel();
        for _ in 0..64 {
            let (answered, refusals) = (enqueue(&shards, write_to("p", "k", &[7; MIB])), refusals.clone());
            actix_rt::spawn(async move { refusals.send(answered.await.unwrap()).unwrap() });
        }
        let mut held = Vec::new();
        for _ in 0..64 {
            tokio::select! {
                Some(batch) = batches.recv() => held.push(batch),
                Some(outcome) = refused.recv() => assert_eq!(outcome, Err(WriteError::Overloaded)),
            }
        }
        let bytes: usize = held.iter().flat_map(|batch| &batch.writes).map(Write::bytes).sum();
        assert!(bytes <= SHARD_BYTES_IN_FLIGHT_MAX, "{} batches of {bytes} bytes", held.len());
        assert!(bytes + 10 * MIB > SHARD_BYTES_IN_FLIGHT_MAX, "no more was refused than had to be");
    });
}

/// Floods the shard of one partition, then asks that of another one. How many writes of the flood the lane had seen
/// when the other was answered, and when the flood's own first one was.
fn flood(count: usize, value: &[u8]) -> (usize, usize) {
    System::new().block_on(async {
        let (shards, mut batches) = start(ShardLimits::default());
        let flooded = index();
        let (mut of_other, mut seen) = (write_to("other", "k", b"v"), 0);
        assert_ne!(of_other.partition.shard(), flooded);
        let mut answers: Vec<_> =
            (0..count).map(|n| enqueue(&shards, write_to("p", &n.to_string(), value))).collect();
        of_other.value = Value::Tombstone;
        let mut other = enqueue(&shards, of_other);
        let (mut at_other, mut at_first) = (None, None);
        let mut first = answers.remove(0);
        while at_other.is_none() || at_first.is_none() {
            tokio::select! {
                biased;
                outcome = &mut other, if at_other.is_none() => at_other = Some(outcome.unwrap().map(|()| seen)),
                outcome = &mut first, if at_first.is_none() => at_first = Some(outcome.unwrap().map(|()| seen)),
                Some(Persist { owner, batch, room, done, .. }) = batches.recv() => {
                    seen += usize::from(owner == crate::store::lane::Owner::Shard(flooded));
                    done.send(Persisted { batch, outcome: Ok(()), room }).unwrap();
                }
            }
        }
        (at_other.unwrap().unwrap(), at_first.unwrap().unwrap())
    })
}

/// A mailbox is drained before anything else on the thread has its turn: both waited for the whole flood.
#[test]
fn a_flooded_shard_hears_of_its_commits_and_lets_others_have_their_turn() {
    let (at_other, at_first) = flood(2_000, b"v");
    assert!(at_other <= HOPS_MAX * SHARD_TURN_MESSAGES_MAX, "the other shard waited for {at_other} writes");
    assert!(
        at_first <= HOPS_MAX * SHARD_TURN_MESSAGES_MAX,
        "the first commit was heard of after {at_first} writes"
    );
}

#[test]
fn a_shard_that_is_flooded_with_large_values_takes_shorter_turns() {
    let (at_other, at_first) = flood(30, &[7; MIB]);
    assert!(at_other <= HOPS_MAX, "the other shard waited for {at_other} MiB");
    assert!(at_first <= HOPS_MAX, "the first commit was heard of after {at_first} MiB");
}
