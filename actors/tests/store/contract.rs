//! What every store keeps to.

use crate::checkpointed::Checkpointed;
use crate::counting::counters_equal_a_full_count_whatever_is_written;
use crate::model::{BUCKET, Model, commit, index, items, key, open, open_journalled, partition};
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use troupe_actors::ids::{ActorId, BucketId, Partition, PartitionKey, ShardIndex};
use troupe_actors::limits::SORT_KEY_BYTES_MAX;
use troupe_actors::store::memory::MemoryStore;
use troupe_actors::store::partition::StoredPartition;
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::segments::Segment;
use troupe_actors::store::{CommitError, Epoch, ShardMeta, Shown, Snapshot, Store, Write};

macro_rules! contract {
    ($store:ident, $open:expr, [$($law:ident),* $(,)?]) => {
        mod $store {
            use super::*;

            $(#[test]
            fn $law() {
                super::$law(|dir| $open(dir));
            })*
        }
    };
}

macro_rules! contracts {
    ($laws:tt) => {
        contract!(memory, |_: &Path| MemoryStore::new(Epoch(1)), $laws);
        contract!(lmdb, |dir: &Path| open(dir, 1), $laws);
        contract!(journalled, |dir: &Path| open_journalled(dir, 1), $laws);
        contract!(checkpointed, |dir: &Path| Checkpointed::new(open_journalled(dir, 1)), $laws);
    };
}

contracts!([
    an_item_is_what_was_last_written_to_it,
    the_last_of_several_writes_in_one_commit_wins,
    a_range_shows_its_items_in_its_direction,
    a_range_of_partitions_shows_those_that_hold_something,
    items_and_partitions_are_ordered_by_the_bytes_of_their_keys,
    the_longest_keys_are_stored,
    a_scan_stops_where_it_is_told_to,
    a_segment_shows_its_partitions_and_their_items_by_place,
    a_bucket_shows_no_partition_of_another,
    a_commit_that_fails_changes_nothing,
    a_snapshot_does_not_see_later_commits,
    a_shard_finds_what_it_kept_beside_its_items,
    control_rows_are_listed_by_key,
    counters_equal_a_full_count_whatever_is_written,
]);

fn fresh<S>(open: impl Fn(&Path) -> S) -> (S, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (open(dir.path()), dir)
}

fn an_item_is_what_was_last_written_to_it<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    assert_eq!(store.snapshot().unwrap().item(&key("p", "s")), Ok(None));
    commit(&store, &[model.put("p", "s", Some(b"one"))]);
    model.check(&store);
    commit(&store, &[model.add("p", "s", Some(b"two")), model.put("p", "t", Some(b""))]);
    model.check(&store);
    commit(&store, &[model.put("p", "s", None)]);
    model.check(&store);
    assert_eq!(store.snapshot().unwrap().item(&key("q", "s")), Ok(None));
}

fn the_last_of_several_writes_in_one_commit_wins<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    let writes = [
        model.put("p", "s", Some(b"one")),
        model.put("q", "s", Some(b"other")),
        model.put("p", "s", None),
        model.put("p", "s", Some(b"last")),
    ];
    commit(&store, &writes);
    model.check(&store);
}

/// Every pair of bounds over these keys, in both directions.
fn ranges(bounds: &[&[u8]]) -> Vec<KeyRange> {
    let ends = |key: &&[u8]| [Bound::Included(key.to_vec()), Bound::Excluded(key.to_vec())];
    let mut bounds: Vec<Bound<Vec<u8>>> = bounds.iter().flat_map(ends).collect();
    bounds.push(Bound::Unbounded);
    let pairs = bounds.iter().flat_map(|low| bounds.iter().map(move |high| (low.clone(), high.clone())));
    let range = |(low, high): (Bound<Vec<u8>>, Bound<Vec<u8>>)| {
        [false, true].map(|descending| KeyRange { low: low.clone(), high: high.clone(), descending })
    };
    pairs.flat_map(range).collect()
}

fn too_long() -> Vec<u8> {
    let mut bound = b"b".repeat(SORT_KEY_BYTES_MAX);
    bound.extend(b"tail");
    bound
}

fn a_range_shows_its_items_in_its_direction<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    let longest = "b".repeat(SORT_KEY_BYTES_MAX);
    let names = ["a", "aa", "b", longest.as_str(), "ba", "c", "ü", "\u{10ffff}"];
    let writes: Vec<_> = names.iter().map(|name| model.put("p", name, Some(name.as_bytes()))).collect();
    commit(&store, &writes);
    // Neighbours on the ring must not show, whichever side they are on.
    for other in ["n", "o", "q", "r", "s"] {
        commit(&store, &[model.put(other, "b", Some(b"stranger"))]);
    }
    let snapshot = store.snapshot().unwrap();
    for range in ranges(&[b"", b"a", b"b", b"bz", b"c\0", &too_long(), b"\xff"]) {
        let mut expected = model.items("p");
        expected.retain(|(name, _)| range.contains(name));
        if range.descending {
            expected.reverse();
        }
        assert_eq!(items(&snapshot, "p", &range), expected, "{range:?}");
    }
    let prefixed: Vec<_> =
        items(&snapshot, "p", &KeyRange::prefix("b")).into_iter().map(|(k, _)| k).collect();
    assert_eq!(prefixed, ["b", "ba", longest.as_str()]);
}

