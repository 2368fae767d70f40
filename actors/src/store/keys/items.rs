//! Items.
//!
//! ```text
//! hash[16] ‖ sort key  →  2 ‖ checksum u32 BE ‖ changed u64 BE ‖ postcard(Item)
//!                         3 ‖ checksum u32 BE ‖ changed u64 BE ‖ n u32 BE ‖ (sibling u32 BE ‖ checksum u32 BE)[n] ‖ postcard(Item)
//! ```
//!
//! A row of the second kind lacks the values of n siblings, counted from 0 and ascending, which are empty in the item: they
//! lie in rows of their own ([`values`](super::values)), whose checksums are here.
//!
//! A partition is one run of rows in the order of its sort keys; a segment and a shard are runs of partitions, as they
//! are the top bits of the hash. The checksum is the CRC32C of everything else, the key first: a row that lies under
//! another key is as damaged as one of which a bit changed.

use super::raw_bounds;
use crate::causality::Item;
use crate::ids::{PartitionHash, SortKey};
use crate::limits::SORT_KEY_BYTES_MAX;
use crate::store::range::KeyRange;
use crate::store::{Position, StoreError, StoredItem};
use bytes::Bytes;
use std::ops::Bound;

pub(crate) const NAME: &str = "items";

const HASH_BYTES: usize = 16;

/// All values are in the row. (Rows of format 1 had no head: they were migrated.)
const WHOLE: u8 = 2;

/// Long values lie apart from it.
const WITH_VALUES_APART: u8 = 3;

const CHECKSUM_AT: usize = 1;
const CHANGED_AT: usize = 5;
const ITEM_AT: usize = 13;
const APART_AT: usize = 17;
const APART_BYTES: usize = 8;

/// The content of an item's row. Whoever holds one shares its bytes with all others: it is made once, and copied by the
/// commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemRow(Bytes);

impl ItemRow {
    /// The row of the item `sort_key` that changed at `changed`.
    pub fn new(partition: PartitionHash, sort_key: &SortKey, changed: Position, item: &Item<'_>) -> ItemRow {
        let mut row = vec![0; ITEM_AT + item.encoded_bytes()];
        item.encode_into(&mut row[ITEM_AT..]);
        row[0] = WHOLE;
        row[CHANGED_AT..ITEM_AT].copy_from_slice(&changed.0.to_be_bytes());
        let key = crc32c::crc32c_append(crc32c::crc32c(&partition.0), sort_key.as_str().as_bytes());
        let checksum = checksum(key, &row);
        row[CHECKSUM_AT..CHANGED_AT].copy_from_slice(&checksum.to_be_bytes());
        ItemRow(Bytes::from(row))
    }

    /// The bytes that are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoded item in it.
    pub fn item(&self) -> Bytes {
        self.0.slice(ITEM_AT..)
    }

    /// When it changed here.
    pub fn changed(&self) -> Position {
        Position(changed(&self.0))
    }
}

/// A value that lies apart from its item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Apart {
    /// Which sibling's it is.
    pub(crate) sibling: u32,
    /// The CRC32C of its bytes.
    pub(crate) checksum: u32,
}

/// The row under `key` of an item without the values that lie apart.
pub(crate) fn encode_apart(key: &[u8], changed: Position, apart: &[Apart], item: &Item<'_>) -> Vec<u8> {
    let item_at = APART_AT + apart.len() * APART_BYTES;
    let mut row = vec![0; item_at + item.encoded_bytes()];
    item.encode_into(&mut row[item_at..]);
    row[0] = WITH_VALUES_APART;
    row[CHANGED_AT..ITEM_AT].copy_from_slice(&changed.0.to_be_bytes());
    // Fewer than the row's bytes, which are fewer than 2^32.
    row[ITEM_AT..APART_AT].copy_from_slice(&(apart.len() as u32).to_be_bytes());
    for (place, apart) in row[APART_AT..item_at].chunks_exact_mut(APART_BYTES).zip(apart) {
        place[..4].copy_from_slice(&apart.sibling.to_be_bytes());
        place[4..].copy_from_slice(&apart.checksum.to_be_bytes());
    }
    let checksum = checksum(crc32c::crc32c(key), &row);
    row[CHECKSUM_AT..CHANGED_AT].copy_from_slice(&checksum.to_be_bytes());
    row
}

/// What the row under `key` holds, and which values it lacks.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is not what was stored under this key.
pub(crate) fn decode<'r>(key: &[u8], row: &'r [u8]) -> Result<(StoredItem<'r>, Vec<Apart>), StoreError> {
    let is_intact = row.len() > ITEM_AT
        && row[CHECKSUM_AT..CHANGED_AT] == checksum(crc32c::crc32c(key), row).to_be_bytes();
    let parts = if is_intact { split(row) } else { None };
    let (apart, item) = parts.ok_or_else(|| corrupt(key))?;
    let item = Item::decode(item).ok_or_else(|| corrupt(key))?;
    Ok((StoredItem { changed: Position(changed(row)), item }, apart))
}

