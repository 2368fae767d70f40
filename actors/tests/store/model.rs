//! What a store should hold, kept in the simplest way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use troupe_actors::causality::{Context, Dot, Item, Value};
use troupe_actors::ids::{ActorId, BucketId, ItemKey, Partition, PartitionKey, ShardIndex, SortKey};
use troupe_actors::store::counters::PartitionCounters;
use troupe_actors::store::journalled::{Durability, JournalOptions, NodeStore};
use troupe_actors::store::lmdb::{LmdbOptions, LmdbStore};
use troupe_actors::store::partition::{PartitionState, StoredPartition};
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::segments::Segment;
use troupe_actors::store::{Epoch, LaneId, Position, Shown, Snapshot, Store, StoredItem, Write};

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
    /// When each of them changed.
    changed: BTreeMap<(String, String), Position>,
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
        let (partition, at) = (partition(partition_name), Position(self.time));
        let write = Write::put_item(partition, SortKey::new(sort_key).unwrap(), at, &old, &new);
        let key = (partition_name.to_owned(), sort_key.to_owned());
        self.changed.insert(key.clone(), at);
        self.items.insert(key, new);
        write
    }

    /// Drops an item as if it had never been written.
    pub(crate) fn remove(&mut self, partition_name: &str, sort_key: &str) -> Write {
        let old = self.item(partition_name, sort_key);
        self.forget(partition_name, sort_key);
        let (partition, sort_key) = (partition(partition_name), SortKey::new(sort_key).unwrap());
        Write::put_item(partition, sort_key, Position::default(), &old, &Item::empty())
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

    /// What is kept of each partition that has rows, counted in full.
    pub(crate) fn partitions(&self) -> BTreeMap<String, PartitionState> {
        let mut partitions: BTreeMap<String, PartitionState> = BTreeMap::new();
        for ((name, sort_key), item) in &self.items {
            let sum = partitions.entry(name.clone()).or_default();
            let one = PartitionState::of(partition(name).hash, sort_key, item);
            sum.counters.entries += one.counters.entries;
            sum.counters.conflicts += one.counters.conflicts;
            sum.counters.values += one.counters.values;
            sum.counters.bytes += one.counters.bytes;
            sum.rows += one.rows;
            sum.digest ^= one.digest;
        }
        partitions
    }

    /// What an index of the bucket shows.
    pub(crate) fn index(&self) -> Vec<(String, PartitionCounters)> {
        let counters = self.partitions().into_iter().map(|(name, state)| (name, state.counters));
        counters.filter(|(_, counters)| *counters != PartitionCounters::default()).collect()
    }

    /// Whether a store holds exactly this, items, counters and digests.
    #[track_caller]
    pub(crate) fn check<S: Store>(&self, store: &S) {
        let snapshot = store.snapshot().unwrap();
        for ((name, sort_key), item) in &self.items {
            let stored = snapshot.stored_item(&key(name, sort_key)).unwrap();
            let changed = self.changed[&(name.clone(), sort_key.clone())];
            assert_eq!(stored, Some(StoredItem { changed, item: item.clone() }), "{name} {sort_key}");
        }
        let names: BTreeSet<_> = self.items.keys().map(|(name, _)| name).collect();
        for name in names {
            assert!(items(&snapshot, name, &KeyRange::all()) == self.items(name), "items of {name}");
        }
        assert_eq!(index(&snapshot, &KeyRange::all()), self.index());
        self.check_partitions(store, &snapshot);
    }

    #[track_caller]
    fn check_partitions<S: Store>(&self, store: &S, snapshot: &S::Snapshot<'_>) {
        let mut digests: BTreeMap<Segment, u64> = BTreeMap::new();
        for (name, state) in self.partitions() {
            let partition = partition(&name);
            let segment = Segment::of(partition.hash);
            *digests.entry(segment).or_default() ^= state.digest;
            let (expected, mut shown) = (StoredPartition { partition, state }, Vec::new());
            assert_eq!(snapshot.partition(expected.partition.hash).unwrap().as_ref(), Some(&expected));
            let mut visit = |partition| {
                shown.push(partition);
                ControlFlow::Continue(())
            };
            snapshot.scan_segment_partitions(segment, None, &mut visit).unwrap();
            assert!(shown.contains(&expected), "{shown:?}");
        }
        for shard in ShardIndex::all() {
            let of_shard = digests.iter().filter(|(segment, _)| segment.shard == shard);
            let whole = of_shard.clone().fold(0, |sum, (_, digest)| sum ^ digest);
            assert_eq!(store.digests().shard(shard), whole, "shard {shard}");
            for (segment, digest) in of_shard {
                assert_eq!(store.digests().segment(*segment), *digest, "{segment:?}");
            }
        }
    }
}

pub(crate) fn items(snapshot: &impl Snapshot, name: &str, range: &KeyRange) -> Vec<(String, Item<'static>)> {
    let mut items = Vec::new();
    let mut visit = |sort_key: &str, shown: Shown<'_>| {
        items.push((sort_key.to_owned(), shown.unwrap().item.into_owned()));
        ControlFlow::Continue(())
    };
    snapshot.scan_items(partition(name).hash, range, &mut visit).unwrap();
    items
}

pub(crate) fn index(snapshot: &impl Snapshot, range: &KeyRange) -> Vec<(String, PartitionCounters)> {
    let mut index = Vec::new();
    let mut visit = |name: &str, state: PartitionState| {
        index.push((name.to_owned(), state.counters));
        ControlFlow::Continue(())
    };
    snapshot.scan_partitions(BUCKET, range, &mut visit).unwrap();
    index
}
