//! A store in memory, with the same contract and the same rows: for the simulator and for tests of what stands on a
//! store.
//!
//! It is as durable as its owner makes it: [`MemoryStore::image`] is what a disk would hold now, and
//! [`MemoryStore::from_image`] is a node that starts from it.

use super::final_rows::FinalRows;
use super::group::Group;
use super::rows::{Keyspace, RowBounds, RowChange, RowIter, RowView};
use super::segments::SegmentDigests;
use super::tree::{Tree, TreeNeed};
use super::{CommitError, Epoch, Store, StoreError, Write};
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
    names: Rows,
    values: Rows,
}

impl Image {
    /// Bytes of keys and rows.
    pub fn bytes(&self) -> u64 {
        let rows = Keyspace::ALL.into_iter().flat_map(|keyspace| self.0.of(keyspace));
        rows.map(|(key, row)| (key.len() + row.len()) as u64).sum()
    }
}

impl Tables {
    fn of(&self, keyspace: Keyspace) -> &Rows {
        match keyspace {
            Keyspace::Items => &self.items,
            Keyspace::Partitions => &self.partitions,
            Keyspace::Shards => &self.shards,
            Keyspace::Control => &self.control,
            Keyspace::Environment => &self.environment,
            Keyspace::Names => &self.names,
            Keyspace::Values => &self.values,
        }
    }

    fn apply(&mut self, row: &RowChange<'_>) {
        let rows = match row.keyspace {
            Keyspace::Items => &mut self.items,
            Keyspace::Partitions => &mut self.partitions,
            Keyspace::Shards => &mut self.shards,
            Keyspace::Control => &mut self.control,
            Keyspace::Environment => &mut self.environment,
            Keyspace::Names => &mut self.names,
            Keyspace::Values => &mut self.values,
        };
        match row.value {
            Some(value) => rows.insert(row.key.to_vec(), value.to_vec()),
            None => rows.remove(row.key),
        };
    }
}

/// A store that its owner may roll back and make fail.
#[derive(Debug)]
pub struct MemoryStore {
    epoch: Epoch,
    epoch_ends: AtomicBool,
    state: Mutex<State>,
    digests: SegmentDigests,
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
        let digests = SegmentDigests::default();
        if let Err(error) = digests.rebuild(&MemorySnapshot(image.clone())) {
            log::warn!("{error}");
        }
        let state = Mutex::new(State { image, failure: None });
        MemoryStore { epoch, epoch_ends: AtomicBool::new(false), state, digests }
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
        let group = Group::of(writes)?;
        let mut state = self.state();
        match &state.failure {
            Some(failure @ CommitError::Broken(_)) => return Err(failure.clone()),
            Some(failure @ (CommitError::MapFull | CommitError::DiskFull)) if group.grows => {
                return Err(failure.clone());
            }
            Some(CommitError::MapFull | CommitError::DiskFull) | None => {}
        }
        // A view that stayed would have the commit copy all rows.
        let view = MemorySnapshot(std::mem::take(&mut state.image));
        let rows = FinalRows::of(&group, &view);
        state.image = view.0;
        let rows = rows?;
        let tables = Arc::make_mut(&mut state.image.0);
        rows.iter().for_each(|row| tables.apply(&row));
        self.digests.committed(&group);
        Ok(())
    }

    fn digests(&self) -> &SegmentDigests {
        &self.digests
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end_epoch(&self) {
        self.epoch_ends.store(true, Ordering::Release);
    }
}

impl Tree for MemoryStore {
    type View<'t> = MemorySnapshot;

    fn view(&self) -> Result<MemorySnapshot, StoreError> {
        self.snapshot()
    }

    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError> {
        let mut state = self.state();
        if let Some(failure @ CommitError::Broken(_)) = &state.failure {
            return Err(failure.clone());
        }
        let tables = Arc::make_mut(&mut state.image.0);
        rows.for_each(|row| tables.apply(&row));
        Ok(())
    }

    fn promise_room(&self, _: TreeNeed) -> Result<(), CommitError> {
        self.state().failure.clone().map_or(Ok(()), Err)
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end_epoch(&self) {
        Store::end_epoch(self);
    }
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
