//! The names of things, as types: parsed once at the edge, trusted inside.

use crate::limits::{PARTITION_KEY_BYTES_MAX, SHARD_COUNT, SORT_KEY_BYTES_MAX};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// One of the [`SHARD_COUNT`] slices of the hash ring.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ShardIndex(u16);

impl ShardIndex {
    /// The shard at `index`, if there is one.
    pub fn new(index: usize) -> Option<ShardIndex> {
        u16::try_from(index).ok().filter(|_| index < SHARD_COUNT).map(ShardIndex)
    }

    /// All shards, in order.
    pub fn all() -> impl Iterator<Item = ShardIndex> {
        (0..SHARD_COUNT).filter_map(ShardIndex::new)
    }

    /// The position in `0..SHARD_COUNT`.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for ShardIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What mints the dots of one shard on one node in one epoch. Random, never reused after possible amnesia.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ActorId(pub u64);

/// A bucket's identity: 32 random bytes. Names are aliases.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketId(pub [u8; 32]);

/// A node's identity: its Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub [u8; 32]);

/// A cluster's identity: 32 random bytes, drawn with its first layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub [u8; 32]);

macro_rules! hex_identity {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = hex::FromHexError;

            /// Reads 64 hex digits.
            fn from_str(digits: &str) -> Result<$name, hex::FromHexError> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(digits, &mut bytes)?;
                Ok($name(bytes))
            }
        }
    };
}
hex_identity!(BucketId);
hex_identity!(NodeId);
hex_identity!(ClusterId);

/// A key that a client sent is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Keys have at least one byte.
    #[error("a {0} may not be empty")]
    Empty(&'static str),
    /// The key has more bytes than the limit.
    #[error("a {what} may have at most {bytes_max} bytes")]
    TooLong {
        /// Which kind of key.
        what: &'static str,
        /// The limit.
        bytes_max: usize,
    },
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $what:literal, $bytes_max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the length: 1 byte up to the limit.
            ///
            /// # Errors
            /// [`KeyError`] says which bound it breaks.
            pub fn new(key: &str) -> Result<$name, KeyError> {
                if key.is_empty() {
                    return Err(KeyError::Empty($what));
                }
                if key.len() > $bytes_max {
                    return Err(KeyError::TooLong { what: $what, bytes_max: $bytes_max });
                }
                Ok($name(key.into()))
            }

            /// The key's text. Keys are ordered by its bytes.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.as_str().serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                $name::new(<&str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}
key!(
    /// The first key: names a partition within its bucket.
    PartitionKey,
    "partition key",
    PARTITION_KEY_BYTES_MAX
);
key!(
    /// The second key: names an item within its partition.
    SortKey,
    "sort key",
    SORT_KEY_BYTES_MAX
);

/// The place of a partition on the hash ring: the first 16 bytes of SHA-256 over bucket id and partition key.
///
/// Two partitions share a place only if SHA-256 truncated to 128 bits collides, which no client can bring about with
/// less than 2^64 work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PartitionHash(pub [u8; 16]);

impl PartitionHash {
    /// Where the partition lies.
    pub fn of(bucket: BucketId, partition_key: &PartitionKey) -> PartitionHash {
        PartitionHash::of_hashed(Sha256::new().chain_update(bucket.0).chain_update(partition_key.as_str()))
    }

    /// Where the partition lies whose bucket id and partition key are these bytes, one behind the other.
    pub fn of_bytes(bucket_and_key: &[u8]) -> PartitionHash {
        PartitionHash::of_hashed(Sha256::new().chain_update(bucket_and_key))
    }

    fn of_hashed(hasher: Sha256) -> PartitionHash {
        let digest = hasher.finalize();
        let mut place = [0; 16];
        place.copy_from_slice(&digest[..16]);
        PartitionHash(place)
    }

    /// The shard that owns the place: its top ten bits.
    pub fn shard(self) -> ShardIndex {
        ShardIndex(u16::from_be_bytes([self.0[0], self.0[1]]) >> 6)
    }
}

/// A partition: its names and its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Partition {
    /// The bucket.
    pub bucket: BucketId,
    /// The partition key.
    pub key: PartitionKey,
    /// [`PartitionHash::of`] the two.
    pub hash: PartitionHash,
}

impl Partition {
    /// The partition `key` of `bucket`.
    pub fn new(bucket: BucketId, key: PartitionKey) -> Partition {
        let hash = PartitionHash::of(bucket, &key);
        Partition { bucket, key, hash }
    }

    /// The shard that owns it.
    pub fn shard(&self) -> ShardIndex {
        self.hash.shard()
    }
}

/// An item's full address inside a node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ItemKey {
    /// Where its partition lies.
    pub partition: PartitionHash,
    /// Which item of the partition.
    pub sort_key: SortKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_by_bytes_not_characters() {
        assert_eq!(PartitionKey::new(""), Err(KeyError::Empty("partition key")));
        assert!(SortKey::new(&"é".repeat(512)).is_ok());
        assert_eq!(
            SortKey::new(&"é".repeat(513)),
            Err(KeyError::TooLong { what: "sort key", bytes_max: SORT_KEY_BYTES_MAX })
        );
    }

    #[test]
    fn the_shard_is_the_top_ten_bits_so_a_shard_is_one_range_of_the_ring() {
        let mut first = [0; 16];
        first[0] = 0xff;
        first[1] = 0xc0;
        assert_eq!(PartitionHash(first).shard().index(), SHARD_COUNT - 1);
        first[1] = 0xbf;
        assert_eq!(PartitionHash(first).shard().index(), SHARD_COUNT - 2);
    }

    #[test]
    fn the_place_of_a_partition_never_changes() {
        let hash = PartitionHash::of(BucketId([7; 32]), &PartitionKey::new("mail/inbox").unwrap());
        assert_eq!(hex::encode(hash.0), "79f0b921e715cdb18c097e3e1a4b9e16");
    }
}
