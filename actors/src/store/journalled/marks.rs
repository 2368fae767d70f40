//! What the tree remembers of its journal.

use crate::store::journal::log::Known;
use crate::store::journal::{Header, JournalError, Stamp};
use crate::store::keys::environment::{self, APPLIED_KEY, JOURNAL_KEY, OPENING_KEY};
use crate::store::rows::{Keyspace, RowChange, RowView};
use crate::store::tree::Tree;
use crate::store::{CommitError, StoreError};

/// The journal that a tree belongs with; `None` if it never had one.
pub(super) fn journal_of<T: Tree>(tree: &T) -> Result<Option<Header>, StoreError> {
    let numbers = numbers(&tree.view()?, JOURNAL_KEY)?;
    Ok(numbers.map(|[environment, capacity]| Header { environment, capacity }))
}

/// What the tree knows of the journal with this header.
pub(super) fn read<T: Tree>(tree: &T, header: Header) -> Result<Known, JournalError> {
    if journal_of(tree)?.is_some_and(|own| own != header) {
        return Err(JournalError::Foreign);
    }
    let view = tree.view()?;
    let [opening, sequence, written] = numbers(&view, APPLIED_KEY)?.unwrap_or_default();
    let [openings] = numbers(&view, OPENING_KEY)?.unwrap_or_default();
    Ok(Known { applied: Stamp { opening, sequence }, written, openings })
}

/// Has the tree remember that the journal with this header was opened.
pub(super) fn write_opening<T: Tree>(tree: &T, header: Header, opening: u64) -> Result<(), CommitError> {
    let journal = environment::encode_u64s([header.environment, header.capacity]);
    let opening = environment::encode_u64s([opening]);
    let rows = [mark(JOURNAL_KEY, &journal), mark(OPENING_KEY, &opening)];
    tree.apply(&mut rows.into_iter())
}

/// The row that says up to which record the tree holds everything, and up to which single rows.
pub(super) fn encode_applied(applied: Stamp, written: u64) -> Vec<u8> {
    environment::encode_u64s([applied.opening, applied.sequence, written])
}

/// That row.
pub(super) fn applied_row(encoded: &[u8]) -> RowChange<'_> {
    mark(APPLIED_KEY, encoded)
}

fn mark<'r>(key: &'r [u8], value: &'r [u8]) -> RowChange<'r> {
    RowChange { keyspace: Keyspace::Environment, key, value: Some(value) }
}

fn numbers<const N: usize>(view: &impl RowView, key: &[u8]) -> Result<Option<[u64; N]>, StoreError> {
    let Some(row) = view.row(Keyspace::Environment, key)? else { return Ok(None) };
    environment::decode_u64s(row).map(Some).ok_or_else(|| StoreError::corrupt(environment::NAME, key))
}
