use super::rows::Row;
use crate::store::{CommitError, Snapshot, Store, StoreError, Write};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Where the rows of the control plane lie. Every [`Store`] is one.
pub trait ControlStore: Send + Sync + 'static {
    /// All rows, by key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn load(&self) -> Result<Vec<Row>, StoreError>;

    /// Stores all rows or none, durable on return. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// [`CommitError`]; then no row is stored.
    fn persist(&self, rows: Vec<Row>) -> Result<(), CommitError>;
}

impl<S: Store> ControlStore for S {
    fn load(&self) -> Result<Vec<Row>, StoreError> {
        self.snapshot()?.control()
    }

    fn persist(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        let writes: Vec<Write> =
            rows.into_iter().map(|(key, value)| Write::PutControl { key, value }).collect();
        self.commit(&mut writes.iter())
    }
}

/// Rows in memory, for tests of what stands on the control plane.
#[derive(Debug, Default)]
pub struct MemoryControlStore {
    rows: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl ControlStore for MemoryControlStore {
    fn load(&self) -> Result<Vec<Row>, StoreError> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn persist(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
        Ok(())
    }
}
