//! How far the tree is behind.

use super::{JournalledStore, NodeStore};
use crate::clock::monotonic_now;
use crate::store::journal::JournalFile;
use crate::store::lmdb::StoreStats;
use crate::store::rows::Keyspace;
use crate::store::tree::Tree;
use crate::store::{Store, StoreError};
use std::time::Duration;

/// What lies between a journal and its tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JournalStats {
    /// Bytes of the journal that hold records which the tree may lack.
    pub journal_bytes: u64,
    /// What that can grow to.
    pub journal_bytes_max: u64,
    /// About how much memory the rows take that the tree may lack.
    pub memtable_bytes: u64,
    /// How long the last checkpoint took.
    pub last_checkpoint: Duration,
    /// The groups that were committed since the newest one that the tree holds.
    pub lag_groups: u64,
    /// How old the oldest row of the active table is.
    pub lag: Duration,
    /// Whether rows are on their way into the tree.
    pub is_checkpointing: bool,
    /// What was committed since the start.
    pub commits: Commits,
}

/// Groups of writes that became durable since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Commits {
    /// How many.
    pub groups: u64,
    /// Rows in them.
    pub rows: u64,
    /// How long they took, from the first row that was looked up to the end of the sync.
    pub took: Duration,
}

/// How full a store is, and how far its tree is behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeStats {
    /// What the tree holds; items and partitions count what is not there yet, too.
    pub tree: StoreStats,
    /// What lies before it.
    pub journal: JournalStats,
}

impl NodeStore {
    /// How full the store is. Takes longer the more rows the tree lacks: each is looked up there, to count it once.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn stats(&self) -> Result<NodeStats, StoreError> {
        let snapshot = self.snapshot()?;
        let mut tree = self.tree.stats()?;
        tree.items = snapshot.rows(Keyspace::Items)?;
        tree.partitions = snapshot.rows(Keyspace::Partitions)?;
        Ok(NodeStats { tree, journal: self.journal_stats() })
    }
}

impl<T: Tree, F: JournalFile> JournalledStore<T, F> {
    /// How far the tree is behind.
    pub fn journal_stats(&self) -> JournalStats {
        let writer = self.writer();
        let (since, tables) = (writer.active_since, self.tables.load());
        JournalStats {
            journal_bytes: writer.journal.used_bytes(),
            journal_bytes_max: writer.journal.capacity(),
            memtable_bytes: tables.bytes(),
            last_checkpoint: writer.last_checkpoint,
            lag_groups: writer.journal.last().sequence - writer.applied.sequence,
            lag: since.map_or(Duration::ZERO, |since| monotonic_now().saturating_duration_since(since)),
            commits: writer.commits,
            is_checkpointing: tables.frozen.is_some(),
        }
    }
}
