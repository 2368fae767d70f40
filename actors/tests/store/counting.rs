//! The counters of partitions, against a full count.

use crate::model::{Model, commit, partition};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use troupe_actors::store::{Snapshot, Store};

/// One write: where, what, and how.
type Step = (usize, usize, Option<Vec<u8>>, How);

#[derive(Clone, Copy, Debug)]
enum How {
    Over,
    Beside,
    /// Nothing is written: the row is removed, if there is one.
    Removed,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    // Long values lie apart from their items.
    let long = (4090..4110usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
    let short = prop::collection::vec(any::<u8>(), 0..4);
    let value = prop::option::weighted(0.6, prop_oneof![3 => short, 1 => long]);
    let how = prop_oneof![3 => Just(How::Over), 3 => Just(How::Beside), 2 => Just(How::Removed)];
    let step = (0..3usize, 0..4usize, value, how);
    prop::collection::vec(prop::collection::vec(step, 0..12), 0..12)
}

pub(crate) fn counters_equal_a_full_count_whatever_is_written<S: Store>(open: impl Fn(&Path) -> S) {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |commits| {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut model = Model::default();
        for steps in commits {
            let mut writes = Vec::new();
            for (partition, item, value, how) in steps {
                let (partition, item) = (["p", "q", "r"][partition], ["a", "b", "c", "d"][item]);
                match how {
                    How::Over => writes.push(model.put(partition, item, value.as_deref())),
                    How::Beside => writes.push(model.add(partition, item, value.as_deref())),
                    How::Removed if model.item(partition, item).is_empty() => {}
                    How::Removed => writes.push(model.remove(partition, item)),
                }
            }
            commit(&store, &writes);
            model.check(&store);
            for partition in ["p", "q", "r"].map(partition) {
                let is_there = model.partitions().contains_key(partition.key.as_str());
                let stored = store.snapshot().unwrap().partition(partition.hash).unwrap();
                assert_eq!(stored.is_some(), is_there, "its names are kept with its last row, and no longer");
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
