//! What is on disk, one file per keyspace: a layout line, the codec, and golden bytes.
//!
//! Integers in keys are big-endian, so that the order of bytes is the order of numbers. [`environment::FORMAT`] counts
//! the changes of these layouts.

pub(crate) mod environment;
pub(crate) mod items;
pub(crate) mod migration;
pub(crate) mod names;
pub(crate) mod partitions;
pub(crate) mod shards;
pub(crate) mod values;

use super::range::{KeyRange, successor_of_prefix};
use std::ops::Bound;

/// The raw bounds of the rows `prefix ‖ key` with `key` in `range`, where no key is longer than `key_bytes_max`.
fn raw_bounds(prefix: &[u8], key_bytes_max: usize, range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let row = |key: &[u8]| [prefix, &key[..key.len().min(key_bytes_max)]].concat();
    // No key is as long as a bound beyond the limit: those that are equal up to the limit lie below it.
    let low = match &range.low {
        Bound::Included(key) if key.len() <= key_bytes_max => Bound::Included(row(key)),
        Bound::Included(key) | Bound::Excluded(key) => Bound::Excluded(row(key)),
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    };
    let high = match &range.high {
        Bound::Excluded(key) if key.len() <= key_bytes_max => Bound::Excluded(row(key)),
        Bound::Included(key) | Bound::Excluded(key) => Bound::Included(row(key)),
        Bound::Unbounded => successor_of_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded),
    };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ops::RangeBounds;

    fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
        let key = prop::collection::vec(prop_oneof![Just(0), Just(b'a'), Just(0xff)], 0..7);
        prop_oneof![
            Just(Bound::Unbounded),
            key.clone().prop_map(Bound::Included),
            key.prop_map(Bound::Excluded)
        ]
    }

    proptest! {
        #[test]
        fn raw_bounds_hold_exactly_the_rows_whose_key_lies_in_the_range(
            low in bound(), high in bound(), prefix in prop::collection::vec(any::<u8>(), 2),
            other in prop::collection::vec(any::<u8>(), 2), key in "[\\x00a\\x7f]{1,4}",
        ) {
            let range = KeyRange { low, high, descending: false };
            let raw = raw_bounds(&prefix, 4, &range);
            let row = [&prefix, key.as_bytes()].concat();
            prop_assert_eq!(raw.contains(&row), range.contains(&key));
            let stranger = [&other, key.as_bytes()].concat();
            prop_assert!(other == prefix || !raw.contains(&stranger));
        }
    }
}
