//! Partitions that hold a value or a conflict, with what they hold.
//!
//! ```text
//! bucket[32] ‖ partition key  →  postcard(PartitionCounters): entries, conflicts, values, bytes as varints
//! ```
//!
//! A partition whose counters are all zero has no row: a listing never shows it.

use super::raw_bounds;
use crate::ids::{BucketId, Partition};
use crate::limits::PARTITION_KEY_BYTES_MAX;
use crate::store::StoreError;
use crate::store::counters::PartitionCounters;
use crate::store::range::KeyRange;
use std::ops::Bound;

pub(crate) const NAME: &str = "partitions";

const BUCKET_BYTES: usize = 32;

/// Four varints of up to ten bytes.
pub(crate) const ROW_BYTES_MAX: usize = 40;

/// Writes the key of a partition's row over whatever `key` held.
pub(crate) fn write_key(key: &mut Vec<u8>, partition: &Partition) {
    key.clear();
    key.extend_from_slice(&partition.bucket.0);
    key.extend_from_slice(partition.key.as_str().as_bytes());
}

/// The partition key of a row; `None` if the bytes are not the key of one.
pub(crate) fn partition_key(key: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(key.get(BUCKET_BYTES..)?).ok()?;
    (1..=PARTITION_KEY_BYTES_MAX).contains(&name.len()).then_some(name)
}

/// The rows of a bucket's partitions in `range`.
pub(crate) fn bounds(bucket: BucketId, range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    raw_bounds(&bucket.0, PARTITION_KEY_BYTES_MAX, range)
}

/// The row's content, written into `row`.
pub(crate) fn encode(counters: PartitionCounters, row: &mut [u8; ROW_BYTES_MAX]) -> &[u8] {
    // The buffer holds the longest encoding, so that serialising into it cannot fail.
    postcard::to_slice(&counters, row).map_or(&[], |row| row)
}

/// What [`encode`] wrote; `None` if the bytes are nothing that it writes.
pub(crate) fn decode(row: &[u8]) -> Option<PartitionCounters> {
    postcard::from_bytes(row).ok()
}

/// The counters in the row under `key`, if there is one.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub(crate) fn read(row: Option<&[u8]>, key: &[u8]) -> Result<Option<PartitionCounters>, StoreError> {
    row.map(|row| decode(row).ok_or_else(|| StoreError::corrupt(NAME, key))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PartitionKey;
    use proptest::prelude::*;

    fn key(bucket: [u8; 32], name: &str) -> Vec<u8> {
        let mut key = vec![9; 3];
        write_key(&mut key, &Partition::new(BucketId(bucket), PartitionKey::new(name).unwrap()));
        key
    }

    #[test]
    fn the_bytes_of_a_row_never_change() {
        assert_eq!(hex::encode(key([7; 32], "mail")), format!("{}6d61696c", "07".repeat(32)));
        let counters = PartitionCounters { entries: 1, conflicts: 0, values: 300, bytes: 70_000 };
        assert_eq!(hex::encode(encode(counters, &mut [0; ROW_BYTES_MAX])), "0100ac02f0a204");
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(
            bucket: [u8; 32], name in "\\PC{1,200}", entries: u64, conflicts: u64, values: u64, bytes: u64,
        ) {
            let key = key(bucket, &name);
            prop_assert_eq!(partition_key(&key), Some(name.as_str()));
            let counters = PartitionCounters { entries, conflicts, values, bytes };
            prop_assert_eq!(decode(encode(counters, &mut [0; ROW_BYTES_MAX])), Some(counters));
        }

        #[test]
        fn rows_are_ordered_by_bucket_and_then_by_the_bytes_of_the_partition_key(
            a in (any::<[u8; 32]>(), "\\PC{1,8}"), b in (any::<[u8; 32]>(), "\\PC{1,8}"), same_bucket: bool,
        ) {
            let b = if same_bucket { (a.0, b.1) } else { b };
            prop_assert_eq!(key(a.0, &a.1).cmp(&key(b.0, &b.1)), (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));
        }
    }
}
