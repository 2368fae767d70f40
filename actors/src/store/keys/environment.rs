//! What an environment knows of itself. (The control plane's keyspace, [`CONTROL`], has no layout of its own: keys and
//! values are the control plane's bytes.)
//!
//! ```text
//! "format"  →  u32 BE                        version of every layout in `keys`
//! "epoch"   →  u64 BE                        random, new after possible amnesia
//! "lane"    →  u16 BE lane ‖ u16 BE lanes    which slice of the shards this is
//! "clean"   →  u64 BE                        only while closed: the nonce that the witness file repeats
//! "journal" →  u64 BE number ‖ u64 BE bytes  the number that its records carry, and how many bytes of them it holds
//! "opening" →  u64 BE                        how often it was opened since it has a journal
//! "applied" →  u64 BE opening ‖ u64 BE sequence ‖ u64 BE written
//!                                            the last record that the tree holds whole; it holds rows up to `written`
//! "migration"                                see [`migration`](super::migration)
//! ```

pub(crate) const NAME: &str = "environment";

/// The keyspace of the control plane's rows.
pub(crate) const CONTROL: &str = "control";

pub(crate) const FORMAT_KEY: &[u8] = b"format";
pub(crate) const EPOCH_KEY: &[u8] = b"epoch";
pub(crate) const LANE_KEY: &[u8] = b"lane";
pub(crate) const CLEAN_KEY: &[u8] = b"clean";
pub(crate) const JOURNAL_KEY: &[u8] = b"journal";
pub(crate) const OPENING_KEY: &[u8] = b"opening";
pub(crate) const APPLIED_KEY: &[u8] = b"applied";

/// The version that this program writes. A newer one is refused, an older one is migrated.
///
/// 2: a journal lies beside the environment, and may hold rows that it lacks.
/// 3: items have a head, partitions have rows, digests and names, shards have a clock and a state.
pub(crate) const FORMAT: u32 = 3;

/// The slice of the shards that an environment holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneId {
    /// Its position.
    pub lane: u16,
    /// How many lanes share the shards.
    pub lanes: u16,
}

pub(crate) fn encode_format(format: u32) -> [u8; 4] {
    format.to_be_bytes()
}

pub(crate) fn decode_format(row: &[u8]) -> Option<u32> {
    row.try_into().ok().map(u32::from_be_bytes)
}

/// An epoch or a nonce.
pub(crate) fn encode_u64(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

pub(crate) fn decode_u64(row: &[u8]) -> Option<u64> {
    row.try_into().ok().map(u64::from_be_bytes)
}

/// Several numbers in a row.
pub(crate) fn encode_u64s<const N: usize>(numbers: [u64; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

pub(crate) fn decode_u64s<const N: usize>(row: &[u8]) -> Option<[u64; N]> {
    let (numbers, rest) = row.as_chunks::<8>();
    if !rest.is_empty() {
        return None;
    }
    let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect();
    numbers.try_into().ok()
}

pub(crate) fn encode_lane(id: LaneId) -> [u8; 4] {
    let ([a, b], [c, d]) = (id.lane.to_be_bytes(), id.lanes.to_be_bytes());
    [a, b, c, d]
}

pub(crate) fn decode_lane(row: &[u8]) -> Option<LaneId> {
    let [a, b, c, d] = row.try_into().ok()?;
    Some(LaneId { lane: u16::from_be_bytes([a, b]), lanes: u16::from_be_bytes([c, d]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_a_row_never_change() {
        assert_eq!(encode_format(FORMAT), [0, 0, 0, 3]);
        assert_eq!(encode_u64(0x0102), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(encode_u64s([1, 0x0203]), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 3]);
        assert_eq!(encode_lane(LaneId { lane: 1, lanes: 0x0203 }), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(format: u32, number: u64, several: [u64; 3], lane: u16, lanes: u16) {
            prop_assert_eq!(decode_u64s(&encode_u64s(several)), Some(several));
            prop_assert_eq!(decode_format(&encode_format(format)), Some(format));
            prop_assert_eq!(decode_u64(&encode_u64(number)), Some(number));
            let id = LaneId { lane, lanes };
            prop_assert_eq!(decode_lane(&encode_lane(id)), Some(id));
        }

        #[test]
        fn a_row_of_another_length_is_not_read(row in prop::collection::vec(any::<u8>(), 0..12)) {
            prop_assert_eq!(decode_format(&row).is_some(), row.len() == 4);
            prop_assert_eq!(decode_u64(&row).is_some(), row.len() == 8);
            prop_assert_eq!(decode_u64s::<1>(&row).is_some(), row.len() == 8);
            prop_assert_eq!(decode_lane(&row).is_some(), row.len() == 4);
        }
    }
}
