//! A snapshot of tables and tree is of one moment, whatever happens between taking the one and the other.

use crate::model::{Model, commit};
use crate::recorded::RecordedFile;
use std::sync::{Arc, Mutex, OnceLock};
use troupe_actors::mutation::{Mutation, turn_on};
use troupe_actors::store::journal::Header;
use troupe_actors::store::journalled::{Durability, JournalledStore};
use troupe_actors::store::memory::{MemorySnapshot, MemoryStore};
use troupe_actors::store::rows::RowChange;
use troupe_actors::store::tree::{Tree, TreeNeed};
use troupe_actors::store::{CommitError, Epoch, Store, StoreError, Write};

type Meanwhile = Box<dyn FnOnce(&Interrupted) + Send>;
type Interrupted = JournalledStore<InterruptedTree, RecordedFile>;

/// A tree of which a view cannot be taken without something happening first.
struct InterruptedTree {
    tree: MemoryStore,
    store: Arc<OnceLock<Arc<Interrupted>>>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl Tree for InterruptedTree {
    type View<'t> = MemorySnapshot;

    fn view(&self) -> Result<MemorySnapshot, StoreError> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let (Some(meanwhile), Some(store)) = (meanwhile, self.store.get()) {
            meanwhile(store);
        }
        self.tree.view()
    }

    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError> {
        self.tree.apply(rows)
    }

    fn promise_room(&self, need: TreeNeed) -> Result<(), CommitError> {
        self.tree.promise_room(need)
    }

    fn epoch(&self) -> Epoch {
        Tree::epoch(&self.tree)
    }

    fn end_epoch(&self) {
        Tree::end_epoch(&self.tree);
    }
}

/// Commits `before`, brings so many rows of it into the tree, and takes a snapshot, which is interrupted by a commit of
/// `after` and so many steps of a checkpoint. It must show all of `after`, or nothing.
fn check(rows_before: usize, steps_meanwhile: usize) {
    let header = Header { environment: 7, capacity: 64 << 10 };
    let place = Arc::new(OnceLock::new());
    let tree = InterruptedTree {
        tree: MemoryStore::new(Epoch(1)),
        store: Arc::clone(&place),
        meanwhile: Mutex::new(None),
    };
    let store =
        Arc::new(JournalledStore::new(tree, RecordedFile::new(header), header, Durability::Commit).unwrap());
    place.set(Arc::clone(&store)).ok().unwrap();
    let mut model = Model::default();
    let mut group = |value: &[u8]| -> Vec<Write> {
        ["a", "b", "c", "d"].map(|name| model.put("p", name, Some(value))).to_vec()
    };
    let (before, after) = (group(b"before"), group(b"after"));
    commit(&*store, &before);
    for _ in 0..rows_before {
        store.checkpoint_step(1).unwrap();
    }
    let meanwhile = move |store: &Interrupted| {
        commit(store, &after);
        for _ in 0..steps_meanwhile {
            store.checkpoint_step(1).unwrap();
        }
    };
    *store.tree().meanwhile.lock().unwrap() = Some(Box::new(meanwhile));
    let snapshot = store.snapshot().unwrap();
    let shown = crate::model::items(&snapshot, "p", &troupe_actors::store::range::KeyRange::all());
    let values: Vec<_> = shown.iter().map(|(_, item)| item.values()[0].bytes().unwrap()).collect();
    let is_whole = values == vec![&b"before"[..]; 4] || values == vec![&b"after"[..]; 4];
    assert!(is_whole, "{rows_before} rows before, {steps_meanwhile} steps: {values:?}");
}

#[test]
fn a_relaxed_journal_is_synced_in_the_background() {
    let header = Header { environment: 7, capacity: 64 << 10 };
    let file = RecordedFile::new(header);
    let store =
        JournalledStore::new(MemoryStore::new(Epoch(1)), file.clone(), header, Durability::Relaxed).unwrap();
    let is_synced = || file.state().1.is_empty();
    commit(&store, &[Model::default().put("p", "s", Some(b"v"))]);
    assert!(!is_synced(), "a commit waits for no sync");
    std::thread::scope(|scope| {
        scope.spawn(|| store.run_syncs().unwrap());
        while !is_synced() {
            std::thread::yield_now();
        }
        store.stop_background();
    });
}

#[test]
fn no_row_of_a_relaxed_journal_reaches_the_tree_before_its_record_is_synced() {
    let header = Header { environment: 7, capacity: 64 << 10 };
    let file = RecordedFile::new(header);
    let store =
        JournalledStore::new(MemoryStore::new(Epoch(1)), file.clone(), header, Durability::Relaxed).unwrap();
    commit(&store, &[Model::default().put("p", "s", Some(b"v"))]);
    store.checkpoint_step(1).unwrap();
    assert!(file.state().1.is_empty());
}

#[test]
fn a_snapshot_that_does_not_look_again_is_found() {
    let found = std::thread::spawn(|| {
        turn_on(Some(Mutation::OldTableHidesNewerTree));
        check(6, 1);
    });
    assert!(found.join().is_err());
}

#[test]
fn no_table_hides_a_newer_tree_and_no_row_is_in_neither() {
    for rows_before in 0..7 {
        for steps_meanwhile in 0..15 {
            check(rows_before, steps_meanwhile);
        }
    }
}
