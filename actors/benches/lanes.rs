//! What a lane makes of the disk: durable puts per second by writes in flight and number of lanes.
//!
//! One lane commits all that is in flight as one group; two lanes commit half of it each, at the same time.
//!
//! ```text
//! cargo bench -p troupe-actors --bench lanes [-- FOLDER]
//! cargo bench -p troupe-actors --bench lanes -- --sizes 10000,100000,1000000,10000000 [FOLDER]
//! cargo bench -p troupe-actors --bench lanes -- --partitions 1000000 [FOLDER]
//! ```
//!
//! With `--partitions` a store of so many partitions, of one item each, is opened: the digests of its segments are made.
//!
//! With `--sizes` one store grows to each of these numbers of items, and is measured there for ten seconds with groups of
//! 64 puts without order: how the cost grows with the size of the store. Checkpoints run as in a node; the processor's
//! time includes bringing everything into the tree at the end.
//!
//! Values have 256 bytes, every commit is synced, and each line runs for about a second in a fresh environment below
//! FOLDER (default: the system's folder for temporary files, which should be on the disk that is to be measured).

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use troupe_actors::causality::{Context, Dot, Item, Value};
use troupe_actors::ids::{ActorId, BucketId, ItemKey, Partition, PartitionKey, SortKey};
use troupe_actors::limits::JOURNAL_BYTES_MAX;
use troupe_actors::store::journalled::{Durability, LanesOptions, NodeStore};
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::set::StoreSet;
use troupe_actors::store::{Epoch, Position, Shown, Snapshot, Store, Write};

const VALUE_BYTES: usize = 256;
const BUCKET: BucketId = BucketId([7; 32]);

