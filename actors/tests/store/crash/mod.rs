//! Crashes at any moment. A journal's file and a tree's remember what was synced and what was not; the disk then loses,
//! keeps or tears whatever was under way, sector by sector, and the store that is opened on what is left has to hold
//! every group that was acknowledged, and of the others each as a whole or not at all.
//!
//! `TROUPE_TEST_CRASH_IMAGES` says how many such disks are tried.

mod file;
mod moment;
mod tree;

use crate::model::{Model, options};
use file::{CrashFile, FileState};
use moment::{Moment, Moments};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tree::{CrashTree, TreeState};
use troupe_actors::mutation::{Mutation, turn_on};
use troupe_actors::store::journal::Header;
use troupe_actors::store::journalled::{Durability, JournalledStore};
use troupe_actors::store::lmdb::{LmdbStore, OpenError};
use troupe_actors::store::{Store, Write};

const IMAGES_DEFAULT: usize = 10_000;

/// Images within which each mistake must be found.
const MUTATION_IMAGES_MAX: usize = 3_000;

/// So short that it goes round every few groups.
const HEADER: Header = Header { environment: 0xC4A5, capacity: 12 << 10 };

/// Steps of one life.
const STEPS_MAX: usize = 14;

type CrashStore = JournalledStore<CrashTree, CrashFile>;

/// A disk, and what the store on it may hold.
struct Story {
    random: StdRng,
    durability: Durability,
    /// The model after each group, from the empty one on.
    models: Vec<Model>,
    images: usize,
}

impl Story {
    /// Lives one after the other, each on what a crash left of the one before.
    fn tell(seed: u64, dir: &Path, new_tree: &[u8], images_max: usize) -> usize {
        let mut random = StdRng::seed_from_u64(seed);
        let durability = if random.random_bool(0.5) { Durability::Commit } else { Durability::Relaxed };
        let mut story = Story { random, durability, models: vec![Model::default()], images: 0 };
        let mut disk = (new_tree.to_vec(), FileState::new(HEADER));
        while story.images < images_max && story.models.len() < 80 {
            disk = story.live(dir, &disk);
        }
        story.images
    }

    /// Opens the store on a disk, works with it, tries the crashes of all moments, and returns one of them.
    fn live(&mut self, dir: &Path, disk: &(Vec<u8>, FileState)) -> (Vec<u8>, FileState) {
        let (store, moments) = self.open(dir, disk, self.models.len() - 1).unwrap();
        for _ in 0..self.random.random_range(1..=STEPS_MAX) {
            self.step(&store, &moments);
        }
        self.models.last().unwrap().check(&store);
        drop(store);
        let moments = moments.take();
        let all = self.models.clone();
        let mut left = None;
        for moment in &moments {
            let keeps = self.random.random_range(0..=4);
            let keeps_one = |random: &mut StdRng| random.random_range(0..4) < keeps;
            let tree = moment.tree.after_crash(|| keeps_one(&mut self.random));
            let journal = moment.journal.after_crash(|| keeps_one(&mut self.random));
            let disk = (tree, journal);
            let groups = self.check(dir, &disk, moment, &all);
            if left.is_none() || self.random.random_range(0..moments.len()) == 0 {
                left = Some((disk, groups));
            }
        }
        let (disk, groups) = left.unwrap_or_else(|| (disk.clone(), all.len() - 1));
        self.models = all;
        self.models.truncate(groups + 1);
        disk
    }

    /// The store on this disk holds what was promised at this moment. Returns how many groups that are.
    fn check(&mut self, dir: &Path, disk: &(Vec<u8>, FileState), moment: &Moment, all: &[Model]) -> usize {
        self.images += 1;
        let (store, _) = self.open(dir, disk, 0).unwrap_or_else(|error| panic!("not opened: {error}"));
        let groups = store.last_commit().sequence as usize;
        assert!(
            groups >= moment.promised,
            "{groups} groups are left of {} that were promised",
            moment.promised
        );
        assert!(groups < all.len(), "{groups} groups of {} that were ever written", all.len() - 1);
        all[groups].check(&store);
        if self.random.random_bool(0.2) {
            store.checkpoint().unwrap();
            all[groups].check(&store);
        }
        groups
    }

