//! What a store should hold, kept in the simplest way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use troupe_actors::causality::{Context, Dot, Item, Value};
use troupe_actors::ids::{ActorId, BucketId, ItemKey, Partition, PartitionKey, SortKey};
use troupe_actors::store::counters::PartitionCounters;
use troupe_actors::store::journalled::{Durability, JournalOptions, NodeStore};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore};
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::{Epoch, LaneId, Snapshot, Store, Write};

pub(crate) const BUCKET: BucketId = BucketId([1; 32]);

pub(crate) fn options(fresh_epoch: u64) -> LmdbOptions {
    LmdbOptions { map_size: 64 << 20, fresh_epoch: Epoch(fresh_epoch), lane: LaneId { lane: 0, lanes: 1 } }
}

pub(crate) fn open(dir: &Path, fresh_epoch: u64) -> LmdbStore {
    LmdbStore::open(dir, &options(fresh_epoch)).unwrap()
}

pub(crate) const JOURNAL: JournalOptions =
    JournalOptions { bytes_max: JOURNAL_BYTES, durability: Durability::Commit };

/// A small journal, so that it goes round now and then.
pub(crate) const JOURNAL_BYTES: u64 = 256 << 10;

pub(crate) fn open_journalled(dir: &Path, fresh_epoch: u64) -> NodeStore {
    NodeStore::open(dir, &options(fresh_epoch), JOURNAL).unwrap()
}

pub(crate) fn partition(name: &str) -> Partition {
    Partition::new(BUCKET, PartitionKey::new(name).unwrap())
}

pub(crate) fn key(partition_name: &str, sort_key: &str) -> ItemKey {
    ItemKey { partition: partition(partition_name).hash, sort_key: SortKey::new(sort_key).unwrap() }
}

pub(crate) fn commit<S: Store>(store: &S, writes: &[Write]) {
    store.commit(&mut writes.iter()).unwrap();
}

/// The items that were written, by partition and sort key.
#[derive(Clone, Default)]
pub(crate) struct Model {
    items: BTreeMap<(String, String), Item<'static>>,
    time: u64,
}

impl Model {
    /// Overwrites an item; `None` deletes it.
    pub(crate) fn put(&mut self, partition_name: &str, sort_key: &str, value: Option<&[u8]>) -> Write {
        let context = self.item(partition_name, sort_key).token_context();
        self.write(partition_name, sort_key, value, &context)
    }

    /// Writes beside what an item holds already.
    pub(crate) fn add(&mut self, partition_name: &str, sort_key: &str, value: Option<&[u8]>) -> Write {
        self.write(partition_name, sort_key, value, &Context::empty())
    }

    fn write(&mut self, partition_name: &str, sort_key: &str, value: Option<&[u8]>, seen: &Context) -> Write {
        let old = self.item(partition_name, sort_key);
        let mut new = old.clone();
        self.time += 1;
        let value = value.map_or(Value::Tombstone, |bytes| Value::Bytes(bytes.to_vec().into()));
        new.write(Dot { actor: ActorId(7), time: self.time }, seen, value);
        let write = Write::put_item(partition(partition_name), SortKey::new(sort_key).unwrap(), &old, &new);
        self.items.insert((partition_name.to_owned(), sort_key.to_owned()), new);
        write
    }

    pub(crate) fn item(&self, partition_name: &str, sort_key: &str) -> Item<'static> {
        let key = (partition_name.to_owned(), sort_key.to_owned());
        self.items.get(&key).cloned().unwrap_or_default()
    }

    /// Takes back the first write of an item: it was not stored.
    pub(crate) fn forget(&mut self, partition_name: &str, sort_key: &str) {
        self.items.remove(&(partition_name.to_owned(), sort_key.to_owned()));
    }

    pub(crate) fn items(&self, partition_name: &str) -> Vec<(String, Item<'static>)> {
        let of_partition = self.items.iter().filter(|((name, _), _)| name == partition_name);
        of_partition.map(|((_, sort_key), item)| (sort_key.clone(), item.clone())).collect()
    }

    /// What an index of the bucket shows, counted in full.
    pub(crate) fn index(&self) -> Vec<(String, PartitionCounters)> {
        let mut index: BTreeMap<String, PartitionCounters> = BTreeMap::new();
        for ((name, _), item) in &self.items {
            let (sum, one) = (index.entry(name.clone()).or_default(), PartitionCounters::of(item));
            sum.entries += one.entries;
            sum.conflicts += one.conflicts;
            sum.values += one.values;
            sum.bytes += one.bytes;
        }
        index.into_iter().filter(|(_, counters)| *counters != PartitionCounters::default()).collect()
    }

    /// Whether a store holds exactly this, items and counters.
    #[track_caller]
    pub(crate) fn check<S: Store>(&self, store: &S) {
        let snapshot = store.snapshot().unwrap();
        for ((name, sort_key), item) in &self.items {
            assert_eq!(
                snapshot.item(&key(name, sort_key)).unwrap().as_ref(),
                Some(item),
                "{name} {sort_key}"
            );
        }
        let names: BTreeSet<_> = self.items.keys().map(|(name, _)| name).collect();
        for name in names {
            assert!(items(&snapshot, name, &KeyRange::all()) == self.items(name), "items of {name}");
        }
        assert_eq!(index(&snapshot, &KeyRange::all()), self.index());
    }
}

pub(crate) fn items(snapshot: &impl Snapshot, name: &str, range: &KeyRange) -> Vec<(String, Item<'static>)> {
    let mut items = Vec::new();
    let mut visit = |sort_key: &str, item: Item<'_>| {
        items.push((sort_key.to_owned(), item.into_owned()));
        ControlFlow::Continue(())
    };
    snapshot.scan_items(partition(name).hash, range, &mut visit).unwrap();
    items
}

pub(crate) fn index(snapshot: &impl Snapshot, range: &KeyRange) -> Vec<(String, PartitionCounters)> {
    let mut index = Vec::new();
    let mut visit = |name: &str, counters| {
        index.push((name.to_owned(), counters));
        ControlFlow::Continue(())
    };
    snapshot.scan_partitions(BUCKET, range, &mut visit).unwrap();
    index
}
