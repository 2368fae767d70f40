//! No room left: the write is refused, nothing acknowledged is lost, reads and deletions go on, and space comes back.

use crate::model::{JOURNAL, Model, commit, options};
use std::path::Path;
use std::process::Command;
use troupe_actors::causality::Item;
use troupe_actors::store::journalled::{JournalOptions, NodeStore};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore};
use troupe_actors::store::{CommitError, Store, Write};

const VALUE: [u8; 600] = [0x5a; 600];
const GROUP: usize = 50;

/// Writes groups until one is refused.
fn fill<S: Store>(store: &S, model: &mut Model, round: usize) -> CommitError {
    for group in 0..100_000 {
        let names: Vec<_> =
            (0..GROUP).map(|n| (format!("p{}", n % 7), format!("{round}-{group}-{n:03}"))).collect();
        let before: Vec<_> = names.iter().map(|(name, sort_key)| model.item(name, sort_key)).collect();
        let put = |(name, sort_key): &(String, String)| model.put(name, sort_key, Some(&VALUE));
        let writes: Vec<Write> = names.iter().map(put).collect();
        if let Err(refused) = store.commit(&mut writes.iter()) {
            assert!(before.iter().all(Item::is_empty));
            names.iter().for_each(|(name, sort_key)| model.forget(name, sort_key));
            return refused;
        }
    }
    panic!("it never was full")
}

/// Deletes every item, a few at a time.
fn empty<S: Store>(store: &S, model: &mut Model) -> usize {
    let names: Vec<_> = (0..7)
        .map(|partition| format!("p{partition}"))
        .flat_map(|name| {
            model.items(&name).into_iter().map(move |(sort_key, item)| (name.clone(), sort_key, item))
        })
        .filter(|(_, _, item)| !item.is_tombstone())
        .collect();
    for some in names.chunks(GROUP) {
        let writes: Vec<_> = some.iter().map(|(name, sort_key, _)| model.put(name, sort_key, None)).collect();
        commit(store, &writes);
    }
    names.len()
}

/// Fills, reads, empties and fills again, and opens anew in between.
fn check<S: Store>(open: impl Fn() -> S, expected: &CommitError) {
    let mut store = open();
    let mut model = Model::default();
    for round in 0..3 {
        assert_eq!(fill(&store, &mut model, 2 * round), *expected, "round {round}");
        model.check(&store);
        assert_eq!(fill(&store, &mut model, 2 * round + 1), *expected, "still full");
        drop(store);
        store = open();
        model.check(&store);
        let deleted = empty(&store, &mut model);
        assert!(deleted > 500, "round {round} had room for {deleted} items");
        model.check(&store);
    }
}

macro_rules! stories {
    ($module:ident, $store:ty) => {
        mod $module {
            use super::*;

            #[test]
            fn a_full_map_refuses_what_grows_and_takes_deletions() {
                super::a_full_map_refuses_what_grows_and_takes_deletions::<$store>();
            }

            #[test]
            fn tombstones_for_keys_that_never_were_fill_the_map_and_leave_the_reserve() {
                super::tombstones_for_keys_that_never_were_fill_the_map_and_leave_the_reserve::<$store>();
            }

            #[test]
            fn a_full_disk_refuses_what_grows_and_takes_deletions() {
                super::a_full_disk_refuses_what_grows_and_takes_deletions::<$store>();
            }

            #[test]
            fn a_disk_that_others_filled_takes_deletions_and_inserts_once_they_leave() {
                super::a_disk_that_others_filled_takes_deletions_and_inserts_once_they_leave::<$store>();
            }
        }
    };
}

stories!(lmdb, LmdbStore);
stories!(journalled, NodeStore);

/// A store that is opened in a folder.
trait Opened: Store + Sized {
    fn open_in(dir: &Path, options: &LmdbOptions) -> Self;
}

impl Opened for LmdbStore {
    fn open_in(dir: &Path, options: &LmdbOptions) -> LmdbStore {
        LmdbStore::open(dir, options).unwrap()
    }
}

impl Opened for NodeStore {
    fn open_in(dir: &Path, options: &LmdbOptions) -> NodeStore {
        NodeStore::open(dir, options, JOURNAL).unwrap()
    }
}

/// Such a tombstone adds a row. As it did not count as growth, they took the reserve until every deletion was refused.
fn tombstones_for_keys_that_never_were_fill_the_map_and_leave_the_reserve<S: Opened>() {
    let dir = tempfile::tempdir().unwrap();
    let store = S::open_in(dir.path(), &LmdbOptions { map_size: 4 << 20, ..options(1) });
    let mut model = Model::default();
    let values: Vec<_> = (0..100).map(|n| model.put("p0", &format!("{n:03}"), Some(&VALUE))).collect();
    commit(&store, &values);
    let refused = (0..100_000).find_map(|group| {
        let names: Vec<_> = (0..GROUP).map(|n| format!("never-{group}-{n}")).collect();
        let writes: Vec<_> = names.iter().map(|name| model.put("p1", name, None)).collect();
        let refused = store.commit(&mut writes.iter()).err()?;
        names.iter().for_each(|name| model.forget("p1", name));
        Some(refused)
    });
    assert_eq!(refused, Some(CommitError::MapFull));
    model.check(&store);
    assert_eq!(empty(&store, &mut model), 100);
    model.check(&store);
}