/// Where the items of a group go.
#[derive(Clone, Copy, Debug)]
enum Spread {
    /// Each into another of 10,000 partitions, in no order.
    Partitions,
    /// All into one partition, in the order of their keys.
    OnePartition,
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn open(dir: &Path, lanes: u16) -> StoreSet<NodeStore> {
    let options = LanesOptions {
        lanes_if_new: lanes,
        map_size: 8 << 30,
        durability: Durability::Commit,
        journal_bytes_max: JOURNAL_BYTES_MAX,
        fresh_epoch: Epoch(1),
    };
    StoreSet::open_all(dir, &options).unwrap()
}

/// The `number`th item: its partition is in the lane asked for.
fn put(number: u64, spread: Spread, set: &StoreSet<NodeStore>, lane: usize) -> Write {
    let name = |salt: u64| match spread {
        Spread::Partitions => {
            format!("partition-{}-{salt}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 10_000)
        }
        Spread::OnePartition => format!("partition-{salt}"),
    };
    let partition = (0..)
        .map(|salt| Partition::new(BUCKET, PartitionKey::new(&name(salt)).unwrap()))
        .find(|partition| set.lane_of(partition.shard()) == lane)
        .unwrap();
    let mut item = Item::empty();
    let value = Value::Bytes(vec![number as u8; VALUE_BYTES].into());
    item.write(
        Dot { actor: ActorId(0x1234_5678_9abc_def0), time: 1_700_000_000_000 + number },
        &Context::empty(),
        value,
    );
    let sort_key = SortKey::new(&format!("{number:012}")).unwrap();
    Write::put_item(partition, sort_key, Position(number), &Item::empty(), &item)
}

/// Seconds of processor time that this process took so far, by Linux's accounts; 0 elsewhere.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 of proc(5), counted behind the parenthesised name, in hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Of all lanes together: puts per second, microseconds per commit, and microseconds of processor time per put.
fn measure(dir: &Path, lanes: u16, group: u64, spread: Spread) -> [f64; 3] {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let set = open(dir.path(), lanes);
    let (started, processor_before) = (now(), processor_seconds());
    let groups = std::thread::scope(|scope| {
        let threads = set.iter().enumerate().map(|(lane, store)| {
            let (set, store) = (&set, Arc::clone(store));
            scope.spawn(move || {
                let mut groups = 0;
                while started.elapsed() < Duration::from_secs(1) {
                    let numbers = groups * group..(groups + 1) * group;
                    let writes: Vec<_> = numbers.map(|number| put(number, spread, set, lane)).collect();
                    store.commit(&mut writes.iter()).unwrap();
                    groups += 1;
                }
                groups
            })
        });
        let threads: Vec<_> = threads.collect();
        set.iter().for_each(|store| _ = scope.spawn(|| store.run_checkpoints().unwrap()));
        let groups = threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>();
        set.iter().for_each(|store| store.stop_background());
        groups
    });
    let seconds = started.elapsed().as_secs_f64();
    set.iter().for_each(|store| store.checkpoint().unwrap());
    let processor_us = (processor_seconds() - processor_before) * 1e6;
    let puts = (groups * group) as f64;
    [puts / seconds, seconds * f64::from(lanes) * 1e6 / groups as f64, processor_us / puts]
}

/// MiB of journal that an opening finds after the process was killed, and how many milliseconds it takes.
fn measure_recovery(dir: &Path) -> (u64, f64) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let set = open(dir.path(), 1);
    let mut groups = 0;
    let left = loop {
        let writes: Vec<_> =
            (groups * 1024..(groups + 1) * 1024).map(|n| put(n, Spread::Partitions, &set, 0)).collect();
        set.control().commit(&mut writes.iter()).unwrap();
        groups += 1;
        let stats = set.control().journal_stats();
        if stats.journal_bytes * 10 >= stats.journal_bytes_max * 9 {
            break stats.journal_bytes >> 20;
        }
    };
    drop(set);
    let started = now();
    let set = open(dir.path(), 1);
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    assert_eq!(set.control().last_commit().sequence, groups);
    (left, took_ms)
}

/// Grows one store to each of `sizes`, and prints what puts without order cost there.
fn measure_sizes(dir: &Path, sizes: &[u64]) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let set = open(dir.path(), 1);
    let store = set.control();
    println!(
        "{:>10} {:>10} {:>12} {:>12} {:>12} {:>10}",
        "items", "puts/s", "p99.9 ms", "µs cpu/put", "file MiB", "plot"
    );
    let mut stored = 0;
    let mut commit = |group: u64| {
        // Multiplied by an odd number, the numbers come in no order and none comes twice.
        let numbers = (stored..stored + group).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16);
        let writes: Vec<_> = numbers.map(|number| put(number, Spread::Partitions, &set, 0)).collect();
        let began = now();
        store.commit(&mut writes.iter()).unwrap();
        stored += group;
        (stored, began.elapsed())
    };
    std::thread::scope(|scope| {
        scope.spawn(|| store.run_checkpoints().unwrap());
        for size in sizes {
            while commit(1024).0 < *size {}
            let (started, processor_before) = (now(), processor_seconds());
            let mut took = Vec::new();
            while started.elapsed() < Duration::from_secs(10) {
                took.push(commit(64).1);
            }
            let per_second = (took.len() * 64) as f64 / started.elapsed().as_secs_f64();
            store.checkpoint().unwrap();
            let processor_us = (processor_seconds() - processor_before) * 1e6 / (took.len() * 64) as f64;
            took.sort_unstable();
            let p999_ms = took[took.len() * 999 / 1000].as_secs_f64() * 1e3;
            let file_mib = store.stats().unwrap().tree.file_bytes >> 20;
            let plot = "#".repeat((per_second / 2000.0) as usize);
            println!(
                "{size:>10} {per_second:>10.0} {p999_ms:>12.1} {processor_us:>12.2} {file_mib:>12} {plot}"
            );
        }
        store.stop_background();
    });
}

/// Makes a store of so many partitions, and prints how long it takes to open.
fn measure_opening(dir: &Path, partitions: u64) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let set = open(dir.path(), 1);
    for group in 0..partitions.div_ceil(1024) {
        let writes: Vec<_> = (group * 1024..((group + 1) * 1024).min(partitions))
            .map(|number| {
                let key = PartitionKey::new(&format!("partition-{number}")).unwrap();
                let mut item = Item::empty();
                let value = Value::Bytes(b"value".as_slice().into());
                item.write(Dot { actor: ActorId(1), time: number + 1 }, &Context::empty(), value);
                let (partition, sort_key) = (Partition::new(BUCKET, key), SortKey::new("k").unwrap());
                Write::put_item(partition, sort_key, Position(number), &Item::empty(), &item)
            })
            .collect();
        set.control().commit(&mut writes.iter()).unwrap();
    }
    set.close_clean().unwrap();
    drop(set);
    let started = now();
    let set = open(dir.path(), 1);
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    assert_eq!(set.control().stats().unwrap().tree.partitions, partitions);
    println!("opening with {partitions} partitions: {took_ms:.0} ms");
}

