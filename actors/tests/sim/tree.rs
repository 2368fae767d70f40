//! The tree behind the journal: it fills up, it fails, and something may happen while somebody takes a view of it.

use crate::fuse::{Done, Fuse, failed};
use crate::space::Space;
use std::sync::{Arc, Mutex, MutexGuard};
use troupe_actors::store::memory::{Image, MemorySnapshot, MemoryStore};
use troupe_actors::store::rows::{Keyspace, RowChange};
use troupe_actors::store::tree::{Tree, TreeNeed};
use troupe_actors::store::{CommitError, Epoch, FailureCause, StoreError};

type Meanwhile = Box<dyn FnOnce() + Send>;

pub(crate) struct DiskTree {
    rows: MemoryStore,
    space: Mutex<Space>,
    fuse: Arc<Fuse>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl DiskTree {
    pub(crate) fn new(image: Image, epoch: Epoch, space: Space, fuse: Arc<Fuse>) -> DiskTree {
        DiskTree {
            rows: MemoryStore::from_image(image, epoch),
            space: Mutex::new(space),
            fuse,
            meanwhile: Mutex::new(None),
        }
    }

    pub(crate) fn image(&self) -> Image {
        self.rows.image()
    }

    pub(crate) fn epoch_ends(&self) -> bool {
        self.rows.epoch_ends()
    }

    pub(crate) fn set_space(&self, space: Space) {
        *lock(&self.space) = space;
    }

    /// Has something happen just before the next view is taken.
    pub(crate) fn interrupt(&self, meanwhile: Meanwhile) {
        *lock(&self.meanwhile) = Some(meanwhile);
    }
}

impl Tree for DiskTree {
    type View<'t> = MemorySnapshot;

    fn view(&self) -> Result<MemorySnapshot, StoreError> {
        let meanwhile = lock(&self.meanwhile).take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.rows.view()
    }

    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError> {
        let rows: Vec<RowChange<'_>> = rows.collect();
        // What the environment knows of itself is changed where it stands.
        let taking = rows.iter().filter(|row| row.keyspace != Keyspace::Environment);
        let written = taking.map(|row| (row.key.len() + row.value.map_or(0, <[u8]>::len)) as u64).sum();
        if written > 0 {
            lock(&self.space).take(self.image().bytes(), written, false)?;
        }
        let done = self.fuse.operation();
        if matches!(done, Done::Whole) || matches!(done, Done::Parts(parts) if parts & 1 != 0) {
            self.rows.apply(&mut rows.into_iter())?;
        }
        if done == Done::Whole { Ok(()) } else { Err(FailureCause::Io(failed()).into()) }
    }

    fn promise_room(&self, need: TreeNeed) -> Result<(), CommitError> {
        lock(&self.space).take(self.image().bytes(), need.shared_bytes + need.own_bytes, true)
    }

    fn epoch(&self) -> Epoch {
        Tree::epoch(&self.rows)
    }

    fn end_epoch(&self) {
        Tree::end_epoch(&self.rows);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds this lock")
}
