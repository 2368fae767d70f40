//! Digests: whether two replicas hold the same, without telling what.
//!
//! ```text
//! item       first 8 bytes of SHA-256(domain ‖ partition hash ‖ state hash u64 BE ‖ sort key); 0 without a live dot
//! partition  XOR of its items', in its row
//! segment    XOR of its partitions', in memory
//! shard      XOR of its segments'
//! ```
//!
//! The key is a constant of all clusters, not one that a cluster draws: digests lie in rows, and the keys that seal
//! tokens are drawn by each node before it met the others and are replaced later, whereupon every row would have to
//! be counted anew. What somebody gains who knows it is little: they do not choose the dots that their writes get, and the
//! most that a collision does is that two replicas that already differ in these very items are not compared.

use crate::causality::Item;
use crate::ids::PartitionHash;
use sha2::{Digest, Sha256};

/// Keeps the hash apart from every other one over the same bytes.
const DOMAIN: &[u8] = b"troupe item/1";

/// What an item adds to the digest of its partition. An item without live dots adds nothing: a replica that has no row
/// for it holds the same.
pub fn item_digest(partition: PartitionHash, sort_key: &str, item: &Item<'_>) -> u64 {
    let state_hash = item.state_hash();
    if state_hash == 0 {
        return 0;
    }
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(partition.0);
    hasher.update(state_hash.to_be_bytes());
    hasher.update(sort_key.as_bytes());
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hasher.finalize().into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Context, Dot, Value};
    use crate::ids::ActorId;

    #[test]
    fn the_digest_of_an_item_never_changes() {
        let mut item = Item::empty();
        assert_eq!(item_digest(PartitionHash([7; 16]), "s", &item), 0);
        item.write(Dot { actor: ActorId(1), time: 2 }, &Context::empty(), Value::Bytes(b"v".into()));
        let digest = item_digest(PartitionHash([7; 16]), "s", &item);
        assert_eq!(digest, 0x12d4_b2c7_c975_93b0);
        assert_ne!(digest, item_digest(PartitionHash([7; 16]), "t", &item));
        assert_ne!(digest, item_digest(PartitionHash([8; 16]), "s", &item));
    }
}
