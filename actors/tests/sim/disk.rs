//! The folder under a node: an environment with its journal and its tree, the witness of its last clean close, copies
//! that somebody made, and what the oracle says each of them holds. Nobody tells the node that a copy was put back: it
//! has to notice.

use crate::fuse::Fuse;
use crate::invariants::{Violation, recovered};
use crate::journal::{DiskJournal, Records};
use crate::ledger::Ledger;
use crate::oracle::{Held, WriteId};
use crate::random::Random;
use crate::space::Space;
use crate::tree::DiskTree;
use std::sync::{Arc, Mutex};
use troupe_actors::mutation::{Mutation, is_on};
use troupe_actors::store::epoch::{Left, Testimony, Witness};
use troupe_actors::store::journal::{Header, JournalError};
pub(crate) use troupe_actors::store::journalled::Durability;
use troupe_actors::store::journalled::{JournalledSnapshot, JournalledStore, Step};
use troupe_actors::store::memory::{Image, MemorySnapshot};
use troupe_actors::store::partition::PartitionDelta;
use troupe_actors::store::{CommitError, Epoch, Store, Write};

/// Copies that are kept around.
const COPIES_MAX: usize = 6;

pub(crate) type DiskStore = JournalledStore<DiskTree, DiskJournal>;
pub(crate) type DiskSnapshot = JournalledSnapshot<MemorySnapshot>;

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

/// Tree and journal of one moment.
#[derive(Clone)]
struct Environment {
    tree: Image,
    journal: Records,
    header: Header,
    ledger: Ledger,
}

impl Environment {
    fn new(header: Header) -> Environment {
        let (tree, ledger) = (Image::default(), Ledger::new());
        Environment { tree, journal: Records::none(header), header, ledger }
    }

    fn open(
        &self,
        epoch: Epoch,
        durability: Durability,
        fuse: &Arc<Fuse>,
    ) -> Result<(DiskStore, DiskJournal), JournalError> {
        let tree = DiskTree::new(self.tree.clone(), epoch, Space::plenty(), Arc::clone(fuse));
        let journal = DiskJournal::new(self.journal.clone(), Arc::clone(fuse));
        let store = JournalledStore::new(tree, journal.clone(), self.header, durability)?;
        Ok((store, journal))
    }
}

/// What a copy of the folder holds.
#[derive(Clone)]
pub(crate) struct Copy {
    environment: Environment,
    epoch: Option<Epoch>,
    mark: Option<u64>,
    witness: Option<Witness>,
    file: Testimony,
}

/// How an environment was found.
pub(crate) struct Opened {
    /// Whether the node goes on in the old epoch.
    pub(crate) goes_on: bool,
    /// What the last group wrote that is there.
    pub(crate) last: Vec<WriteId>,
}

pub(crate) struct Disk {
    pub(crate) store: Arc<DiskStore>,
    /// What the store holds.
    pub(crate) held: Held,
    journal: DiskJournal,
    header: Header,
    durability: Durability,
    ledger: Ledger,
    fuse: Arc<Fuse>,
    space: Space,
    mark: Option<u64>,
    witness: Option<Witness>,
    file: Testimony,
    copies: Vec<Copy>,
}

impl Disk {
    pub(crate) fn new(epoch: Epoch, durability: Durability, capacity: u64) -> Disk {
        let header = Header { environment: epoch.0, capacity };
        let fuse = Arc::new(Fuse::default());
        let opened = Environment::new(header).open(epoch, durability, &fuse);
        let (store, journal) = opened.expect("a new journal can be opened");
        Disk {
            store: Arc::new(store),
            held: Held::default(),
            journal,
            header,
            durability,
            ledger: Ledger::new(),
            fuse,
            space: Space::plenty(),
            mark: None,
            witness: None,
            file: Testimony { inode: 1, changed_ns: 0 },
            copies: Vec::new(),
        }
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Bytes of the tree.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.store.tree().image().bytes()
    }