fn a_range_of_partitions_shows_those_that_hold_something<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    for name in ["a", "aa", "b", "c", "ü"] {
        commit(&store, &[model.put(name, "s", Some(b"v")), model.put(name, "t", Some(b"v"))]);
    }
    commit(&store, &[model.put("b", "s", None), model.put("c", "s", None), model.put("c", "t", None)]);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(model.index().len(), 4, "the partition that holds only tombstones is gone");
    for range in ranges(&[b"", b"a", b"b", b"c\0", &too_long(), b"\xff"]) {
        let mut expected = model.index();
        expected.retain(|(name, _)| range.contains(name));
        if range.descending {
            expected.reverse();
        }
        assert_eq!(index(&snapshot, &range), expected, "{range:?}");
    }
}

fn items_and_partitions_are_ordered_by_the_bytes_of_their_keys<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    let in_order = [" ", "10", "9", "Z", "Za", "a", "z", "é", "日", "\u{10ffff}"];
    let writes: Vec<_> = in_order
        .iter()
        .rev()
        .flat_map(|name| [model.put("p", name, Some(b"v")), model.put(name, "s", Some(b"v"))])
        .collect();
    commit(&store, &writes);
    let snapshot = store.snapshot().unwrap();
    let stored: Vec<_> = items(&snapshot, "p", &KeyRange::all()).into_iter().map(|(key, _)| key).collect();
    assert_eq!(stored, in_order);
    let mut listed: Vec<_> = index(&snapshot, &KeyRange::all()).into_iter().map(|(key, _)| key).collect();
    listed.retain(|name| name != "p");
    assert_eq!(listed, in_order);
}

fn the_longest_keys_are_stored<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    let longest = "k".repeat(SORT_KEY_BYTES_MAX);
    commit(
        &store,
        &[model.put(&longest, &longest, Some(&[7; 100_000])), model.put(&longest, "s", Some(b"v"))],
    );
    model.check(&store);
}

