//! What a shard keeps beside its items.
//!
//! ```text
//! shard u16 BE  →  postcard(ShardMeta): epoch varint, actors [varint], watermark varint
//! ```

use crate::ids::ShardIndex;
use crate::store::ShardMeta;

pub(crate) const NAME: &str = "shards";

/// The key of a shard's row.
pub(crate) fn key(shard: ShardIndex) -> [u8; 2] {
    // `ShardIndex` is below 1,024.
    [(shard.index() >> 8) as u8, shard.index() as u8]
}

/// The row's content.
pub(crate) fn encode(meta: &ShardMeta) -> Vec<u8> {
    postcard::to_allocvec(meta)
        .expect("a vector takes every byte, and a shard's row is numbers and a list of numbers")
}

/// What [`encode`] wrote; `None` if the bytes are nothing that it writes.
pub(crate) fn decode(row: &[u8]) -> Option<ShardMeta> {
    postcard::from_bytes(row).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;
    use crate::store::Epoch;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_a_row_never_change() {
        assert_eq!(key(ShardIndex::new(0x0102).unwrap()), [1, 2]);
        let meta = ShardMeta { epoch: Epoch(5), actors: vec![ActorId(300), ActorId(1)], watermark: 128 };
        assert_eq!(hex::encode(encode(&meta)), "0502ac02018001");
    }

    #[test]
    fn rows_are_ordered_by_shard() {
        assert!(ShardIndex::all().map(key).is_sorted_by(|a, b| a < b));
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(epoch: u64, actors: Vec<u64>, watermark: u64) {
            let actors = actors.into_iter().map(ActorId).collect();
            let meta = ShardMeta { epoch: Epoch(epoch), actors, watermark };
            prop_assert_eq!(decode(&encode(&meta)), Some(meta));
        }
    }
}
