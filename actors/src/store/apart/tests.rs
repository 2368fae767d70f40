use super::*;
use crate::causality::Context;
use crate::ids::{ActorId, BucketId, ItemKey, Partition, PartitionKey, SortKey};
use crate::store::final_rows::FinalRows;
use crate::store::group::Group;
use crate::store::memory::MemoryStore;
use crate::store::rows::RowChange;
use crate::store::tree::Tree;
use crate::store::{Epoch, Position, Snapshot, Store, Write};
use proptest::prelude::*;
use std::ops::Bound;

fn partition() -> Partition {
    Partition::new(BucketId([7; 32]), PartitionKey::new("p").unwrap())
}

fn sort_key() -> SortKey {
    SortKey::new("s").unwrap()
}

fn put(old: &Item<'_>, new: &Item<'_>) -> Write {
    Write::put_item(partition(), sort_key(), Position(1), old, new)
}

/// The item with one more value, which covers what is there or not.
fn with(old: &Item<'static>, time: u64, bytes: usize, covers: bool) -> Item<'static> {
    let mut new = old.clone();
    let context = if covers { old.token_context() } else { Context::empty() };
    let value = Value::Bytes(vec![time as u8; bytes].into());
    new.write(Dot { actor: ActorId(time % 3), time }, &context, value);
    new
}

fn stored(store: &MemoryStore) -> Option<Item<'static>> {
    let snapshot = store.snapshot().unwrap();
    let key = ItemKey { partition: partition().hash, sort_key: sort_key() };
    snapshot.item(&key).unwrap().map(Item::into_owned)
}

fn value_rows(store: &MemoryStore) -> Vec<Vec<u8>> {
    let view = store.view().unwrap();
    let rows = view.range(Keyspace::Values, (Bound::Unbounded, Bound::Unbounded), false).unwrap();
    rows.map(|row| row.unwrap().0.to_vec()).collect()
}

proptest! {
    #[test]
    fn each_long_value_that_lives_has_one_row_and_the_item_is_whole(
        groups in prop::collection::vec(
            prop::collection::vec((prop::sample::select(vec![0, 9, 4096, 4097, 9000]), any::<bool>(), 0..5u8), 1..4), 1..12,
        ),
    ) {
        let (store, mut item, mut time) = (MemoryStore::new(Epoch(1)), Item::empty(), 0);
        for group in groups {
            let mut writes = Vec::new();
            for (bytes, covers, goes) in group {
                time += 1;
                let new = if goes == 0 { Item::empty() } else { with(&item, time, bytes, covers) };
                writes.push(put(&item, &new));
                item = new;
            }
            store.commit(&mut writes.iter()).unwrap();
            prop_assert_eq!(stored(&store).unwrap_or_default(), item.clone());
            let long = item.siblings().filter(|(_, value)| value.bytes().is_some_and(|bytes| bytes.len() > 4096));
            let mut raw = Vec::new();
            items::write_key(&mut raw, partition().hash, "s");
            let mut expected: Vec<_> = long.map(|(dot, _)| values::key(&raw, dot)).collect();
            expected.sort();
            prop_assert_eq!(value_rows(&store), expected);
        }
    }
}

#[test]
fn a_byte_more_beside_sixteen_long_values_writes_no_long_value_again() {
    let store = MemoryStore::new(Epoch(1));
    let full = (1..=16).fold(Item::empty(), |item, time| with(&item, time, 100_000, false));
    store.commit(&mut [put(&Item::empty(), &full)].iter()).unwrap();
    let write = put(&full, &with(&full, 17, 1, false));
    let group = Group::of(&mut std::iter::once(&write)).unwrap();
    let rows = FinalRows::of(&group, &store.view().unwrap()).unwrap();
    let bytes: usize = rows.iter().map(|row| row.key.len() + row.value.map_or(0, <[u8]>::len)).sum();
    assert!(bytes < 1000, "{bytes} bytes are written");
}

#[test]
fn an_item_whose_long_value_was_damaged_or_lost_is_corrupt() {
    let store = MemoryStore::new(Epoch(1));
    store.commit(&mut [put(&Item::empty(), &with(&Item::empty(), 1, 5000, false))].iter()).unwrap();
    let key = value_rows(&store).remove(0);
    let mut damaged = vec![1; 5000];
    damaged[4999] ^= 1;
    for value in [Some(damaged.as_slice()), None] {
        let change = RowChange { keyspace: Keyspace::Values, key: &key, value };
        store.apply(&mut std::iter::once(change)).unwrap();
        let key = ItemKey { partition: partition().hash, sort_key: sort_key() };
        let read = store.snapshot().unwrap().item(&key).map(|item| item.is_some());
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
    }
}