fn a_scan_stops_where_it_is_told_to<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    for name in ["a", "b", "c"] {
        commit(&store, &[model.put("p", name, Some(b"v")), model.put(name, "s", Some(b"v"))]);
    }
    let snapshot = store.snapshot().unwrap();
    let mut seen = Vec::new();
    let mut visit = |key: &str, _: Shown<'_>| {
        seen.push(key.to_owned());
        if key == "b" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    snapshot.scan_items(partition("p").hash, &KeyRange::all(), &mut visit).unwrap();
    snapshot
        .scan_partitions(BUCKET, &KeyRange::all(), &mut |key, _| {
            seen.push(key.to_owned());
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(seen, ["a", "b", "a"]);
}

/// Partitions of which several lie in one segment, with two items each, and one of which only tombstones are left.
fn a_segment_shows_its_partitions_and_their_items_by_place<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    let segment = Segment::of(partition("0").hash);
    let mut names = ["0", "1", "2", "22274", "107940"].map(str::to_owned).to_vec();
    let writes: Vec<_> = names
        .iter()
        .flat_map(|name| [model.put(name, "a", Some(b"v")), model.put(name, "b", Some(name.as_bytes()))])
        .collect();
    commit(&store, &writes);
    commit(&store, &[model.put("0", "a", None), model.put("0", "b", None)]);
    names.retain(|name| Segment::of(partition(name).hash) == segment);
    names.sort_by_key(|name| partition(name).hash);
    assert_eq!(names.len(), 3, "these lie in one segment by chance");
    let expected: Vec<_> = names.iter().flat_map(|name| ["a", "b"].map(|key| (name.clone(), key))).collect();

    let snapshot = store.snapshot().unwrap();
    for from in 0..=expected.len() {
        let after = from.checked_sub(1).map(|last| key(&expected[last].0, expected[last].1));
        let mut shown = Vec::new();
        snapshot
            .scan_segment(segment, after.as_ref(), &mut |hash, sort_key, item| {
                let name = names.iter().find(|name| partition(name).hash == hash).unwrap();
                assert_eq!(item.unwrap().item, model.item(name, sort_key));
                shown.push((name.clone(), sort_key));
                if shown.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        let upto = expected.len().min(from + 3);
        assert_eq!(shown, expected[from..upto], "from {from}");
    }
    for from in 0..=names.len() {
        let after = from.checked_sub(1).map(|last| partition(&names[last]).hash);
        let mut shown = Vec::new();
        let mut visit = |stored: StoredPartition| {
            assert_eq!(model.partitions()[stored.partition.key.as_str()], stored.state);
            shown.push(stored.partition.key.as_str().to_owned());
            ControlFlow::Continue(())
        };
        snapshot.scan_segment_partitions(segment, after, &mut visit).unwrap();
        assert_eq!(shown, names[from..]);
    }
}

fn a_bucket_shows_no_partition_of_another<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    commit(&store, &[model.put("p", "s", Some(b"v"))]);
    for neighbour in [[0; 32], [2; 32], [0xff; 32]].map(BucketId) {
        let Write::PutItem { sort_key, row, delta, replaces_apart, grows, .. } =
            Model::default().put("x", "s", Some(b"v"))
        else {
            unreachable!("a put is a put");
        };
        let partition = Partition::new(neighbour, PartitionKey::new("x").unwrap());
        commit(&store, &[Write::PutItem { partition, sort_key, row, delta, replaces_apart, grows }]);
    }
    let snapshot = store.snapshot().unwrap();
    for range in ranges(&[b"x"]) {
        let expected = if range.contains("p") { model.index() } else { Vec::new() };
        assert_eq!(index(&snapshot, &range), expected, "{range:?}");
    }
    let mut of_last = Vec::new();
    snapshot
        .scan_partitions(BucketId([0xff; 32]), &KeyRange::all(), &mut |name, _| {
            of_last.push(name.to_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(of_last, ["x"], "the bucket after which there is none");
}

fn a_commit_that_fails_changes_nothing<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    commit(&store, &[model.put("p", "s", Some(b"v"))]);
    let before = model.clone();
    let mut miscounted = Model::default().put("zz", "s", None);
    if let Write::PutItem { delta, .. } = &mut miscounted {
        delta.counters.entries = -1;
    }
    let control = Write::PutControl { key: b"k".to_vec(), value: b"v".to_vec(), grows: true };
    let writes = [model.put("p", "s", None), model.put("a", "s", Some(b"v")), control, miscounted];
    let refused = store.commit(&mut writes.iter());
    assert!(matches!(refused, Err(CommitError::Broken(_))), "{refused:?}");
    before.check(&store);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.item(&key("a", "s")), Ok(None));
    assert_eq!(snapshot.item(&key("zz", "s")), Ok(None));
    assert_eq!(snapshot.control(), Ok(Vec::new()));
}

fn a_snapshot_does_not_see_later_commits<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let mut model = Model::default();
    commit(&store, &[model.put("p", "s", Some(b"before"))]);
    let (before, snapshot) = (model.clone(), store.snapshot().unwrap());
    commit(&store, &[model.put("p", "s", Some(b"after")), model.put("p", "t", Some(b"after"))]);
    assert_eq!(snapshot.item(&key("p", "s")).unwrap(), Some(before.item("p", "s")));
    assert_eq!(items(&snapshot, "p", &KeyRange::all()), before.items("p"));
    assert_eq!(index(&snapshot, &KeyRange::all()), before.index());
    drop(snapshot);
    model.check(&store);
}

fn a_shard_finds_what_it_kept_beside_its_items<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let [first, last] = [0, 1023].map(|index| ShardIndex::new(index).unwrap());
    assert_eq!(store.snapshot().unwrap().shard_meta(first), Ok(None));
    let meta = |watermark| ShardMeta::new(Epoch(5), vec![ActorId(1), ActorId(u64::MAX)], watermark);
    let put = |shard, watermark| Write::PutShardMeta { shard, meta: meta(watermark) };
    commit(&store, &[put(first, 1), put(last, 2), put(first, 3)]);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.shard_meta(first), Ok(Some(meta(3))));
    assert_eq!(snapshot.shard_meta(last), Ok(Some(meta(2))));
}

fn control_rows_are_listed_by_key<S: Store>(open: impl Fn(&Path) -> S) {
    let (store, _dir) = fresh(open);
    let put = |key: &[u8], value: &[u8]| Write::PutControl {
        key: key.to_vec(),
        value: value.to_vec(),
        grows: true,
    };
    commit(&store, &[put(b"b", b"1"), put(b"a", b"2"), put(b"b", b"3")]);
    commit(&store, &[put(b"\xff", b"")]);
    let rows = [(&b"a"[..], &b"2"[..]), (b"b", b"3"), (b"\xff", b"")];
    let rows = rows.map(|(key, value)| (key.to_vec(), value.to_vec())).to_vec();
    assert_eq!(store.snapshot().unwrap().control(), Ok(rows));
}
