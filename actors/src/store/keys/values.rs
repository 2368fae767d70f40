//! Values that are too long for the rows of their items.
//!
//! ```text
//! hash[16] ‖ sort key ‖ actor u64 BE ‖ time u64 BE  →  the value's bytes
//! ```
//!
//! A dot names one value, so that a row is written once and never changed. Its checksum lies in the row of the item.

use crate::causality::Dot;

pub(crate) const NAME: &str = "values";

/// The key of the value of `dot` in the item whose row has the key `item`.
pub(crate) fn key(item: &[u8], dot: Dot) -> Vec<u8> {
    [item, &dot.actor.0.to_be_bytes(), &dot.time.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_a_row_never_change() {
        let key = key(b"item", Dot { actor: ActorId(0x0102), time: 300 });
        assert_eq!(hex::encode(key), "6974656d0000000000000102000000000000012c");
    }

    proptest! {
        #[test]
        fn no_two_values_have_one_key(
            a in (prop::collection::vec(0..2u8, 0..20), 0..3u64, 0..3u64),
            b in (prop::collection::vec(0..2u8, 0..20), 0..3u64, 0..3u64),
        ) {
            let key = |(item, actor, time): &(Vec<u8>, u64, u64)| {
                key(item, Dot { actor: ActorId(*actor), time: *time })
            };
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}
