//! What a shard keeps beside its items.
//!
//! ```text
//! shard u16 BE  →  postcard: epoch varint, actors [varint], watermark varint, clock [(actor varint, time varint)], state u8
//! ```

use crate::causality::Context;
use crate::ids::{ActorId, ShardIndex};
use crate::store::{Epoch, ShardMeta, ShardState};
use serde::{Deserialize, Serialize};

pub(crate) const NAME: &str = "shards";

/// The key of a shard's row.
pub(crate) fn key(shard: ShardIndex) -> [u8; 2] {
    // `ShardIndex` is below 1,024.
    [(shard.index() >> 8) as u8, shard.index() as u8]
}

/// Epoch, actors, watermark, clock, state.
#[derive(Serialize, Deserialize)]
struct Row(Epoch, Vec<ActorId>, u64, Vec<(ActorId, u64)>, ShardState);

/// The row's content.
pub(crate) fn encode(meta: &ShardMeta) -> Vec<u8> {
    let ShardMeta { epoch, actors, watermark, clock, state } = meta;
    postcard::to_allocvec(&Row(*epoch, actors.clone(), *watermark, clock.pairs().to_vec(), *state))
        .expect("a vector takes every byte, and a shard's row is numbers and lists of numbers")
}

/// What [`encode`] wrote; `None` if the bytes are nothing that it writes.
pub(crate) fn decode(row: &[u8]) -> Option<ShardMeta> {
    let (Row(epoch, actors, watermark, clock, state), rest) = postcard::take_from_bytes(row).ok()?;
    let clock = Context::from_ascending(clock).filter(|_| rest.is_empty())?;
    Some(ShardMeta { epoch, actors, watermark, clock, state })
}

/// The row as it was up to format 2: without a clock, which covers nothing then, and without a state.
pub(crate) fn decode_v2(row: &[u8]) -> Option<ShardMeta> {
    let ((epoch, actors, watermark), rest) = postcard::take_from_bytes(row).ok()?;
    rest.is_empty().then(|| ShardMeta::new(epoch, actors, watermark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_a_row_never_change() {
        assert_eq!(key(ShardIndex::new(0x0102).unwrap()), [1, 2]);
        let clock = Context::from_ascending(vec![(ActorId(1), 2), (ActorId(300), u64::MAX)]).unwrap();
        let actors = vec![ActorId(300), ActorId(1)];
        let mut meta =
            ShardMeta { epoch: Epoch(5), actors, watermark: 128, clock, state: ShardState::Receiving };
        assert_eq!(hex::encode(encode(&meta)), "0502ac02018001020102ac02ffffffffffffffffff0101");
        (meta.clock, meta.state) = (Context::empty(), ShardState::Live);
        assert_eq!(decode_v2(&[5, 2, 0xac, 2, 1, 0x80, 1]), Some(meta));
    }

    #[test]
    fn rows_are_ordered_by_shard() {
        assert!(ShardIndex::all().map(key).is_sorted_by(|a, b| a < b));
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(
            epoch: u64, actors: Vec<u64>, watermark: u64, clock: std::collections::BTreeMap<u64, u64>, state in 0..3u8,
        ) {
            let actors = actors.into_iter().map(ActorId).collect();
            let clock = clock.into_iter().map(|(actor, time)| (ActorId(actor), time)).collect();
            let clock = Context::from_ascending(clock).unwrap();
            let state = [ShardState::Live, ShardState::Receiving, ShardState::Dropping][usize::from(state)];
            let meta = ShardMeta { epoch: Epoch(epoch), actors, watermark, clock, state };
            prop_assert_eq!(decode(&encode(&meta)), Some(meta));
        }
    }
}
