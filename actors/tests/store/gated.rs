//! A store whose commits wait for the test.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use troupe_actors::store::memory::{MemorySnapshot, MemoryStore};
use troupe_actors::store::segments::SegmentDigests;
use troupe_actors::store::{CommitError, Epoch, Store, StoreError, Write};

pub(crate) struct GatedStore {
    inner: MemoryStore,
    began: Sender<usize>,
    may_go_on: Mutex<Receiver<()>>,
}

impl GatedStore {
    /// The store, what tells how many writes a commit that began holds, and what lets it go on.
    pub(crate) fn new() -> (GatedStore, Receiver<usize>, Sender<()>) {
        let ((began, begun), (go_on, may_go_on)) = (channel(), channel());
        let inner = MemoryStore::new(Epoch(1));
        (GatedStore { inner, began, may_go_on: Mutex::new(may_go_on) }, begun, go_on)
    }
}

impl Store for GatedStore {
    type Snapshot<'s> = MemorySnapshot;

    fn snapshot(&self) -> Result<MemorySnapshot, StoreError> {
        self.inner.snapshot()
    }

    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        let writes: Vec<&Write> = writes.collect();
        self.began.send(writes.len()).unwrap();
        self.may_go_on.lock().unwrap().recv().unwrap();
        self.inner.commit(&mut writes.into_iter())
    }

    fn digests(&self) -> &SegmentDigests {
        self.inner.digests()
    }

    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn end_epoch(&self) {
        self.inner.end_epoch();
    }
}