    pub(crate) fn set_space(&mut self, space: Space) {
        self.space = space;
        self.store.tree().set_space(self.space.clone());
    }

    /// Somebody copies the folder.
    pub(crate) fn copy(&mut self) {
        if self.copies.len() == COPIES_MAX {
            self.copies.remove(0);
        }
        let mut copy = self.found();
        copy.environment.journal = self.journal.read();
        copy.environment.ledger.promise(self.store.last_commit().sequence);
        self.copies.push(copy);
    }

    fn found(&self) -> Copy {
        let environment = Environment {
            tree: self.store.tree().image(),
            journal: self.journal.left(),
            header: self.header,
            ledger: self.ledger.clone(),
        };
        Copy {
            environment,
            epoch: Some(self.store.epoch()),
            mark: self.mark,
            witness: self.witness,
            file: self.file,
        }
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
        if self.store.checkpoint().is_err() || self.store.tree().epoch_ends() {
            return false;
        }
        self.promise_what_is_synced();
        self.change_file();
        self.mark = Some(nonce);
        self.witness = Some(Witness { nonce, file: self.file });
        true
    }

    /// The power fails. How many sectors of the journal are lost.
    pub(crate) fn cut_power(&mut self, random: &mut Random) -> u64 {
        self.journal.cut_power(random)
    }

    /// A node opens the environment after `fate`, and decides which epoch it is in.
    pub(crate) fn reopen(&mut self, fate: Fate, which: usize, fresh: Epoch) -> Result<Opened, Violation> {
        let copy = self.any_copy(which).cloned().unwrap_or_else(|| self.nothing(fresh));
        let mut found = self.found();
        match fate {
            Fate::Kept => {}
            Fate::EnvironmentRestored { in_place } => {
                let file = self.other_file(in_place);
                found = Copy { witness: self.witness, file, ..copy };
            }
            Fate::FolderRestored => found = Copy { file: self.other_file(false), ..copy },
            Fate::MachineRestored => found = copy,
            Fate::Vanished => found = self.nothing(fresh),
        }
        let Copy { environment, epoch, mark, witness, file } = found;
        let epoch = Left { epoch, mark, witness, file: Some(file) }.epoch(fresh);
        self.fuse = Arc::new(Fuse::default());
        let opened = environment.open(epoch, self.durability, &self.fuse);
        let (store, journal) = opened.map_err(|error| recovered::refused(&error))?;
        store.tree().set_space(self.space.clone());
        let entry = recovered::check(&environment.ledger, store.last_commit().sequence)?;
        self.held = entry.held;
        let last = entry.ids.clone();
        (self.store, self.journal) = (Arc::new(store), journal);
        (self.header, self.ledger) = (environment.header, environment.ledger);
        // What was shown once must stay.
        self.ledger.promise(self.store.last_commit().sequence);
        (self.file, self.mark, self.witness) = (file, None, None);
        self.change_file();
        Ok(Opened { goes_on: epoch != fresh, last })
    }

