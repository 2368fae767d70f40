//! The folder under a node: an environment, the witness of its last clean close, copies that somebody made, and what
//! the oracle says each of them holds. Nobody tells the node that a copy was put back: it has to notice.

use crate::oracle::Held;
use crate::space::Space;
use troupe_actors::mutation::{Mutation, is_on};
use troupe_actors::store::counters::CountersDelta;
use troupe_actors::store::epoch::{Left, Testimony, Witness};
use troupe_actors::store::memory::{Image, MemoryStore};
use troupe_actors::store::{CommitError, Epoch, Store, Write};

/// Copies that are kept around.
const COPIES_MAX: usize = 6;

/// What happened to the folder while no node had it open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Nothing: it holds what was committed.
    Kept,
    /// Somebody put an older environment back, into the file that is there or as a new one.
    EnvironmentRestored { in_place: bool },
    /// Somebody put the whole folder back.
    FolderRestored,
    /// The machine went back to a snapshot of its disk: not even the files' inodes and times tell.
    MachineRestored,
    /// It is gone, and an empty one is made.
    Vanished,
}

/// What a copy of the folder holds.
#[derive(Clone)]
pub(crate) struct Copy {
    pub(crate) image: Image,
    held: Held,
    epoch: Option<Epoch>,
    mark: Option<u64>,
    witness: Option<Witness>,
    file: Testimony,
}

pub(crate) struct Disk {
    pub(crate) store: MemoryStore,
    /// What the store holds.
    pub(crate) held: Held,
    pub(crate) space: Space,
    mark: Option<u64>,
    witness: Option<Witness>,
    file: Testimony,
    copies: Vec<Copy>,
}

impl Disk {
    pub(crate) fn new(epoch: Epoch) -> Disk {
        Disk {
            store: MemoryStore::new(epoch),
            held: Held::default(),
            space: Space::plenty(),
            mark: None,
            witness: None,
            file: Testimony { inode: 1, changed_ns: 0 },
            copies: Vec::new(),
        }
    }

    /// Somebody copies the folder.
    pub(crate) fn copy(&mut self) {
        if self.copies.len() == COPIES_MAX {
            self.copies.remove(0);
        }
        self.copies.push(Copy {
            image: self.store.image(),
            held: self.held,
            epoch: Some(self.store.epoch()),
            mark: self.mark,
            witness: self.witness,
            file: self.file,
        });
    }

    pub(crate) fn copies(&self) -> usize {
        self.copies.len()
    }

    /// One of the copies, if there are any.
    pub(crate) fn any_copy(&self, which: usize) -> Option<&Copy> {
        self.copies.get(which % self.copies.len().max(1))
    }

    /// Closes the environment with nothing lost, unless its epoch ends.
    pub(crate) fn close_clean(&mut self, nonce: u64) -> bool {
        if self.store.epoch_ends() {
            return false;
        }
        self.change_file();
        self.mark = Some(nonce);
        self.witness = Some(Witness { nonce, file: self.file });
        true
    }

    /// A node opens the environment after `fate`, and decides which epoch it is in. Whether it goes on in the old one.
    pub(crate) fn reopen(&mut self, fate: Fate, which: usize, fresh: Epoch) -> bool {
        let copy = self.any_copy(which).cloned().unwrap_or_else(|| self.nothing());
        let mut found = Copy {
            image: self.store.image(),
            held: self.held,
            epoch: Some(self.store.epoch()),
            mark: self.mark,
            witness: self.witness,
            file: self.file,
        };
        match fate {
            Fate::Kept => {}
            Fate::EnvironmentRestored { in_place } => {
                let file = self.other_file(in_place);
                found = Copy { witness: self.witness, file, ..copy };
            }
            Fate::FolderRestored => found = Copy { file: self.other_file(false), ..copy },
            Fate::MachineRestored => found = copy,
            Fate::Vanished => found = self.nothing(),
        }
        let Copy { image, held, epoch, mark, witness, file } = found;
        let left = Left { epoch, mark, witness, file: Some(file) };
        let epoch = left.epoch(fresh);
        self.store = MemoryStore::from_image(image, epoch);
        (self.held, self.file, self.mark, self.witness) = (held, file, None, None);
        self.change_file();
        epoch != fresh
    }

    fn nothing(&mut self) -> Copy {
        let file = self.other_file(false);
        let (image, held) = (Image::default(), Held::default());
        Copy { image, held, epoch: None, mark: None, witness: None, file }
    }

    /// A file that somebody wrote just now.
    fn other_file(&mut self, in_place: bool) -> Testimony {
        self.change_file();
        let inode = if in_place { self.file.inode } else { self.file.inode + 1 };
        Testimony { inode, ..self.file }
    }

    /// No two changes are at the same time, whatever is restored in between.
    fn change_file(&mut self) {
        let latest = self.copies.iter().map(|copy| copy.file.changed_ns).max();
        self.file.changed_ns = latest.unwrap_or(0).max(self.file.changed_ns) + 1;
    }

    /// One transaction, if there is room for it.
    pub(crate) fn commit(&mut self, writes: &[&Write]) -> Result<(), CommitError> {
        let grows = writes.iter().any(|write| write.grows());
        let written = writes.iter().map(|write| write.bytes() as u64).sum();
        self.space.take(self.store.image().bytes(), written, grows)?;
        self.change_file();
        self.store.commit(&mut writes.iter().copied())
    }

    /// The first transaction of a store that has the mutation: items without their counters.
    pub(crate) fn without_counters(writes: &[&Write]) -> Vec<Write> {
        let strip = |write: &&Write| match (*write).clone() {
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

impl Copy {
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Whether it was made of a folder that had been closed cleanly.
    pub(crate) fn is_closed(&self) -> bool {
        self.mark.is_some()
    }
}