fn a_full_map_refuses_what_grows_and_takes_deletions<S: Opened>() {
    let dir = tempfile::tempdir().unwrap();
    let options = LmdbOptions { map_size: 4 << 20, ..options(1) };
    check(|| S::open_in(dir.path(), &options), &CommitError::MapFull);
}

/// A file system of its own, a few MiB large.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` if this machine does not let the test mount one.
    fn mount() -> Option<SmallDisk> {
        SmallDisk::mount_of(6)
    }

    fn mount_of(mib: u64) -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(dir.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(SmallDisk(dir)),
            Ok(output) => {
                println!("skipped: no small disk: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: no small disk: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn a_full_disk_refuses_what_grows_and_takes_deletions<S: Opened>() {
    if let Some(disk) = SmallDisk::mount() {
        check(|| S::open_in(&disk.0.path().join("store"), &options(1)), &CommitError::DiskFull);
    }
}

fn a_disk_that_others_filled_takes_deletions_and_inserts_once_they_leave<S: Opened>() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = S::open_in(&disk.0.path().join("store"), &options(1));
    let mut model = Model::default();
    let writes: Vec<_> = (0..500).map(|n| model.put("p1", &format!("{n:03}"), Some(&VALUE))).collect();
    commit(&store, &writes);
    let stranger = disk.0.path().join("stranger");
    // The disk ends before the stranger does.
    assert!(std::fs::write(&stranger, vec![1; 8 << 20]).is_err());
    assert_eq!(fill(&store, &mut model, 0), CommitError::DiskFull);
    model.check(&store);
    assert!(empty(&store, &mut model) >= 500);
    model.check(&store);
    std::fs::remove_file(&stranger).unwrap();
    let writes: Vec<_> = (0..500).map(|n| model.put("p2", &format!("{n:03}"), Some(&VALUE))).collect();
    commit(&store, &writes);
    model.check(&store);
}

/// What was acknowledged waited in the journal, and nothing kept the room that the tree was going to need for it.
#[test]
fn what_was_acknowledged_reaches_the_tree_of_a_disk_that_others_fill_meanwhile() {
    let Some(disk) = SmallDisk::mount_of(32) else { return };
    let (dir, stranger) = (disk.0.path().join("store"), disk.0.path().join("stranger"));
    let journal = JournalOptions { bytes_max: 4 << 20, ..JOURNAL };
    let open = |epoch| NodeStore::open(&dir, &options(epoch), journal).unwrap();
    let mut store = open(1);
    let mut model = Model::default();
    let mut write = |store: &NodeStore, value: &[u8], count: usize| {
        for n in 0..count {
            let writes = (0..10).map(|i| model.put(&format!("p{}", n % 7), &format!("{n}-{i}"), Some(value)));
            commit(store, &writes.collect::<Vec<_>>());
        }
        model.clone()
    };
    let steps: [(&[u8], usize); 3] = [(&VALUE, 300), (&[1; 10_000], 20), (&[2; 700], 250)];
    for (value, count) in steps {
        store.checkpoint().unwrap();
        let written = write(&store, value, count);
        assert!(store.journal_stats().journal_bytes > 1 << 20, "it waits in the journal");
        // What is kept for deletions was needed for them, or the stranger got it.
        std::fs::remove_file(dir.join("reserve")).unwrap();
        // The disk ends before the stranger does.
        assert!(std::fs::write(&stranger, vec![1; 32 << 20]).is_err());
        store.checkpoint().unwrap();
        written.check(&store);
        drop(store);
        store = open(2);
        written.check(&store);
        std::fs::remove_file(&stranger).unwrap();
    }
}

#[test]
fn a_store_opens_on_a_disk_that_others_filled() {
    let Some(disk) = SmallDisk::mount() else { return };
    let dir = disk.0.path().join("store");
    drop(LmdbStore::open(&dir, &options(1)).unwrap());
    // Nothing is left but the reserve.
    let stranger = disk.0.path().join("stranger");
    assert!(std::fs::write(&stranger, vec![1; 8 << 20]).is_err());
    let store = LmdbStore::open(&dir, &options(2)).unwrap();
    assert!(!dir.join("reserve").exists(), "opening took no room");
    assert_eq!(fill(&store, &mut Model::default(), 0), CommitError::DiskFull);
    std::fs::remove_file(&stranger).unwrap();
    let mut model = Model::default();
    commit(&store, &[model.put("p", "s", Some(&VALUE))]);
    model.check(&store);
}
