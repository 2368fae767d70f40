//! How far the migration from an earlier format is. The row `migration` of the environment's own keyspace is there from
//! its first transaction, which also names the new format, until its last one.
//!
//! ```text
//! postcard(Phase): 0 ‖ after bytes | 1 ‖ after bytes ‖ PartitionState | 2
//! ```

use crate::store::partition::PartitionState;
use serde::{Deserialize, Serialize};

pub(crate) const KEY: &[u8] = b"migration";

/// What is still to be done, in this order. Rows up to `after`, a raw key, are done; an empty one is before all of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Each partition that is listed gets its names.
    Partitions {
        #[serde(with = "serde_bytes")]
        after: Vec<u8>,
    },
    /// Each item gets the head of its row, each partition its rows and its digest.
    Items {
        #[serde(with = "serde_bytes")]
        after: Vec<u8>,
        /// What was counted so far of the partition of `after`.
        state: PartitionState,
    },
    /// Each shard gets a clock and a state.
    Shards,
}

/// The row's content.
pub(crate) fn encode(phase: &Phase) -> Vec<u8> {
    postcard::to_allocvec(phase).expect("a vector takes every byte, and a phase is bytes and numbers")
}

/// What [`encode`] wrote; `None` if the bytes are nothing that it writes.
pub(crate) fn decode(row: &[u8]) -> Option<Phase> {
    let (phase, rest) = postcard::take_from_bytes(row).ok()?;
    rest.is_empty().then_some(phase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::counters::PartitionCounters;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_a_row_never_change() {
        assert_eq!(hex::encode(encode(&Phase::Partitions { after: vec![7, 8] })), "00020708");
        let counters = PartitionCounters { entries: 1, conflicts: 0, values: 2, bytes: 300 };
        let state = PartitionState { counters, rows: 3, digest: 4 };
        assert_eq!(
            hex::encode(encode(&Phase::Items { after: vec![9], state })),
            "010109010002ac02030400000000000000"
        );
        assert_eq!(encode(&Phase::Shards), [2]);
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(after: Vec<u8>, rows: u64, digest: u64) {
            let state = PartitionState { rows, digest, ..PartitionState::default() };
            for phase in [Phase::Partitions { after: after.clone() }, Phase::Items { after, state }, Phase::Shards] {
                prop_assert_eq!(decode(&encode(&phase)), Some(phase));
            }
        }
    }
}
