//! What the oracle says a journal holds: after each group, and how many groups no crash may take back.

use crate::oracle::{Held, WriteId};
use std::collections::BTreeMap;

/// The groups of one environment.
#[derive(Clone)]
pub(crate) struct Ledger {
    /// The last group that must be there.
    promised: u64,
    /// From there on, what is held after each group.
    after: BTreeMap<u64, Entry>,
}

/// The state after one group.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) held: Held,
    /// What the group wrote.
    pub(crate) ids: Vec<WriteId>,
}

impl Ledger {
    /// Of an environment that is new.
    pub(crate) fn new() -> Ledger {
        let nothing = Entry { held: Held::default(), ids: Vec::new() };
        Ledger { promised: 0, after: BTreeMap::from([(0, nothing)]) }
    }

    /// A group is on its way to the disk, after which `held` is.
    pub(crate) fn begin(&mut self, group: u64, held: Held, ids: &[WriteId]) {
        self.after.insert(group, Entry { held, ids: ids.to_vec() });
    }

    /// A group was refused: it is nowhere.
    pub(crate) fn refuse(&mut self, group: u64) {
        self.after.remove(&group);
    }

    /// From now on a group must be there, and all before it.
    pub(crate) fn promise(&mut self, group: u64) {
        self.promised = group;
        self.after = self.after.split_off(&group);
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised
    }

    /// What is held after a group; `None` if there never was one, or if later ones must be there.
    pub(crate) fn after(&self, group: u64) -> Option<&Entry> {
        self.after.get(&group)
    }
}