    fn open(
        &self,
        dir: &Path,
        (tree, journal): &(Vec<u8>, FileState),
        promised: usize,
    ) -> Result<(CrashStore, Arc<Moments>), troupe_actors::store::journal::JournalError> {
        clear(dir);
        fs::write(dir.join("data.mdb"), tree).unwrap();
        // A process that another test starts holds the lock that it inherited until it runs its program.
        let tree = loop {
            match LmdbStore::open(dir, &options(1)) {
                Err(OpenError::InUse { .. }) => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let now = Moment { journal: journal.clone(), tree: TreeState::of(dir), promised };
        let moments = Arc::new(Moments::new(now));
        let tree = CrashTree::new(tree, dir, Arc::clone(&moments));
        let file = CrashFile::new(journal.clone(), Arc::clone(&moments));
        let store = JournalledStore::new(tree, file, HEADER, self.durability)?;
        // What was shown once must stay.
        moments.promise(store.last_commit().sequence as usize);
        Ok((store, moments))
    }

    fn step(&mut self, store: &CrashStore, moments: &Moments) {
        match self.random.random_range(0..10) {
            0..6 => {
                let mut model = self.models.last().unwrap().clone();
                let writes: Vec<Write> =
                    (0..self.random.random_range(1..4)).map(|_| self.write(&mut model)).collect();
                self.models.push(model);
                store.commit(&mut writes.iter()).unwrap();
                if self.durability == Durability::Commit {
                    moments.promise(self.models.len() - 1);
                }
            }
            6..9 => {
                let rows = self.random.random_range(1..8);
                store.checkpoint_step(rows).unwrap();
            }
            _ => {
                store.sync_journal().unwrap();
                moments.promise(self.models.len() - 1);
            }
        }
    }

    fn write(&mut self, model: &mut Model) -> Write {
        let (partition, sort_key) =
            (["p", "q"][self.random.random_range(0..2)], self.random.random_range(0..6));
        let length = if self.random.random_bool(0.1) { 2500 } else { self.random.random_range(0..300) };
        let value = vec![self.random.next_u32() as u8; length];
        let value = self.random.random_bool(0.8).then_some(value.as_slice());
        model.put(partition, &sort_key.to_string(), value)
    }
}

/// Leaves the folder with its reserve alone, which takes time to make.
fn clear(dir: &Path) {
    for name in ["data.mdb", "lock.mdb", "closed-cleanly"] {
        let _ = fs::remove_file(dir.join(name));
    }
}

/// A folder in memory where there is one: each image is synced several times.
fn folder() -> tempfile::TempDir {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { tempfile::tempdir_in(in_memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Tells stories until so many images were tried.
fn tell(first_seed: u64, images_max: usize) {
    let dir = folder();
    drop(LmdbStore::open(dir.path(), &options(1)).unwrap());
    let new_tree = TreeState::of(dir.path()).after_crash(|| true);
    let (mut images, mut seed) = (0, first_seed);
    while images < images_max {
        let told = std::panic::catch_unwind(|| Story::tell(seed, dir.path(), &new_tree, images_max - images));
        images += told.unwrap_or_else(|panic| {
            println!("the story of seed {seed} ends badly");
            std::panic::resume_unwind(panic)
        });
        seed += 1;
    }
}

#[test]
fn whatever_a_crash_leaves_every_acknowledged_group_is_there() {
    let images =
        std::env::var("TROUPE_TEST_CRASH_IMAGES").map_or(IMAGES_DEFAULT, |text| text.parse().unwrap());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || tell(thread << 32, images / 2));
        }
    });
}

#[test]
fn mistakes_of_the_journal_are_found() {
    for mutation in [
        Mutation::AcknowledgedBeforeTheSync,
        Mutation::RoomGivenBackBeforeTheTree,
        Mutation::ReplayStopsOneRecordEarly,
    ] {
        let found = std::thread::spawn(move || {
            turn_on(Some(mutation));
            tell(7 << 32, MUTATION_IMAGES_MAX);
        });
        assert!(found.join().is_err(), "{mutation:?} is not found");
    }
}
