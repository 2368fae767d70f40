//! Stores of earlier formats are opened, and go on as stores of today's.

use crate::model::{JOURNAL_BYTES, Model, commit, key, open, open_journalled};
use std::fs;
use troupe_actors::ids::{ActorId, ShardIndex};
use troupe_actors::store::{Epoch, ShardMeta, Snapshot, Store, Write};

/// A `data.mdb` of format 1, which had no journal, without the zeros behind its last page.
const FORMAT_1: &[u8] = include_bytes!("fixtures/format-1.mdb");

/// What the fixture holds. It was written by the last version of that format, group by group.
fn groups(model: &mut Model) -> Vec<Vec<Write>> {
    let meta = ShardMeta::new(Epoch(1), vec![ActorId(7)], 60_000);
    let control = |key: &[u8], value: &[u8]| Write::PutControl {
        key: key.to_vec(),
        value: value.to_vec(),
        grows: true,
    };
    vec![
        vec![
            model.put("p", "a", Some(b"one")),
            model.put("p", "b", Some(b"two")),
            model.put("q", "a", Some(&[5; 3000])),
        ],
        vec![model.add("p", "b", Some(b"concurrent")), model.put("p", "a", None)],
        vec![Write::PutShardMeta { shard: ShardIndex::new(3).unwrap(), meta }],
        vec![control(b"key", b"row"), control(b"other", b"row")],
    ]
}

fn check<S: Store>(store: &S, model: &Model) {
    model.check(store);
    let snapshot = store.snapshot().unwrap();
    let meta = snapshot.shard_meta(ShardIndex::new(3).unwrap()).unwrap().unwrap();
    assert_eq!((meta.epoch, meta.actors, meta.watermark), (Epoch(1), vec![ActorId(7)], 60_000));
    let keys: Vec<_> = snapshot.control().unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"key".to_vec(), b"other".to_vec()]);
}

#[test]
fn a_store_of_the_format_before_the_journal_is_opened_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.mdb"), FORMAT_1).unwrap();
    let mut model = Model::default();
    groups(&mut model);
    let store = open_journalled(dir.path(), 2);
    check(&store, &model);
    commit(&store, &[model.put("p", "a", Some(b"after"))]);
    assert_eq!(store.last_commit().sequence, 1);
    drop(store);
    let store = open_journalled(dir.path(), 3);
    check(&store, &model);
    store.close_clean().unwrap();
}

#[test]
fn a_migration_that_was_cut_short_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.mdb"), FORMAT_1).unwrap();
    // The tree is of today's format, and its journal was not finished.
    drop(open(dir.path(), 2));
    fs::write(dir.path().join("journal"), b"TRPJ").unwrap();
    let mut model = Model::default();
    groups(&mut model);
    check(&open_journalled(dir.path(), 3), &model);
}

/// A `data.mdb` of format 2 and its journal, without the zeros at their ends. The process that had them open was killed.
const FORMAT_2: &[u8] = include_bytes!("fixtures/format-2.mdb");
const FORMAT_2_JOURNAL: &[u8] = include_bytes!("fixtures/format-2.journal");

/// What the fixture holds: beside the groups of format 1 a partition of which only tombstones are left, and rows that
/// only the journal has.
fn groups_of_format_2(model: &mut Model) {
    groups(model);
    for n in 0..40 {
        model.put(&format!("many-{}", n % 8), &format!("{n:02}"), Some(&[n; 20]));
    }
    for (sort_key, value) in [("a", Some(b"x")), ("b", Some(b"y")), ("a", None), ("b", None)] {
        model.put("gone", sort_key, value.map(|value| &value[..]));
    }
    model.put("p", "a", Some(b"in the journal"));
    model.put("many-1", "01", None);
    model.put("late", "a", Some(b"in the journal only"));
}

#[test]
fn a_store_of_format_2_is_migrated_with_what_its_journal_holds() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.mdb"), FORMAT_2).unwrap();
    let mut journal = FORMAT_2_JOURNAL.to_vec();
    journal.resize(JOURNAL_BYTES as usize + 4096, 0);
    fs::write(dir.path().join("journal"), journal).unwrap();
    let mut model = Model::default();
    groups_of_format_2(&mut model);
    // Nobody knows the names of a partition of which only tombstones are left.
    for sort_key in ["a", "b"] {
        model.forget("gone", sort_key);
    }
    let store = open_journalled(dir.path(), 2);
    check(&store, &model);
    assert_eq!(store.snapshot().unwrap().item(&key("gone", "a")), Ok(None));
    commit(&store, &[model.put("p", "a", Some(b"after")), model.put("gone", "a", Some(b"again"))]);
    drop(store);
    let store = open_journalled(dir.path(), 3);
    check(&store, &model);
    store.close_clean().unwrap();
}
