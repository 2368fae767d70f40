//! Item states of one shard as they travel between its replicas.

use crate::causality::{Context, Item};
use crate::ids::{BucketId, ItemKey, Partition, PartitionKey, SortKey};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The state of one item: stripped by the clock that travels with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemState {
    /// The partition, with its names: the receiver may not know them.
    pub partition: Partition,
    /// The item within it.
    pub sort_key: SortKey,
    encoded: Bytes,
}

impl ItemState {
    /// Takes [`Item::encode`] of the state; `None` if the bytes are no item. An empty item stands for one that the sender
    /// does not hold.
    pub fn new(partition: Partition, sort_key: SortKey, encoded: Bytes) -> Option<ItemState> {
        Item::decode(&encoded).is_some().then_some(ItemState { partition, sort_key, encoded })
    }

    /// The state of an item that the sender does not hold: its clock alone tells what it has discarded.
    pub fn lacking(partition: Partition, sort_key: SortKey) -> ItemState {
        ItemState { partition, sort_key, encoded: Bytes::from(Item::empty().encode()) }
    }

    /// What this node encoded itself.
    pub(crate) fn own(partition: Partition, sort_key: SortKey, encoded: Bytes) -> ItemState {
        ItemState { partition, sort_key, encoded }
    }

    /// The state.
    pub fn item(&self) -> Item<'_> {
        Item::decode(&self.encoded).expect("it was read before")
    }

    /// The state as it is sent.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The item's address.
    pub fn key(&self) -> ItemKey {
        ItemKey { partition: self.partition.hash, sort_key: self.sort_key.clone() }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.partition.key.as_str().len() + self.sort_key.as_str().len() + self.encoded.len()
    }
}

/// States of one shard, to be merged in one transaction.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct States {
    /// The sender's shard clock: whatever it covers and no state shows is dead. Without it, what was overwritten comes back.
    pub clock: Context,
    /// The states.
    pub items: Vec<ItemState>,
}

impl States {
    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        self.items.iter().map(ItemState::bytes).sum()
    }
}

impl Serialize for ItemState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ItemState { partition, sort_key, encoded } = self;
        let encoded = serde_bytes::Bytes::new(encoded);
        (partition.bucket, &partition.key, sort_key, encoded).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ItemState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ItemState, D::Error> {
        let (bucket, key, sort_key, encoded) =
            <(BucketId, PartitionKey, SortKey, &serde_bytes::Bytes)>::deserialize(deserializer)?;
        let (partition, encoded) = (Partition::new(bucket, key), Bytes::copy_from_slice(encoded));
        ItemState::new(partition, sort_key, encoded)
            .ok_or_else(|| serde::de::Error::custom("the bytes are no item"))
    }
}
