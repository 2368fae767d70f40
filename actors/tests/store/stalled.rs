//! A tree that takes nothing, although room was promised: somebody else filled the disk. What was acknowledged waits in
//! the journal, and nobody waits for ever.

use crate::model::{Model, commit};
use crate::recorded::RecordedFile;
use std::sync::atomic::{AtomicBool, Ordering};
use troupe_actors::store::journal::Header;
use troupe_actors::store::journalled::{Durability, JournalledStore};
use troupe_actors::store::memory::{MemorySnapshot, MemoryStore};
use troupe_actors::store::rows::RowChange;
use troupe_actors::store::tree::{Tree, TreeNeed};
use troupe_actors::store::{CommitError, Epoch, Store, StoreError, Write};

const HEADER: Header = Header { environment: 7, capacity: 32 << 10 };

struct FullTree {
    tree: MemoryStore,
    is_full: AtomicBool,
}

impl Tree for FullTree {
    type View<'t> = MemorySnapshot;

    fn view(&self) -> Result<MemorySnapshot, StoreError> {
        self.tree.view()
    }

    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError> {
        if self.is_full.load(Ordering::Acquire) { Err(CommitError::DiskFull) } else { self.tree.apply(rows) }
    }

    fn promise_room(&self, _: TreeNeed) -> Result<(), CommitError> {
        if self.is_full.load(Ordering::Acquire) { Err(CommitError::DiskFull) } else { Ok(()) }
    }

    fn epoch(&self) -> Epoch {
        Tree::epoch(&self.tree)
    }

    fn end_epoch(&self) {
        Tree::end_epoch(&self.tree);
    }
}

fn store() -> JournalledStore<FullTree, RecordedFile> {
    let tree = FullTree { tree: MemoryStore::new(Epoch(1)), is_full: AtomicBool::new(false) };
    JournalledStore::new(tree, RecordedFile::new(HEADER), HEADER, Durability::Commit).unwrap()
}

/// Deletes items, one group each, until a group is refused.
fn delete_until_refused(store: &impl Store, model: &mut Model) -> CommitError {
    for n in 0..1000 {
        let before = model.clone();
        let write: Write = model.put("p", &format!("{}", n % 10), None);
        if let Err(refused) = store.commit(&mut std::iter::once(&write)) {
            *model = before;
            return refused;
        }
    }
    panic!("the journal never was full")
}

#[test]
fn what_was_acknowledged_waits_in_the_journal_for_a_tree_that_is_full() {
    let store = store();
    let mut model = Model::default();
    let put = |model: &mut Model, n: usize| model.put("p", &n.to_string(), Some(b"v"));
    (0..10).for_each(|n| commit(&store, &[put(&mut model, n)]));
    store.tree().is_full.store(true, Ordering::Release);
    assert_eq!(store.checkpoint(), Err(CommitError::DiskFull));
    model.check(&store);
    let grows = put(&mut model.clone(), 11);
    assert_eq!(store.commit(&mut std::iter::once(&grows)), Err(CommitError::DiskFull));
    // Deletions go on as long as the journal has room.
    assert_eq!(delete_until_refused(&store, &mut model), CommitError::DiskFull);
    model.check(&store);
    store.tree().is_full.store(false, Ordering::Release);
    commit(&store, &[put(&mut model, 12)]);
    store.checkpoint().unwrap();
    model.check(&store);
}

#[test]
fn a_writer_that_waits_for_room_is_told_when_the_tree_takes_nothing() {
    let store = store();
    let mut model = Model::default();
    let wait_for_the_tree = || {
        while store.journal_stats().lag_groups > 0 {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        let checkpoints = scope.spawn(|| store.run_checkpoints());
        // More than a quarter of the journal: a checkpoint is due, and shows that the thread is there.
        (0..20).for_each(|n| commit(&store, &[model.put("p", &n.to_string(), Some(b"v"))]));
        wait_for_the_tree();
        store.tree().is_full.store(true, Ordering::Release);
        assert_eq!(delete_until_refused(&store, &mut model), CommitError::DiskFull);
        store.tree().is_full.store(false, Ordering::Release);
        wait_for_the_tree();
        commit(&store, &[model.put("p", "after", Some(b"v"))]);
        store.stop_background();
        checkpoints.join().unwrap().unwrap();
    });
    model.check(&store);
}
