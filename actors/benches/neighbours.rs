//! What a tenant that hammers its largest items costs its neighbour: the waits of small writes, alone and beside 32
//! writers that fill items of 4 MiB, through the shards, a lane and the disk.
//!
//! ```text
//! cargo bench -p troupe-actors --bench neighbours [-- FOLDER]
//! ```
//!
//! FOLDER (default: the system's folder for temporary files) should be on the disk that is to be measured.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

use actix::{Arbiter, System};
use rand::SeedableRng;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use troupe_actors::causality::{Context, Value};
use troupe_actors::ids::{BucketId, NodeId, Partition, PartitionKey, SortKey};
use troupe_actors::shard::{ItemWrite, ShardLimits, Shards, WriteError, WritePlan};
use troupe_actors::store::lane::LaneHandle;
use troupe_actors::store::lane::actor::LaneActor;
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore};
use troupe_actors::store::{CommitError, Epoch, LaneId};
use troupe_actors::transport::Alone;

const NODE: NodeId = NodeId([1; 32]);

const SMALL_WRITES: usize = 1000;
const HAMMERED_PARTITIONS: usize = 8;
const WRITERS_PER_PARTITION: usize = 4;

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

async fn put(shards: &Shards<LmdbStore>, partition: &str, key: &str, bytes: usize) -> Result<(), WriteError> {
    let write = ItemWrite {
        partition: Partition::new(BucketId([7; 32]), PartitionKey::new(partition).unwrap()),
        sort_key: SortKey::new(key).unwrap(),
        context: Context::empty(),
        value: Value::Bytes(vec![7; bytes].into()),
    };
    shards.write(write.partition.shard(), Arc::new(vec![write]), WritePlan::sole_replica(NODE)).await
}

/// Writes 1 MiB beside 1 MiB until the item is full, then goes on to the next one.
async fn hammer(shards: Shards<LmdbStore>, partition: usize, writer: usize, is_over: Rc<Cell<bool>>) {
    let partition = format!("hammered-{partition}");
    for number in 0.. {
        if is_over.get() {
            return;
        }
        match put(&shards, &partition, &format!("{writer}/{}", number / 4), 1 << 20).await {
            Ok(()) => {}
            Err(WriteError::Overloaded) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Microseconds that each small write waited, ascending.
async fn small_writes(shards: &Shards<LmdbStore>, partition: &str) -> Vec<u128> {
    let mut waits = Vec::with_capacity(SMALL_WRITES);
    for number in 0..SMALL_WRITES {
        let begun = now();
        put(shards, partition, &format!("{number:06}"), 256).await.unwrap();
        waits.push(begun.elapsed().as_micros());
    }
    waits.sort_unstable();
    waits
}

fn show(what: &str, waits: &[u128]) {
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!("{what:>16} {:>10.1} {:>10.1} {:>10.1}", at(0.5), at(0.99), at(1.0));
}

fn start(dir: &Path, lane: &Arbiter, shards: &Arbiter) -> Shards<LmdbStore> {
    let lane_id = LaneId { lane: 0, lanes: 1 };
    let options = LmdbOptions { map_size: 64 << 30, fresh_epoch: Epoch(1), lane: lane_id };
    let store = Arc::new(LmdbStore::open(dir, &options).unwrap());
    let on_broken = Box::new(|cause: &CommitError| panic!("{cause}"));
    let actor = LaneActor::start_on(&lane.handle(), Arc::clone(&store), on_broken);
    let lanes = [(store, LaneHandle::new(actor.recipient()))];
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let limits = ShardLimits::default();
    Shards::start(NODE, &Alone::peers(), limits, &mut rng, &lanes, &[shards.handle()]).unwrap()
}

fn main() {
    // Cargo passes `--bench` itself.
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let dir = tempfile::tempdir_in(folder.map_or_else(std::env::temp_dir, Into::into)).unwrap();
    let heads = ["small writes", "p50 ms", "p99 ms", "max ms"];
    println!("{:>16} {:>10} {:>10} {:>10}", heads[0], heads[1], heads[2], heads[3]);
    System::new().block_on(async {
        let (lane, shard) = (Arbiter::new(), Arbiter::new());
        let shards = start(dir.path(), &lane, &shard);
        show("alone", &small_writes(&shards, "alone").await);
        let is_over = Rc::new(Cell::new(false));
        for partition in 0..HAMMERED_PARTITIONS {
            for writer in 0..WRITERS_PER_PARTITION {
                actix_rt::spawn(hammer(shards.clone(), partition, writer, Rc::clone(&is_over)));
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        show("beside a hammer", &small_writes(&shards, "beside").await);
        is_over.set(true);
        lane.stop();
        shard.stop();
    });
}
