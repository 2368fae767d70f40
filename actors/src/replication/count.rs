//! Counting a partition over the merged keys of several replicas, without their values.
//!
//! Each value is replaced by its *outline*, by which equal values are told from different ones:
//!
//! ```text
//! outline   length u64 LE ‖ first 16 bytes of SHA-256 of the value
//! ```

use crate::causality::{Item, Value};
use crate::store::counters::PartitionCounters;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

const LENGTH_BYTES: usize = 8;
const HASH_BYTES: usize = 16;

/// The item with the outline of each value in its place.
pub fn outline(item: &Item<'_>) -> Item<'static> {
    item.clone().into_owned().map_values(|value| match value {
        Value::Tombstone => Value::Tombstone,
        Value::Bytes(bytes) => {
            let mut outline = Vec::with_capacity(LENGTH_BYTES + HASH_BYTES);
            outline.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            outline.extend_from_slice(&Sha256::digest(&bytes)[..HASH_BYTES]);
            Value::Bytes(Cow::Owned(outline))
        }
    })
}

/// What an item whose values are outlines adds to its partition.
pub fn counters_of_outline(item: &Item<'_>) -> PartitionCounters {
    let counters = PartitionCounters::of(item);
    let values = item.values();
    let lengths = values.iter().filter_map(|value| {
        let length = value.bytes()?.first_chunk::<LENGTH_BYTES>()?;
        Some(u64::from_le_bytes(*length))
    });
    PartitionCounters { bytes: lengths.fold(0, u64::saturating_add), ..counters }
}
