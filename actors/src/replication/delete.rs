//! Deleting a range: tombstones that overwrite exactly what was read, so that a value which is written at the same time
//! survives.

use super::items::{Filter, ItemsReader};
use super::page::Selection;
use crate::causality::{Item, Value};
use crate::ids::{KeyError, Partition, SortKey};
use crate::shard::ItemWrite;
use crate::store::range::KeyRange;

/// A reader of the items that a deletion of `range` has to overwrite: those that hold a value. The tombstones of a page
/// are written in one transaction before the next page is read.
pub fn deletion(range: KeyRange) -> ItemsReader {
    ItemsReader::new(Selection::Range(range), Filter::default(), None)
}

/// The write that deletes an item as it was read.
///
/// # Errors
/// [`KeyError`] if a source holds a key that no item can have.
pub fn tombstone(partition: &Partition, sort_key: &str, item: &Item<'_>) -> Result<ItemWrite, KeyError> {
    Ok(ItemWrite {
        partition: partition.clone(),
        sort_key: SortKey::new(sort_key)?,
        context: item.token_context(),
        value: Value::Tombstone,
    })
}
