//! Reading what is stored of a partition, from whichever of its rows holds it ([`super::partition`]).

use super::StoreError;
use super::keys::{names, partitions};
use super::partition::{PartitionState, StoredPartition};
use super::rows::{Keyspace, RowView};
use crate::ids::{Partition, PartitionHash};

/// What is stored of a partition: nothing, or its state.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn read(view: &impl RowView, partition: &Partition) -> Result<Option<PartitionState>, StoreError> {
    let mut key = Vec::with_capacity(64);
    partitions::write_key(&mut key, partition);
    if let Some(row) = view.row(Keyspace::Partitions, &key)? {
        return partitions::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(partitions::NAME, &key));
    }
    let Some(row) = view.row(Keyspace::Names, &partition.hash.0)? else { return Ok(None) };
    match names::decode(partition.hash, row) {
        Some(names::Names { unlisted: Some(state), .. }) => Ok(Some(state)),
        Some(names::Names { unlisted: None, .. }) | None => {
            Err(StoreError::corrupt(names::NAME, &partition.hash.0))
        }
    }
}

/// The partition that a row of the keyspace of names tells of.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn of_names(
    view: &impl RowView,
    hash: PartitionHash,
    row: &[u8],
) -> Result<StoredPartition, StoreError> {
    let names = names::decode(hash, row).ok_or_else(|| StoreError::corrupt(names::NAME, &hash.0))?;
    let state = match names.unlisted {
        Some(state) => Some(state),
        None => read(view, &names.partition)?,
    };
    let state = state.ok_or_else(|| StoreError::corrupt(names::NAME, &hash.0))?;
    Ok(StoredPartition { partition: names.partition, state })
}
