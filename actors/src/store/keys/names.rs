//! Partitions that have rows, tombstones included: their names, by their place.
//!
//! ```text
//! hash[16]  →  bucket[32] ‖ 0 ‖ partition key                                the rest is in its row in `partitions`
//!              bucket[32] ‖ 1 ‖ rows u64 BE ‖ digest u64 BE ‖ partition key  it holds only tombstones, and has no such row
//! ```
//!
//! So a write to a partition that stays listed changes no row here, and a listing does not come across the partitions
//! that a queue left behind.

use crate::ids::{BucketId, Partition, PartitionHash, PartitionKey};
use crate::store::counters::PartitionCounters;
use crate::store::partition::PartitionState;

pub(crate) const NAME: &str = "names";

const LISTED: u8 = 0;
const UNLISTED: u8 = 1;

/// What a row says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Names {
    pub(crate) partition: Partition,
    /// What the partition holds, if no other row tells.
    pub(crate) unlisted: Option<PartitionState>,
}

/// Appends the row's content to `row`. Of the state only rows and digest are stored: its counters are zero.
pub(crate) fn encode(partition: &Partition, unlisted: Option<PartitionState>, row: &mut Vec<u8>) {
    row.extend_from_slice(&partition.bucket.0);
    match unlisted {
        None => row.push(LISTED),
        Some(state) => {
            row.push(UNLISTED);
            row.extend_from_slice(&state.rows.to_be_bytes());
            row.extend_from_slice(&state.digest.to_be_bytes());
        }
    }
    row.extend_from_slice(partition.key.as_str().as_bytes());
}

/// What [`encode`] wrote; `None` if the bytes are nothing that it writes.
pub(crate) fn decode(hash: PartitionHash, row: &[u8]) -> Option<Names> {
    let (bucket, row) = row.split_first_chunk::<32>()?;
    let (unlisted, name) = split_state(row)?;
    let key = PartitionKey::new(std::str::from_utf8(name).ok()?).ok()?;
    Some(Names { partition: Partition { bucket: BucketId(*bucket), key, hash }, unlisted })
}

/// The digest that the row holds; zero if it lies in another row. `None` as for [`decode`].
pub(crate) fn unlisted_digest(row: &[u8]) -> Option<u64> {
    let (_, row) = row.split_first_chunk::<32>()?;
    Some(split_state(row)?.0.map_or(0, |state| state.digest))
}

/// The place that a row's key names.
pub(crate) fn hash_of(key: &[u8]) -> Option<PartitionHash> {
    key.try_into().ok().map(PartitionHash)
}

fn split_state(row: &[u8]) -> Option<(Option<PartitionState>, &[u8])> {
    let (&kind, row) = row.split_first()?;
    match kind {
        LISTED => Some((None, row)),
        UNLISTED => {
            let (rows, row) = row.split_first_chunk()?;
            let (digest, row) = row.split_first_chunk()?;
            let (rows, digest) = (u64::from_be_bytes(*rows), u64::from_be_bytes(*digest));
            let state = PartitionState { counters: PartitionCounters::default(), rows, digest };
            Some((Some(state), row))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(partition: &Partition, unlisted: Option<PartitionState>) -> Vec<u8> {
        let mut row = Vec::new();
        encode(partition, unlisted, &mut row);
        row
    }

    #[test]
    fn the_bytes_of_a_row_never_change() {
        let partition = Partition::new(BucketId([7; 32]), PartitionKey::new("mail").unwrap());
        let bucket = "07".repeat(32);
        assert_eq!(hex::encode(row(&partition, None)), format!("{bucket}006d61696c"));
        let state = PartitionState { rows: 0x0102, digest: 3, ..PartitionState::default() };
        assert_eq!(
            hex::encode(row(&partition, Some(state))),
            format!("{bucket}01000000000000010200000000000000036d61696c")
        );
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(
            bucket: [u8; 32], name in "\\PC{1,200}", state in prop::option::of(any::<(u64, u64)>()),
        ) {
            let partition = Partition::new(BucketId(bucket), PartitionKey::new(&name).unwrap());
            let unlisted = state.map(|(rows, digest)| PartitionState { rows, digest, ..PartitionState::default() });
            let row = row(&partition, unlisted);
            let (hash, digest) = (partition.hash, unlisted.map_or(0, |state| state.digest));
            prop_assert_eq!(decode(hash, &row), Some(Names { partition, unlisted }));
            prop_assert_eq!(unlisted_digest(&row), Some(digest));
            prop_assert_eq!(hash_of(&hash.0), Some(hash));
        }

        #[test]
        fn no_bytes_are_too_wild_to_be_looked_at(row in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (decode(PartitionHash([0; 16]), &row), unlisted_digest(&row), hash_of(&row));
        }
    }
}
