use super::*;
use crate::causality::{Context, Dot, Value};
use crate::ids::{ActorId, BucketId, Partition, PartitionKey, ShardIndex};
use crate::store::memory::MemoryStore;
use crate::store::{Epoch, ShardMeta, Snapshot, Store, Write};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Items by partition and sort key: the lengths of their values, `None` a tombstone.
type Items = BTreeMap<(u8, u8), Vec<Option<usize>>>;

fn stored_items() -> impl Strategy<Value = Items> {
    let values = prop::collection::vec(prop::option::weighted(0.6, 0..40usize), 1..3);
    prop::collection::btree_map((0..5u8, 0..6u8), values, 0..20)
}

fn partition(number: u8) -> Partition {
    Partition::new(BucketId([number % 2; 32]), PartitionKey::new(&format!("p{number}")).unwrap())
}

fn item(values: &[Option<usize>]) -> Item<'static> {
    let mut item = Item::empty();
    for (time, value) in (5..).zip(values) {
        let value = value.map_or(Value::Tombstone, |bytes| Value::Bytes(vec![time as u8; bytes].into()));
        item.write(Dot { actor: ActorId(7), time }, &Context::empty(), value);
    }
    item
}

/// A store as format 2 left it.
fn of_format_2(items: &Items) -> MemoryStore {
    let mut rows = vec![(Keyspace::Environment, FORMAT_KEY.to_vec(), environment::encode_format(2).to_vec())];
    let mut counted: BTreeMap<u8, PartitionCounters> = BTreeMap::new();
    for ((number, name), values) in items {
        let item = item(values);
        let mut key = Vec::new();
        items::write_key(&mut key, partition(*number).hash, &format!("{name}"));
        rows.push((Keyspace::Items, key, item.encode()));
        let sum = counted.entry(*number).or_default();
        let one = PartitionState { counters: PartitionCounters::of(&item), ..PartitionState::default() };
        *sum = with(PartitionState { counters: *sum, ..PartitionState::default() }, one).counters;
    }
    for (number, counters) in counted.into_iter().filter(|(_, sum)| *sum != PartitionCounters::default()) {
        let mut key = Vec::new();
        partitions::write_key(&mut key, &partition(number));
        rows.push((Keyspace::Partitions, key, postcard::to_allocvec(&counters).unwrap()));
    }
    rows.push((Keyspace::Shards, vec![0, 3], vec![5, 1, 7, 9]));
    let store = MemoryStore::new(Epoch(1));
    let mut changes =
        rows.iter().map(|(keyspace, key, value)| RowChange { keyspace: *keyspace, key, value: Some(value) });
    store.apply(&mut changes).unwrap();
    store
}

/// The same items as today's format has them, but those of partitions that hold only tombstones.
fn of_today(items: &Items) -> MemoryStore {
    let store = MemoryStore::new(Epoch(1));
    let is_kept = |number: u8| {
        items.iter().any(|((other, _), values)| *other == number && values.iter().any(Option::is_some))
    };
    let writes = items.iter().filter(|((number, _), _)| is_kept(*number)).map(|((number, name), values)| {
        let (sort_key, changed) =
            (SortKey::new(&format!("{name}")).unwrap(), Position(4 + values.len() as u64));
        Write::put_item(partition(*number), sort_key, changed, &Item::empty(), &item(values))
    });
    let shard = ShardIndex::new(3).unwrap();
    let meta = ShardMeta::new(Epoch(5), vec![ActorId(7)], 9);
    let writes: Vec<_> = writes.chain([Write::PutShardMeta { shard, meta }]).collect();
    store.commit(&mut writes.iter()).unwrap();
    let format = environment::encode_format(FORMAT);
    let row = RowChange { keyspace: Keyspace::Environment, key: FORMAT_KEY, value: Some(&format) };
    store.apply(&mut std::iter::once(row)).unwrap();
    store
}

proptest! {
    #[test]
    fn a_store_that_is_migrated_in_any_steps_is_as_if_written_today(items in stored_items(), bytes_max in 1..300usize) {
        let mut store = of_format_2(&items);
        prop_assert!(is_due(&store).unwrap());
        // Each step is a life of its own: nothing but the store remembers how far the one before came.
        while step(&store, bytes_max).unwrap() {
            store = MemoryStore::from_image(store.image(), Epoch(1));
            prop_assert!(is_due(&store).unwrap());
        }
        prop_assert!(!is_due(&store).unwrap());
        let expected = of_today(&items);
        prop_assert_eq!(store.image(), expected.image());
        let store = MemoryStore::from_image(store.image(), Epoch(1));
        for shard in ShardIndex::all() {
            prop_assert_eq!(store.digests().shard(shard), expected.digests().shard(shard));
        }
    }
}

#[test]
fn a_row_that_was_damaged_before_is_damaged_afterwards_and_the_others_are_not() {
    let items: Items = [((1, 1), vec![Some(3)]), ((1, 2), vec![Some(4)])].into();
    let store = of_format_2(&items);
    let mut key = Vec::new();
    items::write_key(&mut key, partition(1).hash, "1");
    let row = RowChange { keyspace: Keyspace::Items, key: &key, value: Some(b"\xff\xff") };
    store.apply(&mut std::iter::once(row)).unwrap();
    run(&store).unwrap();
    let snapshot = store.snapshot().unwrap();
    let of = |name: &str| crate::ids::ItemKey {
        partition: partition(1).hash,
        sort_key: SortKey::new(name).unwrap(),
    };
    assert!(matches!(snapshot.item(&of("1")), Err(StoreError::Corrupt { .. })));
    assert_eq!(snapshot.item(&of("2")), Ok(Some(item(&[Some(4)]))));
    assert_eq!(snapshot.partition(partition(1).hash).unwrap().unwrap().state.rows, 2);
}
