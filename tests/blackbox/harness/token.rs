//! What a causality token is made of. Clients need not know; a story that counts dots does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;

/// The actors and times of a token: eight bytes of seal, then pairs of big-endian 64-bit numbers, actors ascending.
pub(crate) fn context_of(token: &str) -> BTreeMap<u64, u64> {
    let bytes = URL_SAFE_NO_PAD.decode(token).expect("base64url without padding");
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
    let pairs: Vec<(u64, u64)> = bytes[8..]
        .chunks(16)
        .map(|pair| {
            assert_eq!(pair.len(), 16, "a token holds whole pairs");
            (number(&pair[..8]), number(&pair[8..]))
        })
        .collect();
    assert!(pairs.is_sorted_by(|a, b| a.0 < b.0), "actors ascend");
    pairs.into_iter().collect()
}
