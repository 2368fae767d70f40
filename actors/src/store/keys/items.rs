//! Items.
//!
//! ```text
//! hash[16] ‖ sort key  →  postcard(Item)
//! ```
//!
//! A partition is one run of rows in the order of its sort keys; a shard is one run of partitions, as it is the top
//! ten bits of the hash.

use super::raw_bounds;
use crate::ids::PartitionHash;
use crate::limits::SORT_KEY_BYTES_MAX;
use crate::store::range::KeyRange;
use std::ops::Bound;

pub(crate) const NAME: &str = "items";

const HASH_BYTES: usize = 16;

/// Writes the key of an item's row over whatever `key` held.
pub(crate) fn write_key(key: &mut Vec<u8>, partition: PartitionHash, sort_key: &str) {
    key.clear();
    key.extend_from_slice(&partition.0);
    key.extend_from_slice(sort_key.as_bytes());
}

/// The sort key of a row; `None` if the bytes are not the key of one.
pub(crate) fn sort_key(key: &[u8]) -> Option<&str> {
    let sort_key = std::str::from_utf8(key.get(HASH_BYTES..)?).ok()?;
    (1..=SORT_KEY_BYTES_MAX).contains(&sort_key.len()).then_some(sort_key)
}

/// The rows of a partition's items in `range`.
pub(crate) fn bounds(partition: PartitionHash, range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    raw_bounds(&partition.0, SORT_KEY_BYTES_MAX, range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Context, Dot, Item, Value};
    use crate::ids::ActorId;
    use proptest::prelude::*;

    fn key(partition: [u8; 16], sort_key: &str) -> Vec<u8> {
        let mut key = vec![9; 40];
        write_key(&mut key, PartitionHash(partition), sort_key);
        key
    }

    #[test]
    fn the_bytes_of_a_row_never_change() {
        let key = key(
            [0x79, 0xf0, 0xb9, 0x21, 0xe7, 0x15, 0xcd, 0xb1, 0x8c, 9, 0x7e, 0x3e, 0x1a, 0x4b, 0x9e, 0x16],
            "üx",
        );
        assert_eq!(hex::encode(key), "79f0b921e715cdb18c097e3e1a4b9e16c3bc78");
        let mut item = Item::empty();
        let context = Context::empty();
        item.write(
            Dot { actor: ActorId(0x0102), time: 300 },
            &context,
            Value::Bytes(b"ab".as_slice().into()),
        );
        item.write(Dot { actor: ActorId(0x0102), time: 301 }, &context, Value::Tombstone);
        assert_eq!(hex::encode(item.encode()), "0102010000000000000002ac0201026162ad0200");
    }

    #[test]
    fn a_row_without_a_sort_key_is_not_an_item() {
        assert_eq!(sort_key(&[1; 15]), None);
        assert_eq!(sort_key(&[1; 16]), None);
        assert_eq!(sort_key(&[&[1; 16][..], &[0xff]].concat()), None);
    }

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_written(partition: [u8; 16], name in "\\PC{1,200}") {
            let key = key(partition, &name);
            prop_assert_eq!(sort_key(&key), Some(name.as_str()));
        }

        #[test]
        fn rows_are_ordered_by_place_and_then_by_the_bytes_of_the_sort_key(
            a in (any::<[u8; 16]>(), "\\PC{1,8}"), b in (any::<[u8; 16]>(), "\\PC{1,8}"), same_place: bool,
        ) {
            let b = if same_place { (a.0, b.1) } else { b };
            prop_assert_eq!(key(a.0, &a.1).cmp(&key(b.0, &b.1)), (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));
        }
    }
}
