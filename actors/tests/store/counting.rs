//! The counters of partitions, against a full count.

use crate::model::{Model, commit};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use troupe_actors::store::Store;

/// One write: where, what, and whether it is concurrent to what is there.
type Step = (usize, usize, Option<Vec<u8>>, bool);

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let value = prop::option::weighted(0.6, prop::collection::vec(any::<u8>(), 0..4));
    let step = (0..3usize, 0..4usize, value, any::<bool>());
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
            for (partition, item, value, is_concurrent) in steps {
                let (partition, item) = (["p", "q", "r"][partition], ["a", "b", "c", "d"][item]);
                writes.push(if is_concurrent {
                    model.add(partition, item, value.as_deref())
                } else {
                    model.put(partition, item, value.as_deref())
                });
            }
            commit(&store, &writes);
            model.check(&store);
        }
        Ok(())
    });
    outcome.unwrap();
}
