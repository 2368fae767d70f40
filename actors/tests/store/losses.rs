//! What was stored is gone: refused, and nothing is made in its place.

use crate::model::{Model, commit, open, options};
use std::fs::{self, File};
use std::path::Path;
use troupe_actors::store::journalled::{Durability, LanesOptions};
use troupe_actors::store::lmdb::{LmdbStore, Loss, OpenError};
use troupe_actors::store::set::StoreSet;
use troupe_actors::store::{Epoch, Store};

fn lanes(lanes_if_new: u16) -> LanesOptions {
    LanesOptions {
        lanes_if_new,
        map_size: 64 << 20,
        durability: Durability::Relaxed,
        journal_bytes_max: 1 << 20,
        fresh_epoch: Epoch(1),
    }
}

/// Makes the environments of a node, and closes them.
fn node_with(lanes_if_new: u16) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    StoreSet::open_all(home.path(), &lanes(lanes_if_new)).unwrap().close_clean().unwrap();
    home
}

/// The message, after making sure that it names the loss, and that nothing was touched but by the damage.
#[track_caller]
fn refusal(home: &Path, lanes_if_new: u16, expect: Loss) -> String {
    let error = StoreSet::open_all(home, &lanes(lanes_if_new)).unwrap_err();
    assert!(matches!(&error, OpenError::Lost { loss, .. } if *loss == expect), "{error}");
    error.to_string()
}

fn truncate(file: &Path, bytes: u64) {
    File::options().write(true).open(file).unwrap().set_len(bytes).unwrap();
}

#[test]
fn a_store_file_that_is_missing_or_empty_is_refused() {
    for lanes in [1, 2] {
        for damaged in 0..lanes {
            let home = node_with(lanes);
            let data = home.path().join(format!("store/lane-{damaged}-of-{lanes}/data.mdb"));
            truncate(&data, 0);
            refusal(home.path(), lanes, Loss::Empty);
            fs::remove_file(&data).unwrap();
            refusal(home.path(), lanes, Loss::Missing);
            assert!(!data.exists());
        }
    }
}

#[test]
fn a_lane_whose_folder_was_emptied_or_removed_is_refused() {
    for lanes in [1, 2] {
        for damaged in 0..lanes {
            let home = node_with(lanes);
            let folder = home.path().join(format!("store/lane-{damaged}-of-{lanes}"));
            fs::remove_dir_all(&folder).unwrap();
            refusal(home.path(), lanes, Loss::Folder);
            fs::create_dir(&folder).unwrap();
            refusal(home.path(), lanes, Loss::Missing);
        }
    }
}

/// As when the volume that it lies on is not mounted.
#[test]
fn a_node_whose_whole_store_is_gone_is_refused_until_its_folder_is_removed() {
    let home = node_with(2);
    fs::remove_dir_all(home.path().join("store")).unwrap();
    let message = refusal(home.path(), 2, Loss::Folder);
    assert!(message.contains("Restore it from a backup"), "{message}");
    assert!(message.ends_with(&format!("remove {}", home.path().display())), "{message}");
    fs::remove_dir_all(home.path()).unwrap();
    assert_eq!(StoreSet::open_all(home.path(), &lanes(3)).unwrap().lanes(), 3);
}

#[test]
fn a_refused_lane_leaves_the_epoch_of_the_others_alone() {
    let home = node_with(2);
    let (folder, aside) = (home.path().join("store/lane-0-of-2"), home.path().join("aside"));
    fs::rename(&folder, &aside).unwrap();
    refusal(home.path(), 2, Loss::Folder);
    fs::rename(&aside, &folder).unwrap();
    let set = StoreSet::open_all(home.path(), &LanesOptions { fresh_epoch: Epoch(2), ..lanes(2) }).unwrap();
    let epochs: Vec<_> = set.iter().map(|store| store.epoch()).collect();
    assert_eq!(epochs[1], Epoch(1));
}

/// LMDB maps such a file, and the process dies by SIGBUS at the first page that is missing.
#[test]
fn a_store_file_that_was_cut_short_is_refused_before_it_is_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1);
    let mut model = Model::default();
    let writes: Vec<_> = (0..300).map(|n| model.put("p", &format!("{n}"), Some(&[1; 9000]))).collect();
    commit(&store, &writes);
    let needed_bytes = store.stats().unwrap().file_bytes;
    drop(store);

    let data = dir.path().join("data.mdb");
    let whole = fs::read(&data).unwrap();
    for bytes in [1, 151, 152, 4096, 8192, 100_000, needed_bytes / 2, needed_bytes - 1] {
        truncate(&data, bytes);
        let error = LmdbStore::open(dir.path(), &options(2)).unwrap_err();
        let OpenError::Lost { loss: Loss::Short { bytes: found, needed_bytes: needed }, .. } = error else {
            panic!("{bytes}: {error}")
        };
        assert_eq!(found, bytes);
        assert!(needed == needed_bytes || bytes <= 4096, "{needed} instead of {needed_bytes}");
        assert_eq!(fs::metadata(&data).unwrap().len(), bytes, "left as it was");
        fs::write(&data, &whole).unwrap();
    }
    truncate(&data, needed_bytes);
    model.check(&open(dir.path(), 2));
}

#[test]
fn a_first_start_that_was_cut_short_is_taken_up() {
    let home = node_with(2);
    // As it was before the last lane was made; then before the file of the first one to be made was written.
    fs::remove_file(home.path().join("has-store")).unwrap();
    fs::remove_dir_all(home.path().join("store/lane-0-of-2")).unwrap();
    drop(StoreSet::open_all(home.path(), &lanes(3)).unwrap());
    assert!(home.path().join("store/lane-0-of-2").is_dir(), "the number of lanes was chosen already");

    fs::remove_file(home.path().join("has-store")).unwrap();
    fs::remove_dir_all(home.path().join("store/lane-0-of-2")).unwrap();
    let folder = home.path().join("store/lane-1-of-2");
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    for name in ["in-use", "lock.mdb", "data.mdb"] {
        fs::write(folder.join(name), b"").unwrap();
        assert_eq!(StoreSet::open_all(home.path(), &lanes(2)).unwrap().lanes(), 2);
        fs::remove_file(home.path().join("has-store")).unwrap();
        fs::remove_dir_all(home.path().join("store/lane-0-of-2")).unwrap();
        for made in ["data.mdb", "reserve"] {
            fs::remove_file(folder.join(made)).unwrap();
        }
    }
}
