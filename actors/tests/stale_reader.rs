//! A process of somebody else that was killed while it read the environment, as `mdb_copy` may be.
//!
//! A test program of its own: the process that it starts inherits what files the others have open.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use troupe_actors::causality::{Dot, Item, Value};
use troupe_actors::ids::{ActorId, BucketId, Partition, PartitionKey, SortKey};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore};
use troupe_actors::store::{CommitError, Epoch, LaneId, Position, Store, Write};

const DIR: &str = "TO_BE_READ";
const READING: &str = "reading";
const MAP_BYTES: usize = 4 << 20;
static VALUE: [u8; 50_000] = [1; 50_000];

/// Reads the environment until somebody kills this process. Programs that are not ours know nothing of `in-use`, so
/// this one takes it out of the way.
fn read_until_killed(dir: &Path) {
    std::fs::remove_file(dir.join("in-use")).unwrap();
    let store = LmdbStore::open(dir, &options()).unwrap();
    let _snapshot = store.snapshot().unwrap();
    println!("{READING}");
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

fn options() -> LmdbOptions {
    LmdbOptions { map_size: MAP_BYTES, fresh_epoch: Epoch(1), lane: LaneId { lane: 0, lanes: 1 } }
}

/// Replaces an item by one as long.
fn replace(store: &LmdbStore, before: &mut Item<'static>) -> Result<(), CommitError> {
    let mut after = before.clone();
    let time = before.newest_time_of(ActorId(1)) + 1;
    after.write(
        Dot { actor: ActorId(1), time },
        &before.token_context(),
        Value::Bytes(VALUE.to_vec().into()),
    );
    let partition = Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap());
    let write = Write::put_item(partition, SortKey::new("k").unwrap(), Position(time), before, &after);
    store.commit(&mut std::iter::once(&write))?;
    *before = after;
    Ok(())
}

#[test]
fn a_reader_that_was_killed_does_not_fill_the_map() {
    if let Some(dir) = std::env::var_os(DIR) {
        return read_until_killed(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(dir.path(), &options()).unwrap();
    let mut item = Item::empty();
    replace(&store, &mut item).unwrap();

    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_reader_that_was_killed_does_not_fill_the_map", "--nocapture"]);
    command.env(DIR, dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reader = command.spawn().unwrap();
    let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(READING)));
    let rounds_max = 3 * MAP_BYTES / VALUE.len();
    let full = (0..rounds_max).find_map(|_| replace(&store, &mut item).err());
    assert_eq!(full, Some(CommitError::MapFull), "a reader that lives keeps its snapshot");

    reader.kill().unwrap();
    reader.wait().unwrap();
    for _ in 0..rounds_max {
        replace(&store, &mut item).unwrap();
    }
}
