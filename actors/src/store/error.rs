//! What can go wrong under a read and under a commit, each with its cause.

use super::group::DeltaOverflow;
use std::error::Error;
use std::io;
use std::sync::Arc;

/// A read did not come through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The environment could not be read.
    #[error("the store cannot be read: {0}")]
    Unreadable(#[source] Failure),
    /// A row does not hold what its keyspace's layout says.
    #[error("a row of keyspace `{keyspace}` is corrupt: key {key}")]
    Corrupt {
        /// The keyspace's name.
        keyspace: &'static str,
        /// The row's key in hex; a sort key as it is.
        key: String,
    },
}

impl StoreError {
    pub(super) fn corrupt(keyspace: &'static str, key: &[u8]) -> StoreError {
        StoreError::Corrupt { keyspace, key: hex::encode(key) }
    }
}

/// A transaction did not come through. Nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The map has no room. Reads and deletions go on.
    #[error("the store's map is full: raise `lmdb_map_size`, or delete items")]
    MapFull,
    /// The file system has no room. Reads and deletions go on.
    #[error("the disk is full: free space on it, or delete items")]
    DiskFull,
    /// The environment may no longer be trusted to keep a write: it must be reopened before it takes another one.
    #[error("the store failed: {0}")]
    Broken(#[source] Failure),
}

impl From<FailureCause> for CommitError {
    fn from(cause: FailureCause) -> CommitError {
        CommitError::Broken(Failure::from(cause))
    }
}

/// A transaction that cannot read what it builds on.
impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> CommitError {
        match error {
            StoreError::Unreadable(failure) => CommitError::Broken(failure),
            StoreError::Corrupt { keyspace, key } => FailureCause::Corrupt { keyspace, key }.into(),
        }
    }
}

impl From<DeltaOverflow> for CommitError {
    fn from(_: DeltaOverflow) -> CommitError {
        FailureCause::Overflow.into()
    }
}

/// The failure of an environment. It is shared by all who are told of it, and equal to nothing but itself.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Failure(Arc<FailureCause>);

impl Failure {
    /// Why the environment failed.
    pub fn cause(&self) -> &FailureCause {
        &self.0
    }
}

impl From<FailureCause> for Failure {
    fn from(cause: FailureCause) -> Failure {
        Failure(Arc::new(cause))
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Failure) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Failure {}

/// Why an environment failed.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// LMDB gave up.
    #[error("LMDB: {0}")]
    Lmdb(#[source] Box<dyn Error + Send + Sync>),
    /// The system refused to read, write or sync.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The system refused to write or sync the journal.
    #[error("journal: {0}")]
    Journal(#[source] io::Error),
    /// A record that was promised room in the journal found none.
    #[error("the journal has no room where there was some")]
    JournalRoom,
    /// A row that the transaction builds on cannot be understood.
    #[error("a row of keyspace `{keyspace}` is corrupt: key {key}")]
    Corrupt {
        /// The keyspace's name.
        keyspace: &'static str,
        /// The row's key in hex; a sort key as it is.
        key: String,
    },
    /// The counters of a partition are not those of its items.
    #[error("a counter of a partition would fall below zero")]
    Miscounted,
    /// The writes of a transaction cannot all be counted.
    #[error("the changes of a partition's counters overflow")]
    Overflow,
}
