use crate::replication::index::{IndexPage, IndexReader, Next};
use crate::store::counters::PartitionCounters;
use crate::store::partition::PartitionState;
use crate::store::range::KeyRange;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What a reader shows of partitions that lie in several stores, asked for `rows_max` at a time.
fn read(
    stores: &[BTreeSet<String>],
    range: &KeyRange,
    limit: Option<u64>,
    rows_max: usize,
) -> (Vec<String>, Option<String>) {
    let mut reader = IndexReader::new(stores.len(), range, limit);
    let mut shown = Vec::new();
    loop {
        match reader.proceed() {
            Next::Ask { source, range } => {
                let mut rows: Vec<_> = stores[source].iter().filter(|key| range.contains(key)).collect();
                if range.descending {
                    rows.reverse();
                }
                rows.truncate(rows_max);
                let upto = rows.get(rows_max - 1).map(|key| (*key).clone());
                let rows = rows.into_iter().map(|key| (key.clone(), state(key))).collect();
                reader.page(source, IndexPage { rows, upto });
            }
            Next::Show(key, _) => shown.push(key),
            Next::End(next) => return (shown, next),
        }
    }
}

/// A partition whose key ends in `0` holds nothing any more.
fn state(key: &str) -> PartitionState {
    let entries = u64::from(!key.ends_with('0'));
    PartitionState {
        counters: PartitionCounters { entries, ..PartitionCounters::default() },
        ..PartitionState::default()
    }
}

proptest! {
    #[test]
    fn the_index_of_several_stores_is_one_list_in_key_order(
        partitions in proptest::collection::btree_map("[a-c]{1,2}[01]", 0..3_usize, 0..30),
        count in 1..=3_usize,
        prefix in "[a-c]{0,1}",
        descending: bool,
        limit in proptest::option::of(0..6_u64),
        rows_max in 1..5_usize,
    ) {
        let partitions: BTreeMap<String, usize> = partitions;
        let mut stores = vec![BTreeSet::new(); count];
        for (key, store) in &partitions {
            stores[store % count].insert(key.clone());
        }
        let range = KeyRange { descending, ..KeyRange::prefix(&prefix) };
        let mut expected: Vec<String> = partitions.into_keys().filter(|key| range.contains(key)).collect();
        expected.retain(|key| state(key).counters.entries > 0);
        if descending {
            expected.reverse();
        }
        let rest = expected.split_off(limit.map_or(expected.len(), |limit| expected.len().min(limit as usize)));
        prop_assert_eq!(read(&stores, &range, limit, rows_max), (expected, rest.into_iter().next()));
    }
}
