//! What is a journalled store's alone: recovery, checkpoints beside readers and writers, and files that do not belong.

use crate::model::{JOURNAL, JOURNAL_BYTES, Model, commit, key, open_journalled, options};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use troupe_actors::causality::Item;
use troupe_actors::store::journal::JournalError;
use troupe_actors::store::journalled::{NodeStore, Step};
use troupe_actors::store::lmdb::OpenError;
use troupe_actors::store::{Snapshot, Store};

/// Commits so many groups of three items.
fn write_groups(store: &NodeStore, model: &mut Model, groups: std::ops::Range<usize>) {
    for group in groups {
        let put = |n: usize| model.put(["p", "q", "r"][n], &format!("{group:04}"), Some(&[n as u8; 100]));
        let writes: Vec<_> = (0..3).map(put).collect();
        commit(store, &writes);
    }
}

#[test]
fn a_store_that_was_not_closed_finds_everything_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    for round in 0..5 {
        let store = open_journalled(dir.path(), 1);
        model.check(&store);
        write_groups(&store, &mut model, round * 10..(round + 1) * 10);
        // In every second round a checkpoint is cut short.
        for _ in 0..round % 2 * 7 {
            store.checkpoint_step(5).unwrap();
        }
        model.check(&store);
    }
    let store = open_journalled(dir.path(), 1);
    assert_eq!(store.journal_stats().lag_groups, 50);
    store.checkpoint().unwrap();
    assert_eq!(store.journal_stats().lag_groups, 0);
    model.check(&store);
}

#[test]
fn the_journal_goes_round_and_is_found_wherever_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let value = [7; 20_000];
    for round in 0..30 {
        let store = open_journalled(dir.path(), 1);
        for n in 0..3 {
            commit(&store, &[model.put("p", &format!("{}", n % 2), Some(&value[..round * 600]))]);
        }
        model.check(&store);
    }
}

#[test]
fn a_group_larger_than_the_journal_goes_to_the_tree_after_all_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let huge = vec![9; JOURNAL_BYTES as usize];
    let store = open_journalled(dir.path(), 1);
    write_groups(&store, &mut model, 0..3);
    commit(&store, &[model.put("p", "huge", Some(&huge)), model.put("p", "0001", None)]);
    assert_eq!(store.journal_stats().journal_bytes, 0);
    model.check(&store);
    write_groups(&store, &mut model, 3..5);
    assert_eq!(store.last_commit().sequence, 6);
    drop(store);
    let store = open_journalled(dir.path(), 1);
    model.check(&store);
    assert_eq!(store.last_commit().sequence, 6);
}

#[test]
fn a_snapshot_is_of_one_moment_whatever_the_checkpoint_does() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_journalled(dir.path(), 1);
    let mut model = Model::default();
    let names = ["a", "b", "c", "d", "e"];
    let mut group = |n: u32| names.map(|name| model.put("p", name, Some(&n.to_be_bytes())));
    commit(&store, &group(0));
    let is_done = AtomicBool::new(false);
    let number = |item: Option<Item<'_>>| {
        let item = item.unwrap();
        u32::from_be_bytes(item.values()[0].bytes().unwrap().try_into().unwrap())
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..300 {
                commit(&store, &group(n));
            }
            is_done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !is_done.load(Ordering::Acquire) {
                store.checkpoint_step(2).unwrap();
            }
        });
        let mut newest = 0;
        while !is_done.load(Ordering::Acquire) {
            let snapshot = store.snapshot().unwrap();
            let seen = names.map(|name| number(snapshot.item(&key("p", name)).unwrap()));
            assert!(seen.iter().all(|n| *n == seen[0]), "parts of several groups: {seen:?}");
            assert!(seen[0] >= newest, "{} after {newest}", seen[0]);
            newest = seen[0];
        }
    });
    model.check(&store);
}

#[test]
fn checkpoints_in_the_background_keep_the_journal_from_filling_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_journalled(dir.path(), 1);
    let mut model = Model::default();
    std::thread::scope(|scope| {
        let checkpoints = scope.spawn(|| store.run_checkpoints());
        // Ten times what the journal holds.
        let value = vec![1; JOURNAL_BYTES as usize / 16];
        for n in 0..160 {
            commit(&store, &[model.put("p", &format!("{}", n % 20), Some(&value))]);
        }
        store.stop_background();
        checkpoints.join().unwrap().unwrap();
    });
    model.check(&store);
    drop(store);
    model.check(&open_journalled(dir.path(), 1));
}

