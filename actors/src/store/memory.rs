//! A store in memory, with the same contract and the same rows: for the simulator and for tests of what stands on a
//! store.
//!
//! It is as durable as its owner makes it: [`MemoryStore::image`] is what a disk would hold now, and
//! [`MemoryStore::from_image`] is a node that starts from it.

use super::group::Group;
use super::keys::{items, partitions, shards};
use super::range::KeyRange;
use super::{CommitError, ControlRows, Epoch, ShardMeta, Snapshot, Store, StoreError, Write};
use crate::causality::Item;
use crate::ids::{BucketId, ItemKey, PartitionHash, ShardIndex};
use crate::store::counters::PartitionCounters;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Everything that was committed. Cheap to keep: rows are copied only when a commit changes them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Image(Arc<Tables>);

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Tables {
    items: Rows,
    partitions: Rows,
    shards: Rows,
    control: Rows,
}

/// A store that its owner may roll back and make fail.
#[derive(Debug)]
pub struct MemoryStore {
    epoch: Epoch,
    epoch_ends: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    image: Image,
    failure: Option<CommitError>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(epoch: Epoch) -> MemoryStore {
        MemoryStore::from_image(Image::default(), epoch)
    }

    /// A store that holds what a disk held. The epoch is the image's only if nothing can have been lost since.
    pub fn from_image(image: Image, epoch: Epoch) -> MemoryStore {
        MemoryStore {
            epoch,
            epoch_ends: AtomicBool::new(false),
            state: Mutex::new(State { image, failure: None }),
        }
    }

    /// What a disk would hold now: every commit so far, nothing else.
    pub fn image(&self) -> Image {
        self.state().image.clone()
    }

    /// Makes commits fail until it is told otherwise: growing ones if there is no room, all of them if it is broken.
    pub fn fail(&self, failure: Option<CommitError>) {
        self.state().failure = failure;
    }

    /// Whether [`Store::end_epoch`] was called: the next store must not go on in this epoch.
    pub fn epoch_ends(&self) -> bool {
        self.epoch_ends.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state changes in one assignment, so that it is whole even if its last user panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    type Snapshot<'s> = MemorySnapshot;

    fn snapshot(&self) -> Result<MemorySnapshot, StoreError> {
        Ok(MemorySnapshot(self.image()))
    }

    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        let group = Group::of(writes).map_err(|error| CommitError::Broken(error.to_string()))?;
        let mut state = self.state();
        match &state.failure {
            Some(failure @ CommitError::Broken(_)) => return Err(failure.clone()),
            Some(failure @ (CommitError::MapFull | CommitError::DiskFull)) if group.grows => {
                return Err(failure.clone());
            }
            Some(CommitError::MapFull | CommitError::DiskFull) | None => {}
        }
        let counted = count(&state.image.0.partitions, &group)?;
        let tables = Arc::make_mut(&mut state.image.0);
        let mut key = Vec::new();
        for put in &group.items {
            items::write_key(&mut key, put.partition, put.sort_key);
            tables.items.insert(key.clone(), put.item.to_vec());
        }
        for (key, counters) in counted {
            if counters == PartitionCounters::default() {
                tables.partitions.remove(&key);
            } else {
                let row = partitions::encode(counters, &mut [0; partitions::ROW_BYTES_MAX]).to_vec();
                tables.partitions.insert(key, row);
            }
        }
        for (shard, meta) in &group.shards {
            tables.shards.insert(shards::key(*shard).to_vec(), shards::encode(meta));
        }
        for (key, value) in &group.control {
            tables.control.insert(key.to_vec(), value.to_vec());
        }
        Ok(())
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end_epoch(&self) {
        self.epoch_ends.store(true, Ordering::Release);
    }
}

/// The counters of every partition that the group changes, checked before anything is changed.
fn count(rows: &Rows, group: &Group<'_>) -> Result<Vec<(Vec<u8>, PartitionCounters)>, CommitError> {
    let mut counted = Vec::with_capacity(group.partitions.len());
    for (partition, delta) in &group.partitions {
        let mut key = Vec::new();
        partitions::write_key(&mut key, partition);
        let before = match rows.get(&key) {
            Some(row) => partitions::decode(row).ok_or_else(|| CommitError::corrupt(partitions::NAME))?,
            None => PartitionCounters::default(),
        };
        let after = before.checked_add(*delta).ok_or_else(CommitError::miscounted)?;
        counted.push((key, after));
    }
    Ok(counted)
}

/// A view of a memory store.
#[derive(Clone, Debug)]
pub struct MemorySnapshot(Image);

impl MemorySnapshot {
    /// Shows the rows between two raw bounds.
    fn scan<'t>(
        rows: &'t Rows,
        bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        descending: bool,
        visit: &mut dyn FnMut(&'t [u8], &'t [u8]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut rows = rows.range(bounds);
        while let Some((key, row)) = if descending { rows.next_back() } else { rows.next() } {
            if visit(key, row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Snapshot for MemorySnapshot {
    fn item(&self, key: &ItemKey) -> Result<Option<Item<'_>>, StoreError> {
        let mut raw = Vec::new();
        items::write_key(&mut raw, key.partition, key.sort_key.as_str());
        let Some(row) = self.0.0.items.get(&raw) else { return Ok(None) };
        Item::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(items::NAME, &raw))
    }

    fn scan_items(
        &self,
        partition: PartitionHash,
        range: &KeyRange,
        visit: &mut dyn FnMut(&str, Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        let bounds = items::bounds(partition, range);
        MemorySnapshot::scan(
            &self.0.0.items,
            bounds,
            range.descending,
            &mut |key, row| match items::sort_key(key).zip(Item::decode(row)) {
                Some((sort_key, item)) => Ok(visit(sort_key, item)),
                None => Err(StoreError::corrupt(items::NAME, key)),
            },
        )
    }

    fn scan_partitions(
        &self,
        bucket: BucketId,
        range: &KeyRange,
        visit: &mut dyn FnMut(&str, PartitionCounters) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        let bounds = partitions::bounds(bucket, range);
        MemorySnapshot::scan(&self.0.0.partitions, bounds, range.descending, &mut |key, row| {
            match partitions::partition_key(key).zip(partitions::decode(row)) {
                Some((name, counters)) => Ok(visit(name, counters)),
                None => Err(StoreError::corrupt(partitions::NAME, key)),
            }
        })
    }

    fn shard_meta(&self, shard: ShardIndex) -> Result<Option<ShardMeta>, StoreError> {
        let key = shards::key(shard);
        let Some(row) = self.0.0.shards.get(key.as_slice()) else { return Ok(None) };
        shards::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(shards::NAME, &key))
    }

    fn control(&self) -> Result<ControlRows, StoreError> {
        Ok(self.0.0.control.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
