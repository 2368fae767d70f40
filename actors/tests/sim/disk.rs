//! The disk under a node: one environment, older images of it, and what the oracle says each of them holds.

use crate::oracle::Held;
use troupe_actors::mutation::{Mutation, is_on};
use troupe_actors::store::counters::CountersDelta;
use troupe_actors::store::memory::{Image, MemoryStore};
use troupe_actors::store::{CommitError, Epoch, Store, Write};

/// Older images that are kept around.
const IMAGES_MAX: usize = 4;

/// What happened to the environment while no node had it open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Nothing: it holds what was committed.
    Kept,
    /// Somebody restored an older image of it.
    RolledBack,
    /// It is gone, and an empty one is made.
    Vanished,
}

pub(crate) struct Disk {
    pub(crate) store: MemoryStore,
    /// What the store holds.
    pub(crate) held: Held,
    images: Vec<(Image, Held)>,
    pub(crate) is_full: bool,
}

impl Disk {
    pub(crate) fn new(epoch: Epoch) -> Disk {
        Disk { store: MemoryStore::new(epoch), held: Held::default(), images: Vec::new(), is_full: false }
    }

    /// Somebody copies the environment.
    pub(crate) fn take_image(&mut self) {
        if self.images.len() == IMAGES_MAX {
            self.images.remove(0);
        }
        self.images.push((self.store.image(), self.held));
    }

    /// A node opens the environment: under the old epoch only if it can have lost nothing.
    pub(crate) fn reopen(&mut self, fate: Fate, which_image: usize, epoch: Epoch) {
        let image = match fate {
            Fate::Kept => self.store.image(),
            Fate::RolledBack => match self.images.get(which_image % self.images.len().max(1)) {
                Some((image, held)) => {
                    self.held = *held;
                    image.clone()
                }
                None => self.vanish(),
            },
            Fate::Vanished => self.vanish(),
        };
        self.store = MemoryStore::from_image(image, epoch);
        // A restart makes no room.
        self.fill(self.is_full);
    }

    /// The file system has no room any more, or has some again.
    pub(crate) fn fill(&mut self, is_full: bool) {
        self.is_full = is_full;
        self.store.fail(is_full.then_some(CommitError::DiskFull));
    }

    fn vanish(&mut self) -> Image {
        self.held = Held::default();
        Image::default()
    }

    /// One transaction.
    pub(crate) fn commit<'w>(&self, writes: impl Iterator<Item = &'w Write>) -> Result<(), CommitError> {
        self.store.commit(&mut { writes })
    }

    /// The first transaction of a store that has the mutation: items without their counters.
    pub(crate) fn without_counters(writes: &[Write]) -> Vec<Write> {
        let strip = |write: &Write| match write.clone() {
            Write::PutItem { partition, sort_key, item, grows, .. } => {
                Write::PutItem { partition, sort_key, item, delta: CountersDelta::default(), grows }
            }
            other @ (Write::PutShardMeta { .. } | Write::PutControl { .. }) => other,
        };
        writes.iter().map(strip).collect()
    }

    pub(crate) fn has_separate_counters() -> bool {
        is_on(Mutation::CountersOutsideTheTransaction)
    }
}