/// What a row holds that was just made, with all values in it.
pub(crate) fn decode_whole(row: &[u8]) -> Option<(Position, Item<'_>)> {
    Some((Position(changed(row)), Item::decode(row.get(ITEM_AT..)?)?))
}

/// The list of values that lie apart, and the encoded item.
fn split(row: &[u8]) -> Option<(Vec<Apart>, &[u8])> {
    match *row.first()? {
        WHOLE => Some((Vec::new(), row.get(ITEM_AT..)?)),
        WITH_VALUES_APART => {
            let count = u32::from_be_bytes(*row.get(ITEM_AT..)?.first_chunk()?) as usize;
            let item_at = APART_AT.checked_add(count.checked_mul(APART_BYTES)?)?;
            let (list, _) = row.get(APART_AT..item_at)?.as_chunks::<APART_BYTES>();
            let apart = list.iter().map(|&[a, b, c, d, e, f, g, h]| Apart {
                sibling: u32::from_be_bytes([a, b, c, d]),
                checksum: u32::from_be_bytes([e, f, g, h]),
            });
            Some((apart.collect(), row.get(item_at..)?))
        }
        _ => None,
    }
}

/// The row under `key` is damaged. The error names the item by the place of its partition and by its sort key.
pub(crate) fn corrupt(key: &[u8]) -> StoreError {
    match (hash_of(key), sort_key(key)) {
        (Some(hash), Some(sort_key)) => {
            StoreError::Corrupt { keyspace: NAME, key: format!("{} {sort_key:?}", hex::encode(hash.0)) }
        }
        (Some(_) | None, None) | (None, Some(_)) => StoreError::corrupt(NAME, key),
    }
}

/// Of a row at least as long as its head; `key` is the checksum of its key.
fn checksum(key: u32, row: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(key, &row[..CHECKSUM_AT]), &row[CHANGED_AT..])
}

fn changed(row: &[u8]) -> u64 {
    row.get(CHANGED_AT..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

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

/// The place of the partition that a row belongs to; `None` if the bytes are not the key of one.
pub(crate) fn hash_of(key: &[u8]) -> Option<PartitionHash> {
    key.first_chunk().copied().map(PartitionHash)
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
        let row = ItemRow::new(PartitionHash([7; 16]), &SortKey::new("s").unwrap(), Position(301), &item);
        assert_eq!(
            hex::encode(row.as_bytes()),
            "02b1b797ea000000000000012d0102010000000000000002ac0201026162ad0200"
        );
    }

    #[test]
    fn the_bytes_of_a_row_with_values_apart_never_change() {
        let mut item = Item::empty();
        let empty = Value::Bytes(b"".as_slice().into());
        item.write(Dot { actor: ActorId(1), time: 2 }, &Context::empty(), empty);
        let apart = vec![Apart { sibling: 0, checksum: 0x0102_0304 }];
        let row = encode_apart(b"key", Position(301), &apart, &item);
        assert_eq!(
            hex::encode(&row),
            "033c7aa7b4000000000000012d0000000100000000010203040101000000000000000001020100"
        );
        assert_eq!(decode(b"key", &row), Ok((StoredItem { changed: Position(301), item }, apart)));
        for at in 0..row.len() {
            let mut damaged = row.clone();
            damaged[at] ^= 0x80;
            assert!(decode(b"key", &damaged).is_err(), "byte {at}");
        }
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
        fn a_row_is_read_as_it_was_written(partition: [u8; 16], name in "\\PC{1,20}", time in 1..u64::MAX, at: u64) {
            let (key, sort_key) = (key(partition, &name), SortKey::new(&name).unwrap());
            let mut item = Item::empty();
            item.write(Dot { actor: ActorId(1), time }, &Context::empty(), Value::Bytes(b"v".as_slice().into()));
            let row = ItemRow::new(PartitionHash(partition), &sort_key, Position(at), &item);
            let encoded = row.item();
            prop_assert_eq!(Item::decode(&encoded), Some(item.clone()));
            prop_assert_eq!(row.changed(), Position(at));
            prop_assert_eq!(decode(&key, row.as_bytes()), Ok((StoredItem { changed: Position(at), item }, Vec::new())));
        }

        #[test]
        fn a_row_with_any_one_bit_changed_is_corrupt_and_so_is_one_under_another_key(
            at: prop::sample::Index, bit in 0..8u8,
        ) {
            let sort_key = SortKey::new("s").unwrap();
            let mut item = Item::empty();
            item.write(Dot { actor: ActorId(1), time: 1 }, &Context::empty(), Value::Bytes(b"v".as_slice().into()));
            let row = ItemRow::new(PartitionHash([7; 16]), &sort_key, Position(1), &item);
            prop_assert!(decode(&key([7; 16], "t"), row.as_bytes()).is_err());
            let mut damaged = row.as_bytes().to_vec();
            let at = at.index(damaged.len());
            damaged[at] ^= 1 << bit;
            let key = key([7; 16], "s");
            prop_assert_eq!(decode(&key, &damaged), Err(corrupt(&key)));
            damaged.truncate(at);
            prop_assert!(decode(&key, &damaged).is_err());
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
