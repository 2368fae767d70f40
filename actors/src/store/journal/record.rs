//! A record: the rows of one group in their final state.
//!
//! ```text
//!  0  "TRPR"
//!  4  CRC32C      u32   of everything behind it, up to the end of the rows
//!  8  length      u32   of the rows, in bytes
//! 12  0           u32
//! 16  environment u64
//! 24  opening     u64
//! 32  sequence    u64
//! 40  durable     u64
//! 48  rows: key length u16 ‖ value length u32, all ones for a removal ‖ keyspace u8 ‖ key ‖ value
//!     zeros up to the next sector
//! ```
//!
//! Integers are big-endian. Opening, sequence and durable are explained at the top of `journal`.

use super::{SECTOR_BYTES, Stamp};
use crate::store::rows::{Keyspace, RowChange};

const MAGIC: &[u8; 4] = b"TRPR";

/// Bytes of a record before its rows.
pub(crate) const HEAD_BYTES: usize = 48;

/// Bytes of a row beside its key and value.
pub(crate) const ROW_HEAD_BYTES: usize = 7;

const REMOVED: u32 = u32::MAX;

/// What a record says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordHead {
    pub(crate) environment: u64,
    pub(crate) stamp: Stamp,
    /// The last sequence that was known to be synced when the record was written.
    pub(crate) durable: u64,
    /// Bytes of its rows.
    pub(crate) rows_bytes: u32,
}

impl RecordHead {
    /// Reads the head of what may be a record. Only [`is_intact`] proves it to be one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<RecordHead> {
        let head: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
        if head[..4] != *MAGIC || head[12..16] != [0; 4] {
            return None;
        }
        Some(RecordHead {
            environment: u64_at(head, 16),
            stamp: Stamp { opening: u64_at(head, 24), sequence: u64_at(head, 32) },
            durable: u64_at(head, 40),
            rows_bytes: u32_at(head, 8),
        })
    }

    /// Bytes of the record without its padding.
    pub(crate) fn bytes(&self) -> usize {
        HEAD_BYTES + self.rows_bytes as usize
    }
}

/// Whether the bytes of a record, without its padding, are those that were written.
pub(crate) fn is_intact(record: &[u8]) -> bool {
    record.get(4..8).zip(record.get(8..)).is_some_and(|(sum, rest)| sum == crc32c::crc32c(rest).to_be_bytes())
}

/// How many bytes of a journal a record with this many bytes of rows takes.
pub(crate) fn padded_bytes(rows_bytes: usize) -> usize {
    (HEAD_BYTES + rows_bytes).next_multiple_of(SECTOR_BYTES)
}

/// Bytes of a row in a record.
pub(crate) fn row_bytes(row: &RowChange<'_>) -> usize {
    ROW_HEAD_BYTES + row.key.len() + row.value.map_or(0, <[u8]>::len)
}

/// A record in the making.
#[derive(Debug)]
pub(crate) struct RecordBuilder(Vec<u8>);

impl RecordBuilder {
    /// A record without rows, with room for this many bytes of them.
    pub(crate) fn with_capacity(rows_bytes: usize) -> RecordBuilder {
        let mut bytes = Vec::with_capacity(padded_bytes(rows_bytes));
        bytes.resize(HEAD_BYTES, 0);
        RecordBuilder(bytes)
    }

    /// Adds a row. Keys are shorter than 64 KiB, values and records than 4 GiB: LMDB takes no longer ones.
    pub(crate) fn push(&mut self, row: &RowChange<'_>) {
        let value_bytes = row.value.map_or(REMOVED, |value| value.len() as u32);
        self.0.extend_from_slice(&(row.key.len() as u16).to_be_bytes());
        self.0.extend_from_slice(&value_bytes.to_be_bytes());
        self.0.push(row.keyspace as u8);
        self.0.extend_from_slice(row.key);
        self.0.extend_from_slice(row.value.unwrap_or_default());
    }

    /// Bytes that the record takes in a journal.
    pub(crate) fn padded_bytes(&self) -> usize {
        self.0.len().next_multiple_of(SECTOR_BYTES)
    }

    /// The whole record, padding included.
    pub(crate) fn finish(mut self, environment: u64, stamp: Stamp, durable: u64) -> Vec<u8> {
        let rows_bytes = (self.0.len() - HEAD_BYTES) as u32;
        self.0[..4].copy_from_slice(MAGIC);
        self.0[8..12].copy_from_slice(&rows_bytes.to_be_bytes());
        let fields = [environment, stamp.opening, stamp.sequence, durable];
        for (place, field) in self.0[16..HEAD_BYTES].chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        let sum = crc32c::crc32c(&self.0[8..]);
        self.0[4..8].copy_from_slice(&sum.to_be_bytes());
        let padded = self.padded_bytes();
        self.0.resize(padded, 0);
        self.0
    }
}

