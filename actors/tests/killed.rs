//! A process is killed after a shard sent a batch on its way and before the batch was committed: the dots in it may have
//! been seen elsewhere, and are forgotten here. Nothing minted afterwards may be taken for them.
//!
//! A test program of its own: the process that it starts inherits what files the others have open.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use actix::{Arbiter, System};
use rand::SeedableRng;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use troupe_actors::causality::{Context, Item, Value};
use troupe_actors::clock::wall_now;
use troupe_actors::ids::{BucketId, ItemKey, NodeId, Partition, PartitionKey, SortKey};
use troupe_actors::shard::{Effect, Event, ItemWrite, RequestId, ShardCore, ShardLimits, Shards, WritePlan};
use troupe_actors::store::lane::actor::LaneActor;
use troupe_actors::store::lane::{Fence, LaneHandle};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbSnapshot, LmdbStore};
use troupe_actors::store::segments::SegmentDigests;
use troupe_actors::store::{CommitError, Epoch, LaneId, Snapshot, Store, StoreError, Write};
use troupe_actors::transport::Alone;

const NODE: NodeId = NodeId([1; 32]);

const DIR: &str = "TO_BE_KILLED_IN";
const SENT: &str = "sent ";

/// Commits once; the second commit is announced and never begins.
struct Stalling {
    inner: LmdbStore,
    commits: AtomicUsize,
}

impl Store for Stalling {
    type Snapshot<'s> = LmdbSnapshot<'s>;

    fn snapshot(&self) -> Result<LmdbSnapshot<'_>, StoreError> {
        self.inner.snapshot()
    }

    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        if self.commits.fetch_add(1, Ordering::Relaxed) == 0 {
            return self.inner.commit(writes);
        }
        let items = writes.filter_map(|write| match write {
            Write::PutItem { row, .. } => Some(hex::encode(row.item())),
            Write::RemoveItem { .. } | Write::PutShardMeta { .. } | Write::PutControl { .. } => None,
        });
        println!("{SENT}{}", items.collect::<String>());
        let (_sender, never) = mpsc::channel::<()>();
        never.recv().unwrap();
        Ok(())
    }

    fn digests(&self) -> &SegmentDigests {
        self.inner.digests()
    }

    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn end_epoch(&self) {
        self.inner.end_epoch();
    }
}

fn open(dir: &Path, fresh_epoch: u64) -> LmdbStore {
    let options = LmdbOptions {
        map_size: 64 << 20,
        fresh_epoch: Epoch(fresh_epoch),
        lane: LaneId { lane: 0, lanes: 1 },
    };
    LmdbStore::open(dir, &options).unwrap()
}

fn partition() -> Partition {
    Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap())
}

fn write(value: &'static [u8]) -> ItemWrite {
    ItemWrite {
        partition: partition(),
        sort_key: SortKey::new("k").unwrap(),
        context: Context::empty(),
        value: Value::Bytes(value.into()),
    }
}

/// Has one write acknowledged and another one sent to the lane, until somebody kills this process.
fn run_until_killed(dir: &Path) {
    System::new().block_on(async {
        let store = Arc::new(Stalling { inner: open(dir, 1), commits: AtomicUsize::new(0) });
        let (lane_arbiter, shard_arbiter) = (Arbiter::new(), Arbiter::new());
        let lane = LaneActor::start_on(&lane_arbiter.handle(), Arc::clone(&store), Box::new(|_| ()));
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let lanes = [(store, LaneHandle::new(lane.recipient()))];
        let (limits, arbiters) = (ShardLimits::default(), [shard_arbiter.handle()]);
        let shards = Shards::start(NODE, &Alone::peers(), limits, &mut rng, &lanes, &arbiters).unwrap();
        let shard = partition().shard();
        let one = |value| Arc::new(vec![write(value)]);
        shards.write(shard, one(b"acknowledged"), WritePlan::sole_replica(NODE)).await.unwrap();
        shards.write(shard, one(b"sent"), WritePlan::sole_replica(NODE)).await.unwrap();
    });
}

/// Runs the test below once more as the process that is killed; what it had sent and not committed.
fn kill_between_send_and_commit(dir: &Path) -> Item<'static> {
    let test = "a_process_killed_between_send_and_commit_mints_under_a_new_actor_afterwards";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(DIR, dir);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let sent = lines.map_while(Result::ok).find_map(|line| {
        let at = line.find(SENT)?;
        Some(line[at + SENT.len()..].to_owned())
    });
    process.kill().unwrap();
    process.wait().unwrap();
    let bytes = hex::decode(sent.expect("the process announced its second commit")).unwrap();
    Item::decode(&bytes).unwrap().into_owned()
}

#[test]
fn a_process_killed_between_send_and_commit_mints_under_a_new_actor_afterwards() {
    if let Some(dir) = std::env::var_os(DIR) {
        return run_until_killed(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let sent = kill_between_send_and_commit(dir.path());

    let store = open(dir.path(), 2);
    assert_eq!(store.epoch(), Epoch(2), "the close was not a clean one");
    let snapshot = store.snapshot().unwrap();
    let stored = snapshot
        .item(&ItemKey { partition: partition().hash, sort_key: SortKey::new("k").unwrap() })
        .unwrap()
        .unwrap()
        .into_owned();
    let values = |item: &Item<'_>| {
        item.values().into_iter().filter_map(|value| value.bytes().map(<[u8]>::to_vec)).collect::<Vec<_>>()
    };
    assert_eq!(values(&stored), [b"acknowledged".to_vec()]);
    assert_eq!(values(&sent), [b"acknowledged".to_vec(), b"sent".to_vec()]);

    let meta = snapshot.shard_meta(partition().shard()).unwrap();
    let old_actor = *meta.as_ref().unwrap().actors.last().unwrap();
    let (shard, limits) = (partition().shard(), ShardLimits::default());
    let mut shard = ShardCore::open(shard, NODE, meta, store.epoch(), limits, Fence::first(0), [9; 32]);
    let (request, plan) = (RequestId(1), WritePlan::sole_replica(NODE));
    let staged =
        shard.stage(wall_now(), &[write(b"afterwards")], plan, &mut |_| Ok(Some(stored.clone()))).unwrap();
    let effects = shard.step(Event::Write { request, staged });
    let [Effect::Persist { writes, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let [Write::PutItem { row, .. }, ..] = writes.as_slice() else { panic!("{writes:?}") };
    let mut afterwards = Item::decode(&row.item()).unwrap().into_owned();
    let newest = afterwards.siblings().find(|(_, value)| value.bytes() == Some(b"afterwards")).unwrap().0;
    assert_ne!(newest.actor, old_actor);

    // A replica that got what was sent keeps it beside what came afterwards.
    afterwards.merge(&sent);
    assert_eq!(values(&afterwards).len(), 3);
}
