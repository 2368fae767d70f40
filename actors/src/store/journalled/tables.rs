//! The tables that readers look into before the tree.

use crate::store::memtable::Memtable;
use crate::store::rows::Keyspace;
use std::sync::Arc;

/// The tables of one moment.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// What was written since the last freeze.
    pub(super) active: Memtable,
    /// What is on its way into the tree.
    pub(super) frozen: Option<Arc<Memtable>>,
    /// Changes when a table is frozen, and when a frozen one is dropped.
    pub(super) generation: u64,
}

impl Tables {
    /// The tables with another active one.
    pub(super) fn with_active(&self, active: Memtable) -> Tables {
        Tables { active, frozen: self.frozen.clone(), generation: self.generation }
    }

    /// The tables after the active one was frozen.
    pub(super) fn with_frozen(&self, frozen: Arc<Memtable>) -> Tables {
        Tables { active: Memtable::default(), frozen: Some(frozen), generation: self.generation + 1 }
    }

    /// The tables after the tree took the frozen one over.
    pub(super) fn without_frozen(&self) -> Tables {
        Tables { active: self.active.clone(), frozen: None, generation: self.generation + 1 }
    }

    /// What the tables know of a row, the newest first: nothing, or its content, which is `None` if it was removed.
    pub(super) fn row(&self, keyspace: Keyspace, key: &[u8]) -> Option<Option<&[u8]>> {
        self.active.row(keyspace, key).or_else(|| self.frozen.as_ref()?.row(keyspace, key))
    }

    /// Whether the tree holds everything.
    pub(super) fn are_empty(&self) -> bool {
        self.layers().next().is_none()
    }

    /// The tables that hold something, the newest first.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Memtable> {
        std::iter::once(&self.active).chain(self.frozen.as_deref()).filter(|table| !table.is_empty())
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> u64 {
        self.layers().map(Memtable::bytes).sum()
    }
}