/// The row that begins at `at` in a record, and where the next one does; `None` if none is there.
pub(crate) fn row_at(record: &[u8], at: usize) -> Option<(RowChange<'_>, usize)> {
    let head: &[u8; ROW_HEAD_BYTES] = record.get(at..)?.first_chunk()?;
    let (key_bytes, value_bytes) = (usize::from(u16::from_be_bytes([head[0], head[1]])), u32_at(head, 2));
    let keyspace = Keyspace::of_number(head[6])?;
    let key_at = at + ROW_HEAD_BYTES;
    let key = record.get(key_at..key_at.checked_add(key_bytes)?)?;
    let value_at = key_at + key_bytes;
    if value_bytes == REMOVED {
        return Some((RowChange { keyspace, key, value: None }, value_at));
    }
    let end = value_at.checked_add(value_bytes as usize)?;
    Some((RowChange { keyspace, key, value: Some(record.get(value_at..end)?) }, end))
}

/// Keyspace and key of the row at `at`, as the bytes that rows are ordered by; empty if none is there.
pub(crate) fn ordered_key_at(record: &[u8], at: usize) -> &[u8] {
    let key_bytes = record.get(at..at + 2).map_or(0, |length| u16::from_be_bytes([length[0], length[1]]));
    record.get(at + 6..at + ROW_HEAD_BYTES + usize::from(key_bytes)).unwrap_or_default()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type OwnedRow = (Keyspace, Vec<u8>, Option<Vec<u8>>);

    fn change(row: &OwnedRow) -> RowChange<'_> {
        RowChange { keyspace: row.0, key: &row.1, value: row.2.as_deref() }
    }

    fn record(rows: &[OwnedRow]) -> Vec<u8> {
        let mut builder = RecordBuilder::with_capacity(0);
        rows.iter().for_each(|row| builder.push(&change(row)));
        builder.finish(0x0102, Stamp { opening: 3, sequence: 300 }, 299)
    }

    fn rows() -> impl Strategy<Value = Vec<OwnedRow>> {
        let bytes = |longest| prop::collection::vec(any::<u8>(), 0..longest);
        let row = (prop::sample::select(&Keyspace::ALL[..]), bytes(40), prop::option::of(bytes(700)));
        prop::collection::vec(row, 0..6)
    }

    #[test]
    fn the_bytes_of_a_record_never_change() {
        let rows = [
            (Keyspace::Items, b"k".to_vec(), Some(b"value".to_vec())),
            (Keyspace::Partitions, b"gone".to_vec(), None),
        ];
        let record = record(&rows);
        assert_eq!(record.len(), SECTOR_BYTES);
        let (head, rest) = record.split_at(HEAD_BYTES);
        assert_eq!(
            hex::encode(head),
            "545250524836371b0000001800000000\
             00000000000001020000000000000003000000000000012c000000000000012b"
        );
        assert_eq!(hex::encode(&rest[..24]), "000100000005016b76616c75650004ffffffff02676f6e65");
        assert!(rest[24..].iter().all(|&byte| byte == 0));
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(rows in rows()) {
            let bytes = record(&rows);
            let head = RecordHead::decode(&bytes).unwrap();
            prop_assert_eq!(head.stamp, Stamp { opening: 3, sequence: 300 });
            prop_assert_eq!((head.environment, head.durable), (0x0102, 299));
            prop_assert_eq!(padded_bytes(head.rows_bytes as usize), bytes.len());
            let record = &bytes[..head.bytes()];
            prop_assert!(is_intact(record));
            prop_assert_eq!(rows.iter().map(|row| row_bytes(&change(row))).sum::<usize>(), head.rows_bytes as usize);
            let mut at = HEAD_BYTES;
            for row in &rows {
                let ordered = [&[row.0 as u8][..], &row.1].concat();
                prop_assert_eq!(ordered_key_at(record, at), ordered.as_slice());
                let (read, next) = row_at(record, at).unwrap();
                prop_assert_eq!(read, change(row));
                at = next;
            }
            prop_assert_eq!(at, record.len());
            prop_assert_eq!(row_at(record, at), None);
        }

        #[test]
        fn a_record_with_any_one_bit_changed_is_not_intact(rows in rows(), at: prop::sample::Index, bit in 0..8u8) {
            let mut bytes = record(&rows);
            let length = RecordHead::decode(&bytes).unwrap().bytes();
            let at = 4 + at.index(length - 4);
            bytes[at] ^= 1 << bit;
            prop_assert!(!is_intact(&bytes[..length]));
        }

        #[test]
        fn no_bytes_are_too_wild_to_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..210usize) {
            let _ = (RecordHead::decode(&bytes), is_intact(&bytes), row_at(&bytes, at), ordered_key_at(&bytes, at));
        }
    }
}
