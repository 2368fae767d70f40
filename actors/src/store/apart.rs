//! Long values lie apart from their items, so that what is written beside them costs what it adds.
//!
//! A shard makes the row of a new state with all values in it. The commit takes the long ones out: those that the stored row has
//! apart already are left alone, those that are new get rows of their own, and those that are gone are removed. A snapshot
//! puts them together again, borrowing each value from where it lies.

use super::StoreError;
use super::keys::items::{self, Apart};
use super::keys::values;
use super::rows::{Keyspace, RowView};
use crate::causality::{Dot, Item, Value};
use crate::limits::VALUE_WITH_ITEM_BYTES_MAX;
use std::borrow::Cow;

/// Whether some value of the item lies apart from it.
pub(crate) fn has_apart(item: &Item<'_>) -> bool {
    item.siblings().any(|(_, value)| is_apart(value))
}

fn is_apart(value: &Value<'_>) -> bool {
    value.bytes().is_some_and(|bytes| bytes.len() > VALUE_WITH_ITEM_BYTES_MAX)
}

/// An item's row without its long values, and what becomes of those.
pub(crate) struct Split<'w> {
    /// The row, if it differs from the one with all values in it.
    pub(crate) row: Option<Vec<u8>>,
    /// Rows of values by their keys: new ones, and those to be removed.
    pub(crate) values: Vec<(Vec<u8>, Option<&'w [u8]>)>,
}

/// Takes the long values out of `row`, the new row of the item whose row has the key `key`, or `None` if it has none any
/// more. `view` shows what is stored; `replaces_apart` says whether that may have values apart.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn split<'w>(
    view: &impl RowView,
    key: &[u8],
    row: Option<&'w [u8]>,
    replaces_apart: bool,
) -> Result<Split<'w>, StoreError> {
    let stored = if replaces_apart { stored_apart(view, key)? } else { Vec::new() };
    let mut split = Split { row: None, values: Vec::new() };
    let mut kept = Vec::new();
    // No shorter row has a long value in it.
    let long = row.filter(|row| row.len() > VALUE_WITH_ITEM_BYTES_MAX);
    if let Some((changed, mut item)) = long.and_then(items::decode_whole) {
        let mut apart = Vec::new();
        for (sibling, (dot, value)) in (0..).zip(item.siblings_mut()) {
            let Value::Bytes(Cow::Borrowed(bytes)) = *value else { continue };
            if !is_apart(value) {
                continue;
            }
            let checksum = match stored.iter().find(|(other, _)| *other == dot) {
                Some((_, checksum)) => *checksum,
                None => {
                    split.values.push((values::key(key, dot), Some(bytes)));
                    crc32c::crc32c(bytes)
                }
            };
            kept.push(dot);
            apart.push(Apart { sibling, checksum });
            *value = Value::Bytes(Cow::Borrowed(&[]));
        }
        if !apart.is_empty() {
            split.row = Some(items::encode_apart(key, changed, &apart, &item));
        }
    }
    let gone = stored.iter().map(|(dot, _)| *dot).filter(|dot| !kept.contains(dot));
    split.values.extend(gone.map(|dot| (values::key(key, dot), None)));
    Ok(split)
}

/// The values that the stored row of an item has apart, with their checksums. A row that is damaged tells nothing: its
/// values stay, which costs room only.
fn stored_apart(view: &impl RowView, key: &[u8]) -> Result<Vec<(Dot, u32)>, StoreError> {
    let Some(row) = view.row(Keyspace::Items, key)? else { return Ok(Vec::new()) };
    let Ok((stored, apart)) = items::decode(key, row) else { return Ok(Vec::new()) };
    let dots: Vec<Dot> = stored.item.siblings().map(|(dot, _)| dot).collect();
    let with_dot = |apart: Apart| Some((*dots.get(apart.sibling as usize)?, apart.checksum));
    Ok(apart.into_iter().filter_map(with_dot).collect())
}

/// Puts the values that lie apart into an item whose row has the key `key`.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing or damaged; [`StoreError::Unreadable`].
pub(crate) fn put_together<'v>(
    view: &'v impl RowView,
    key: &[u8],
    item: &mut Item<'v>,
    apart: &[Apart],
) -> Result<(), StoreError> {
    let mut apart = apart.iter().peekable();
    for (number, (dot, value)) in (0..).zip(item.siblings_mut()) {
        let Some(Apart { checksum, .. }) = apart.next_if(|apart| apart.sibling == number) else { continue };
        let row = view.row(Keyspace::Values, &values::key(key, dot))?;
        let intact = row.filter(|bytes| crc32c::crc32c(bytes) == *checksum);
        *value = Value::Bytes(Cow::Borrowed(intact.ok_or_else(|| items::corrupt(key))?));
    }
    if apart.next().is_some() { Err(items::corrupt(key)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
