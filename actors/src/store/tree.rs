//! The tree behind a journal: where rows lie for good, and ranges are read from.

use super::rows::{RowChange, RowView};
use super::{CommitError, Epoch, StoreError};

/// A durable tree of rows with one writer at a time.
pub trait Tree: Send + Sync + 'static {
    /// A view as of one transaction.
    type View<'t>: RowView
    where
        Self: 't;

    /// A view as of the last transaction before it was taken.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    fn view(&self) -> Result<Self::View<'_>, StoreError>;

    /// Applies rows, best ascending by keyspace and key, in one transaction, and returns once it is durable.
    ///
    /// # Errors
    /// [`CommitError`]; then none of them is applied.
    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError>;

    /// Makes sure that rows that need `need` find room whenever they come, beside what the tree keeps for deletions.
    ///
    /// # Errors
    /// [`CommitError::MapFull`] or [`CommitError::DiskFull`] if that cannot be promised; [`CommitError::Broken`].
    fn promise_room(&self, need: TreeNeed) -> Result<(), CommitError>;

    /// The epoch that opening the tree began or resumed.
    fn epoch(&self) -> Epoch;

    /// Has the next opening begin a new epoch.
    fn end_epoch(&self);
}

/// How much room rows take in a tree at worst.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TreeNeed {
    /// Bytes of rows that share pages with others.
    pub shared_bytes: u64,
    /// Bytes of rows that are too large for that, rounded up to pages of their own.
    pub own_bytes: u64,
}

/// The smallest page in use.
const PAGE_BYTES: u64 = 4096;

/// Keys and values that are together longer than this lie on pages of their own: LMDB wants two rows on a page.
const SHARED_ROW_BYTES_MAX: u64 = 2000;

/// What a row takes beside its key and value: LMDB's node and its place in the page.
const NODE_BYTES: u64 = 16;

impl TreeNeed {
    /// What one row takes.
    pub(crate) fn of(row: &RowChange<'_>) -> TreeNeed {
        let Some(value) = row.value else { return TreeNeed::default() };
        let (key_bytes, value_bytes) = (row.key.len() as u64 + NODE_BYTES, value.len() as u64);
        if key_bytes + value_bytes <= SHARED_ROW_BYTES_MAX {
            TreeNeed { shared_bytes: key_bytes + value_bytes, own_bytes: 0 }
        } else {
            let own_bytes = (value_bytes + NODE_BYTES).next_multiple_of(PAGE_BYTES);
            TreeNeed { shared_bytes: key_bytes, own_bytes }
        }
    }

    /// Both together.
    pub(crate) fn and(self, other: TreeNeed) -> TreeNeed {
        TreeNeed {
            shared_bytes: self.shared_bytes + other.shared_bytes,
            own_bytes: self.own_bytes + other.own_bytes,
        }
    }

    /// Bytes of pages. A page that splits leaves two half full, and every leaf costs its part of a branch.
    pub(crate) fn pages_bytes(self) -> u64 {
        self.shared_bytes
            .saturating_mul(2)
            .saturating_add(self.shared_bytes / 8)
            .saturating_add(self.own_bytes)
    }
}
