//! An epoch is resumed only where nothing can have been forgotten.

use crate::model::{Model, commit, open_journalled as open};
use std::fs;
use std::path::Path;
use troupe_actors::store::{Epoch, Store};

/// Opens, writes something, and closes cleanly. The epoch it was in.
fn session(dir: &Path, fresh_epoch: u64) -> Epoch {
    let store = open(dir, fresh_epoch);
    commit(&store, &[Model::default().put("p", &format!("s{fresh_epoch}"), Some(b"v"))]);
    store.close_clean().unwrap();
    store.epoch()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_new_folder_begins_the_fresh_epoch_and_clean_closes_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(session(dir.path(), 1), Epoch(1));
    assert_eq!(session(dir.path(), 2), Epoch(1));
    assert_eq!(session(dir.path(), 3), Epoch(1));
}

#[test]
fn after_an_unclean_close_a_new_epoch_begins() {
    let dir = tempfile::tempdir().unwrap();
    session(dir.path(), 1);
    drop(open(dir.path(), 2));
    assert_eq!(session(dir.path(), 3), Epoch(3));
    assert_eq!(session(dir.path(), 4), Epoch(3));
}

#[test]
fn an_older_image_that_is_copied_back_begins_a_new_epoch() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, image) = (dir.path().join("data.mdb"), backup.path().join("data.mdb"));
    session(dir.path(), 1);
    fs::copy(&data, &image).unwrap();
    session(dir.path(), 2);
    fs::copy(&image, &data).unwrap();
    assert_eq!(session(dir.path(), 3), Epoch(3));
}

#[test]
fn an_image_that_is_copied_back_after_a_crash_begins_a_new_epoch() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, image) = (dir.path().join("data.mdb"), backup.path().join("data.mdb"));
    session(dir.path(), 1);
    fs::copy(&data, &image).unwrap();
    drop(open(dir.path(), 2));
    fs::copy(&image, &data).unwrap();
    assert_eq!(session(dir.path(), 3), Epoch(3));
}

#[test]
fn a_whole_folder_that_is_copied_back_begins_a_new_epoch() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    session(dir.path(), 1);
    copy(dir.path(), backup.path());
    session(dir.path(), 2);
    copy(backup.path(), dir.path());
    assert_eq!(session(dir.path(), 3), Epoch(3), "copied over the files that were there");

    copy(dir.path(), backup.path());
    session(dir.path(), 4);
    fs::remove_dir_all(dir.path()).unwrap();
    fs::create_dir(dir.path()).unwrap();
    copy(backup.path(), dir.path());
    assert_eq!(session(dir.path(), 5), Epoch(5), "copied into an empty folder");
}

#[test]
fn a_folder_that_is_moved_keeps_its_epoch() {
    let parent = tempfile::tempdir().unwrap();
    let (old, new) = (parent.path().join("old"), parent.path().join("new"));
    session(&old, 1);
    fs::rename(&old, &new).unwrap();
    assert_eq!(session(&new, 2), Epoch(1));
}

#[test]
fn what_was_committed_is_there_after_clean_and_unclean_closes() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    for round in 0..6u64 {
        let store = open(dir.path(), round);
        model.check(&store);
        commit(&store, &[model.put("p", &format!("s{round}"), Some(b"v")), model.put("q", "s", Some(b"v"))]);
        if round % 2 == 0 {
            store.close_clean().unwrap();
        }
    }
    model.check(&open(dir.path(), 9));
}
