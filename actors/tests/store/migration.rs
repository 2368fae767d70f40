//! Stores of earlier formats are opened, and go on as stores of today's.

use crate::model::{Model, commit, open, open_journalled};
use std::fs;
use troupe_actors::ids::{ActorId, ShardIndex};
use troupe_actors::store::{Epoch, ShardMeta, Snapshot, Store, Write};

/// A `data.mdb` of format 1, which had no journal, without the zeros behind its last page.
const FORMAT_1: &[u8] = include_bytes!("fixtures/format-1.mdb");

/// What the fixture holds. It was written by the last version of that format, group by group.
fn groups(model: &mut Model) -> Vec<Vec<Write>> {
    let meta = ShardMeta { epoch: Epoch(1), actors: vec![ActorId(7)], watermark: 60_000 };
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
