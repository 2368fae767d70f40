//! Rows as bytes: what a store's keyspaces, its journal and its memtable have in common.

use super::StoreError;
use std::ops::Bound;

/// A keyspace, under the number that stands for it in the journal. Append only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Keyspace {
    /// Items.
    Items = 1,
    /// Partitions and their counters.
    Partitions = 2,
    /// What shards keep beside their items.
    Shards = 3,
    /// The control plane.
    Control = 4,
    /// What an environment knows of itself.
    Environment = 5,
    /// The names of partitions, by their place.
    Names = 6,
    /// Long values, apart from their items.
    Values = 7,
}

impl Keyspace {
    /// Every keyspace, by number.
    pub const ALL: [Keyspace; 7] = [
        Keyspace::Items,
        Keyspace::Partitions,
        Keyspace::Shards,
        Keyspace::Control,
        Keyspace::Environment,
        Keyspace::Names,
        Keyspace::Values,
    ];

    /// The keyspace that `number` stands for.
    pub fn of_number(number: u8) -> Option<Keyspace> {
        Keyspace::ALL.into_iter().find(|keyspace| *keyspace as u8 == number)
    }
}

/// The final state of one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowChange<'r> {
    /// Where it lies.
    pub keyspace: Keyspace,
    /// Its key within the keyspace.
    pub key: &'r [u8],
    /// Its content; `None` removes it.
    pub value: Option<&'r [u8]>,
}

/// Two bounds of raw keys.
pub type RowBounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Keys and contents of rows, in the order that was asked for.
pub type RowIter<'v> = Box<dyn Iterator<Item = Result<(&'v [u8], &'v [u8]), StoreError>> + 'v>;

/// A consistent view of a store's rows. Whatever is one is a [`Snapshot`](super::Snapshot), too.
pub trait RowView {
    /// The content of one row.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<&[u8]>, StoreError>;

    /// The rows between two bounds, ascending by key, or descending.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`], here or from the iterator.
    fn range(
        &self,
        keyspace: Keyspace,
        bounds: RowBounds,
        descending: bool,
    ) -> Result<RowIter<'_>, StoreError>;
}
