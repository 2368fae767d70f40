//! Partitions that hold a value or a conflict, with what they hold.
//!
//! ```text
//! bucket[32] ‖ partition key  →  postcard(PartitionState): entries, conflicts, values, bytes, rows as varints ‖ digest u64 LE
//! ```
//!
//! A partition whose counters are all zero has no row: a listing never shows it. Its rows and its digest then lie in its
//! row of the keyspace [`names`](super::names).

use super::raw_bounds;
use crate::ids::{BucketId, Partition, PartitionHash, PartitionKey};
use crate::limits::PARTITION_KEY_BYTES_MAX;
use crate::store::partition::PartitionState;
use crate::store::range::KeyRange;
use std::ops::Bound;

pub(crate) const NAME: &str = "partitions";

const BUCKET_BYTES: usize = 32;

/// Five varints of up to ten bytes, and the digest.
pub(crate) const ROW_BYTES_MAX: usize = 58;

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

/// The partition that a row's key names; `None` as for [`partition_key`].
pub(crate) fn partition_of(key: &[u8]) -> Option<Partition> {
    let (bucket, name) = key.split_first_chunk::<BUCKET_BYTES>()?;
    let key = PartitionKey::new(std::str::from_utf8(name).ok()?).ok()?;
    Some(Partition::new(BucketId(*bucket), key))
}

/// The place of the partition that a row's key names; `None` as for [`partition_key`].
pub(crate) fn hash_of(key: &[u8]) -> Option<PartitionHash> {
    partition_key(key).map(|_| PartitionHash::of_bytes(key))
}

/// The rows of a bucket's partitions in `range`.
pub(crate) fn bounds(bucket: BucketId, range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    raw_bounds(&bucket.0, PARTITION_KEY_BYTES_MAX, range)
}

/// The row's content, written into `row`.
pub(crate) fn encode(state: PartitionState, row: &mut [u8; ROW_BYTES_MAX]) -> &[u8] {
    // The buffer holds the longest encoding, so that serialising into it cannot fail.
    postcard::to_slice(&state, row).map_or(&[], |row| row)
}

/// What [`encode`] wrote; `None` if the bytes are nothing that it writes.
pub(crate) fn decode(row: &[u8]) -> Option<PartitionState> {
    let (state, rest) = postcard::take_from_bytes(row).ok()?;
    rest.is_empty().then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::counters::PartitionCounters;
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
        let state = PartitionState { counters, rows: 200, digest: 0x0102 };
        assert_eq!(hex::encode(encode(state, &mut [0; ROW_BYTES_MAX])), "0100ac02f0a204c8010201000000000000");
        assert_eq!(decode(&[1, 0, 1, 1]), None, "a row of an earlier format");
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(
            bucket: [u8; 32], name in "\\PC{1,200}", numbers: [u64; 6],
        ) {
            let key = key(bucket, &name);
            prop_assert_eq!(partition_key(&key), Some(name.as_str()));
            let partition = Partition::new(BucketId(bucket), PartitionKey::new(&name).unwrap());
            prop_assert_eq!(hash_of(&key), Some(partition.hash));
            prop_assert_eq!(partition_of(&key), Some(partition));
            let [entries, conflicts, values, bytes, rows, digest] = numbers;
            let counters = PartitionCounters { entries, conflicts, values, bytes };
            let state = PartitionState { counters, rows, digest };
            prop_assert_eq!(decode(encode(state, &mut [0; ROW_BYTES_MAX])), Some(state));
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
