//! What clients of a cluster may rely on: writes that were acknowledged, and writes that a read has shown. Whoever reads
//! later sees them, or what was written over them.

use crate::keyspace::{ITEM_COUNT, ItemIndex};
use crate::oracle::{WriteId, Writes};

#[derive(Default)]
pub(crate) struct Promises([Writes; ITEM_COUNT]);

impl Promises {
    /// What a read that begins now has to show.
    pub(crate) fn of(&self, at: ItemIndex) -> Writes {
        self.0[at.0]
    }

    pub(crate) fn keep(&mut self, at: ItemIndex, id: WriteId) {
        self.0[at.0].insert(id);
    }

    pub(crate) fn keep_all(&mut self, at: ItemIndex, ids: &Writes) {
        self.0[at.0].extend(ids);
    }
}