#[test]
fn a_checkpoint_that_has_nothing_to_do_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_journalled(dir.path(), 1);
    let mut model = Model::default();
    assert_eq!(store.checkpoint_step(9), Ok(Step::Idle));
    commit(&store, &[model.put("p", "s", Some(b"v"))]);
    // The item, its partition, and the partition's names.
    assert_eq!(store.checkpoint_step(1), Ok(Step::Partial));
    assert_eq!(store.checkpoint_step(1), Ok(Step::Partial));
    assert_eq!(store.checkpoint_step(1), Ok(Step::Finished));
    assert_eq!(store.checkpoint_step(1), Ok(Step::Idle));
    model.check(&store);
}

fn refusal(dir: &Path) -> JournalError {
    match NodeStore::open(dir, &options(2), JOURNAL) {
        Err(OpenError::Journal { path, source }) => {
            assert_eq!(path, dir.join("journal"));
            source
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_journal_that_is_missing_or_empty_is_refused_and_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    write_groups(&open_journalled(dir.path(), 1), &mut model, 0..3);
    let journal = dir.path().join("journal");
    let kept = dir.path().join("kept");
    fs::rename(&journal, &kept).unwrap();
    assert!(matches!(refusal(dir.path()), JournalError::Io(_)));
    assert!(!journal.exists());
    fs::write(&journal, b"").unwrap();
    assert!(matches!(refusal(dir.path()), JournalError::Foreign));
    fs::rename(&kept, &journal).unwrap();
    model.check(&open_journalled(dir.path(), 3));
}

#[test]
fn a_journal_of_another_store_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open_journalled(dir.path(), 1));
    drop(open_journalled(other.path(), 2));
    fs::copy(other.path().join("journal"), dir.path().join("journal")).unwrap();
    assert!(matches!(refusal(dir.path()), JournalError::Foreign));
}

#[test]
fn a_damaged_record_with_good_ones_behind_it_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    write_groups(&open_journalled(dir.path(), 1), &mut model, 0..3);
    let journal = dir.path().join("journal");
    let file = fs::File::options().read(true).write(true).open(&journal).unwrap();
    // A group takes two sectors behind the first page.
    let at = 4096 + 1024 + 100;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    let error = refusal(dir.path());
    let text = error.to_string();
    assert!(matches!(error, JournalError::Gap(_)), "{error}");
    assert!(text.contains("record 2 should begin at byte 5120"), "{text}");
    file.write_all_at(&byte, at).unwrap();
    model.check(&open_journalled(dir.path(), 3));
}

#[test]
fn a_tree_or_a_journal_of_another_time_is_refused() {
    let (dir, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut model = Model::default();
    let store = open_journalled(dir.path(), 1);
    write_groups(&store, &mut model, 0..3);
    drop(store);
    for name in ["data.mdb", "journal"] {
        fs::copy(dir.path().join(name), image.path().join(name)).unwrap();
    }
    let store = open_journalled(dir.path(), 1);
    // Half of a checkpoint, then more than once round.
    write_groups(&store, &mut model, 3..6);
    store.checkpoint_step(2).unwrap();
    drop(store);
    let (now, older) = (dir.path().join("journal"), image.path().join("journal"));
    let kept = fs::read(&now).unwrap();
    fs::copy(older, &now).unwrap();
    let text = refusal(dir.path()).to_string();
    assert!(text.contains("it ends before record 4"), "{text}");
    fs::write(&now, kept).unwrap();
    let store = open_journalled(dir.path(), 1);
    model.check(&store);
    for round in 0..30 {
        write_groups(&store, &mut model, 10 + round * 20..30 + round * 20);
    }
    drop(store);
    fs::copy(image.path().join("data.mdb"), dir.path().join("data.mdb")).unwrap();
    let text = refusal(dir.path()).to_string();
    assert!(text.contains("record 1 should begin"), "{text}");
}