    fn nothing(&mut self, fresh: Epoch) -> Copy {
        let header = Header { environment: fresh.0, ..self.header };
        let file = self.other_file(false);
        Copy { environment: Environment::new(header), epoch: None, mark: None, witness: None, file }
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

    /// One group, if there is room for it; `after` is then held.
    pub(crate) fn commit(
        &mut self,
        after: Held,
        ids: &[WriteId],
        writes: &[&Write],
    ) -> Result<(), CommitError> {
        let group = self.begin_group(after, ids);
        let outcome = self.store.commit(&mut writes.iter().copied());
        self.end_group(group, outcome)
    }

    /// One group, which is stored, with steps of a checkpoint behind it, while a reader takes a snapshot.
    pub(crate) fn commit_under_a_reader(
        &mut self,
        after: Held,
        ids: &[WriteId],
        writes: Vec<Write>,
        steps: Vec<usize>,
    ) -> (Result<(), CommitError>, DiskSnapshot) {
        let group = self.begin_group(after, ids);
        let (store, outcome) = (Arc::clone(&self.store), Arc::new(Mutex::new(Ok(()))));
        let told = Arc::clone(&outcome);
        self.store.tree().interrupt(Box::new(move || {
            let committed = store.commit(&mut writes.iter());
            // A step that fails is tried again in the background.
            let _ = steps.iter().try_for_each(|rows| store.checkpoint_step(*rows).map(|_| ()));
            *told.lock().expect("nothing panics while it holds this lock") = committed;
        }));
        let snapshot = self.store.snapshot().expect("a store in memory can be read");
        let outcome = outcome.lock().expect("nothing panics while it holds this lock").clone();
        (self.end_group(group, outcome), snapshot)
    }

    fn begin_group(&mut self, after: Held, ids: &[WriteId]) -> u64 {
        let group = self.store.last_commit().sequence + 1;
        self.ledger.begin(group, after, ids);
        group
    }

    fn end_group(&mut self, group: u64, outcome: Result<(), CommitError>) -> Result<(), CommitError> {
        match &outcome {
            Ok(()) => {
                self.change_file();
                self.held = self.ledger.after(group).map_or(self.held, |entry| entry.held);
                if self.durability == Durability::Commit {
                    self.ledger.promise(group);
                }
            }
            Err(CommitError::MapFull | CommitError::DiskFull) => self.ledger.refuse(group),
            // Whether the group made it is then anybody's guess.
            Err(CommitError::Broken(_)) => {}
        }
        outcome
    }

    /// One transaction of a checkpoint; of a single row if more of them find no room.
    pub(crate) fn checkpoint_step(&mut self, rows_max: usize) -> Result<Step, CommitError> {
        let step = match self.store.checkpoint_step(rows_max) {
            Err(CommitError::MapFull | CommitError::DiskFull) => self.store.checkpoint_step(1),
            step => step,
        };
        self.promise_what_is_synced();
        step
    }

    /// What a relaxed journal does now and then.
    pub(crate) fn sync(&mut self) -> Result<(), CommitError> {
        let synced = self.store.sync_journal();
        self.promise_what_is_synced();
        synced
    }

    fn promise_what_is_synced(&mut self) {
        if self.journal.is_synced() {
            self.ledger.promise(self.store.last_commit().sequence);
        }
    }

    /// Brings everything into the tree.
    pub(crate) fn checkpoint(&mut self) -> Result<(), CommitError> {
        self.store.checkpoint()
    }

    /// The disk fails within a few operations.
    pub(crate) fn fail_soon(&mut self, random: &mut Random, operations_max: u64) {
        self.fuse.light(random.between(1, operations_max), random.next());
    }

    /// The disk goes on, if it did not fail already.
    pub(crate) fn fail_no_more(&mut self) {
        self.fuse.put_out();
    }

    /// The first transaction of a store that has the mutation: items without their counters.
    pub(crate) fn without_counters(writes: &[&Write]) -> Vec<Write> {
        let strip = |write: &&Write| match (*write).clone() {
            Write::PutItem { partition, sort_key, row, replaces_apart, grows, .. } => {
                let delta = PartitionDelta::default();
                Write::PutItem { partition, sort_key, row, delta, replaces_apart, grows }
            }
            Write::RemoveItem { partition, sort_key, replaces_apart, .. } => {
                let delta = PartitionDelta::default();
                Write::RemoveItem { partition, sort_key, delta, replaces_apart }
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

    /// A store that holds what the copy does.
    pub(crate) fn open(&self) -> Option<DiskStore> {
        let epoch = self.epoch.unwrap_or(Epoch(0));
        let opened = self.environment.open(epoch, Durability::Commit, &Arc::new(Fuse::default()));
        opened.ok().map(|(store, _)| store)
    }

    /// Whether it was made of a folder that had been closed cleanly.
    pub(crate) fn is_closed(&self) -> bool {
        self.mark.is_some()
    }
}
