//! A journalled store whose checkpoint is always half way.

use troupe_actors::store::journalled::{JournalledSnapshot, NodeStore};
use troupe_actors::store::lmdb::LmdbSnapshot;
use troupe_actors::store::segments::SegmentDigests;
use troupe_actors::store::{CommitError, Epoch, Store, StoreError, Write};

pub(crate) struct Checkpointed(NodeStore);

impl Checkpointed {
    pub(crate) fn new(store: NodeStore) -> Checkpointed {
        Checkpointed(store)
    }
}

impl Store for Checkpointed {
    type Snapshot<'s> = JournalledSnapshot<LmdbSnapshot<'s>>;

    fn snapshot(&self) -> Result<Self::Snapshot<'_>, StoreError> {
        self.0.snapshot()
    }

    /// After each commit one row goes into the tree, so that rows lie in all three places.
    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError> {
        self.0.commit(writes)?;
        self.0.checkpoint_step(1).map(drop)
    }

    fn digests(&self) -> &SegmentDigests {
        self.0.digests()
    }

    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }

    fn end_epoch(&self) {
        self.0.end_epoch();
    }
}
