//! The moments at which a machine could stop: what of journal and tree is on the disk then, and what was promised.

use super::file::FileState;
use super::tree::TreeState;
use std::sync::{Mutex, MutexGuard};

/// A moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) journal: FileState,
    pub(crate) tree: TreeState,
    /// Groups that must be there.
    pub(crate) promised: usize,
}

/// The moments of one life of a store.
pub(crate) struct Moments(Mutex<State>);

struct State {
    now: Moment,
    /// Those that were not looked at yet.
    past: Vec<Moment>,
}

impl Moments {
    pub(crate) fn new(now: Moment) -> Moments {
        Moments(Mutex::new(State { now, past: Vec::new() }))
    }

    /// The journal's file changed.
    pub(crate) fn journal(&self, journal: &FileState) {
        self.change(|now| now.journal = journal.clone());
    }

    /// The tree's file changed.
    pub(crate) fn tree(&self, tree: TreeState) {
        self.change(|now| now.tree = tree);
    }

    /// From now on so many groups must be there.
    pub(crate) fn promise(&self, promised: usize) {
        self.change(|now| now.promised = promised);
    }

    /// Every moment since this was asked the last time.
    pub(crate) fn take(&self) -> Vec<Moment> {
        std::mem::take(&mut self.lock().past)
    }

    fn change(&self, change: impl FnOnce(&mut Moment)) {
        let mut state = self.lock();
        change(&mut state.now);
        let now = state.now.clone();
        state.past.push(now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}
