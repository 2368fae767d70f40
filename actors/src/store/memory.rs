//! A store in memory, with the same contract and the same rows: for the simulator and for tests of what stands on a
//! store.
//!
//! It is as durable as its owner makes it: [`MemoryStore::image`] is what a disk would hold now, and
//! [`MemoryStore::from_image`] is a node that starts from it.

use super::group::Group;
use super::keys::{items, partitions, shards};
use super::rows::{Keyspace, RowBounds, RowIter, RowView};
use super::{CommitError, Epoch, Store, StoreError, Write};
use crate::store::counters::PartitionCounters;
use std::collections::BTreeMap;
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
    environment: Rows,
}

impl Tables {
    fn of(&self, keyspace: Keyspace) -> &Rows {
        match keyspace {
            Keyspace::Items => &self.items,
            Keyspace::Partitions => &self.partitions,
            Keyspace::Shards => &self.shards,
            Keyspace::Control => &self.control,
            Keyspace::Environment => &self.environment,
        }
    }
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

impl RowView for MemorySnapshot {
    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.0.0.of(keyspace).get(key).map(Vec::as_slice))
    }

    fn range(
        &self,
        keyspace: Keyspace,
        bounds: RowBounds,
        descending: bool,
    ) -> Result<RowIter<'_>, StoreError> {
        let rows = self.0.0.of(keyspace).range(bounds);
        let rows = rows.map(|(key, value)| Ok((key.as_slice(), value.as_slice())));
        Ok(if descending { Box::new(rows.rev()) } else { Box::new(rows) })
    }
}
