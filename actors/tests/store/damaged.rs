//! Rows of items that were damaged on the disk.

use crate::model::{Model, commit, key, partition};
use std::ops::ControlFlow;
use troupe_actors::store::memory::MemoryStore;
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::rows::{Keyspace, RowChange, RowView};
use troupe_actors::store::segments::Segment;
use troupe_actors::store::tree::Tree;
use troupe_actors::store::{Epoch, Snapshot, Store, StoreError};

/// A store of three items, of which the second has a bit changed.
fn damaged() -> MemoryStore {
    let store = MemoryStore::new(Epoch(1));
    let mut model = Model::default();
    commit(&store, &["a", "b", "c"].map(|name| model.put("p", name, Some(b"value"))));
    let mut raw = partition("p").hash.0.to_vec();
    raw.push(b'b');
    let mut row = store.view().unwrap().row(Keyspace::Items, &raw).unwrap().unwrap().to_vec();
    *row.last_mut().unwrap() ^= 1;
    let change = RowChange { keyspace: Keyspace::Items, key: &raw, value: Some(&row) };
    store.apply(&mut std::iter::once(change)).unwrap();
    store
}

#[test]
fn a_damaged_item_is_told_from_a_missing_one_and_named() {
    let store = damaged();
    let snapshot = store.snapshot().unwrap();
    let error = snapshot.item(&key("p", "b")).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().ends_with("\"b\""), "{error}");
    assert!(snapshot.item(&key("p", "a")).unwrap().is_some());
    assert_eq!(snapshot.item(&key("p", "d")), Ok(None));
}

#[test]
fn a_scan_shows_which_item_is_damaged_and_goes_on_behind_it() {
    let store = damaged();
    let snapshot = store.snapshot().unwrap();
    let expected = [("a", true), ("b", false), ("c", true)];
    let mut shown = Vec::new();
    snapshot
        .scan_items(partition("p").hash, &KeyRange::all(), &mut |sort_key, item| {
            shown.push((sort_key, item.is_ok()));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(shown, expected);
    shown.clear();
    snapshot
        .scan_segment(Segment::of(partition("p").hash), None, &mut |_, sort_key, item| {
            shown.push((sort_key, item.is_ok()));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(shown, expected);
}
