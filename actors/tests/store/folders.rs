//! The folders of a node's environments.

use crate::model::{Model, commit, open, options};
use std::fs;
use troupe_actors::store::journalled::{Durability, LanesOptions};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore, Loss, OpenError};
use troupe_actors::store::set::StoreSet;
use troupe_actors::store::{Epoch, LaneId, Store};

fn lanes(lanes_if_new: u16) -> LanesOptions {
    LanesOptions {
        lanes_if_new,
        map_size: 64 << 20,
        durability: Durability::Relaxed,
        journal_bytes_max: 1 << 20,
        fresh_epoch: Epoch(1),
    }
}

#[test]
fn a_folder_is_open_once_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1);
    let second = LmdbStore::open(dir.path(), &options(2));
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    drop(store);
    open(dir.path(), 3);
}

#[test]
fn an_environment_stays_the_lane_that_it_was_made_as() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), 1));
    let other = LmdbOptions { lane: LaneId { lane: 0, lanes: 2 }, ..options(2) };
    let refused = LmdbStore::open(dir.path(), &other);
    assert!(matches!(refused, Err(OpenError::OtherLane { .. })), "{refused:?}");
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.mdb"), vec![b'x'; 40_000]).unwrap();
    let refused = LmdbStore::open(dir.path(), &options(1));
    assert!(matches!(refused, Err(OpenError::Lost { loss: Loss::Damaged, .. })), "{refused:?}");
}

#[test]
fn the_number_of_lanes_is_chosen_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let write = model.put("p", "s", Some(b"v"));
    let shard = crate::model::partition("p").shard();
    {
        let set = StoreSet::open_all(dir.path(), &lanes(3)).unwrap();
        assert_eq!(set.lanes(), 3);
        commit(&**set.store_of(shard), std::slice::from_ref(&write));
        set.close_clean().unwrap();
    }
    let set = StoreSet::open_all(dir.path(), &lanes(1)).unwrap();
    assert_eq!(set.lanes(), 3);
    model.check(&**set.store_of(shard));
    assert!(set.iter().all(|store| store.epoch() == Epoch(1)));
}

#[test]
fn an_environment_says_how_full_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1);
    let empty = store.stats().unwrap();
    assert_eq!((empty.map_bytes, empty.items, empty.partitions), (64 << 20, 0, 0));
    let mut model = Model::default();
    let writes: Vec<_> = (0..100).map(|n| model.put("p", &format!("{n}"), Some(&[1; 10_000]))).collect();
    commit(&store, &writes);
    let full = store.stats().unwrap();
    assert_eq!((full.items, full.partitions), (100, 1));
    assert!(full.used_bytes - empty.used_bytes >= 1_000_000 && full.used_bytes <= full.file_bytes);
    assert!(full.file_bytes < full.map_bytes);
}

#[test]
fn the_file_is_longer_than_what_is_used_so_that_few_commits_make_it_grow() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1);
    let mut model = Model::default();
    let mut lengths = std::collections::BTreeSet::new();
    for n in 0..500 {
        commit(&store, &[model.put("p", &format!("{n}"), Some(&[1; 3000]))]);
        let length = fs::metadata(dir.path().join("data.mdb")).unwrap().len();
        assert!(length >= store.stats().unwrap().file_bytes);
        lengths.insert(length);
    }
    assert!(lengths.len() < 10, "it grew {} times", lengths.len());
    model.check(&store);
    drop(store);
    model.check(&open(dir.path(), 2));
}