/// Nanoseconds of taking a snapshot, of reading an item in it, and of one item of a range of 100.
fn measure_reads(dir: &Path) -> (f64, f64, f64) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let set = open(dir.path(), 1);
    let writes: Vec<_> = (0..10_000).map(|number| put(number, Spread::OnePartition, &set, 0)).collect();
    set.control().commit(&mut writes.iter()).unwrap();
    let keys: Vec<_> = writes
        .iter()
        .filter_map(|write| match write {
            Write::PutItem { partition, sort_key, .. } => {
                Some(ItemKey { partition: partition.hash, sort_key: sort_key.clone() })
            }
            Write::RemoveItem { .. } | Write::PutShardMeta { .. } | Write::PutControl { .. } => None,
        })
        .collect();
    let per = |started: Instant, count: usize| started.elapsed().as_nanos() as f64 / count as f64;
    let started = now();
    for _ in 0..100_000 {
        drop(set.control().snapshot().unwrap());
    }
    let snapshot_ns = per(started, 100_000);
    let snapshot = set.control().snapshot().unwrap();
    let started = now();
    for _ in 0..10 {
        for key in &keys {
            assert!(snapshot.item(key).unwrap().is_some());
        }
    }
    let item_ns = per(started, 10 * keys.len());
    let started = now();
    let mut shown = 0;
    for key in keys.iter().take(9_900) {
        let mut range = KeyRange::all();
        range.pass(key.sort_key.as_str());
        let mut left = 100;
        let mut visit = |_: &str, shown: Shown<'_>| {
            assert!(!shown.unwrap().item.is_tombstone());
            left -= 1;
            if left == 0 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        };
        snapshot.scan_items(key.partition, &range, &mut visit).unwrap();
        shown += 100;
    }
    (snapshot_ns, item_ns, per(started, shown))
}

fn main() {
    // Cargo passes `--bench` itself.
    let mut arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut numbers = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        let numbers = arguments.remove(at + 1);
        arguments.remove(at);
        Some(numbers.split(',').map(|number| number.parse().unwrap()).collect::<Vec<u64>>())
    };
    let (sizes, partitions) = (numbers("--sizes"), numbers("--partitions"));
    let folder = arguments.pop().map_or_else(std::env::temp_dir, Into::into);
    if let Some(sizes) = sizes {
        return measure_sizes(&folder, &sizes);
    }
    if let Some(partitions) = partitions {
        return partitions.into_iter().for_each(|partitions| measure_opening(&folder, partitions));
    }
    let heads = ["lanes", "in flight", "spread", "puts/s", "µs/commit", "µs cpu/put"];
    let [lanes, in_flight, spread, per_second, commit, processor] = heads;
    println!("{lanes:>6} {in_flight:>9} {spread:>14} {per_second:>12} {commit:>12} {processor:>12}");
    for spread in [Spread::Partitions, Spread::OnePartition] {
        for in_flight in [1, 16, 64, 256, 1024] {
            for lanes in [1, 2] {
                let group = (in_flight / u64::from(lanes)).max(1);
                let [per_second, commit_us, processor_us] = measure(&folder, lanes, group, spread);
                let spread = format!("{spread:?}");
                println!(
                    "{lanes:>6} {in_flight:>9} {spread:>14} {per_second:>12.0} {commit_us:>12.0} {processor_us:>12.2}"
                );
            }
        }
    }
    let (snapshot_ns, item_ns, row_ns) = measure_reads(&folder);
    let (left_mib, took_ms) = measure_recovery(&folder);
    println!("opening with {left_mib} MiB in the journal: {took_ms:.0} ms");
    println!("snapshot {snapshot_ns:.0} ns, item {item_ns:.0} ns, item of a range of 100 {row_ns:.0} ns");
}
