//! The few items that everybody fights over.

use std::sync::LazyLock;
use troupe_actors::ids::{BucketId, ItemKey, NodeId, Partition, PartitionKey, ShardIndex, SortKey};
use troupe_actors::store::range::KeyRange;

pub(crate) const PARTITION_COUNT: usize = 3;
const SORT_KEYS: [&str; 5] = ["a1", "a2", "a3", "b1", "b2"];
pub(crate) const ITEM_COUNT: usize = PARTITION_COUNT * SORT_KEYS.len();
pub(crate) const NODE: NodeId = NodeId([1; 32]);
pub(crate) const BUCKET: BucketId = BucketId([0xb0; 32]);

/// One of the items.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ItemIndex(pub(crate) usize);

/// Two partitions that share a shard, and one that lies elsewhere.
pub(crate) static PARTITIONS: LazyLock<Vec<Partition>> = LazyLock::new(|| {
    let named = |name: String| Partition::new(BUCKET, PartitionKey::new(&name).expect("a short name"));
    let first = named("first".to_owned());
    let mut others = (0..).map(|n| named(format!("other{n}")));
    let together = others.find(|other| other.shard() == first.shard()).expect("endless");
    let apart = others.find(|other| other.shard() != first.shard()).expect("endless");
    vec![first, together, apart]
});

/// The shards that hold them.
pub(crate) static SHARDS: LazyLock<Vec<ShardIndex>> =
    LazyLock::new(|| vec![PARTITIONS[0].shard(), PARTITIONS[2].shard()]);

static ITEMS: LazyLock<Vec<ItemKey>> = LazyLock::new(|| {
    let keys = PARTITIONS.iter().flat_map(|partition| SORT_KEYS.map(|sort_key| (partition.hash, sort_key)));
    let key =
        |(partition, sort_key)| ItemKey { partition, sort_key: SortKey::new(sort_key).expect("a short key") };
    keys.map(key).collect()
});

impl ItemIndex {
    pub(crate) fn all() -> impl Iterator<Item = ItemIndex> {
        (0..ITEM_COUNT).map(ItemIndex)
    }

    pub(crate) fn key(self) -> &'static ItemKey {
        &ITEMS[self.0]
    }

    pub(crate) fn of(key: &ItemKey) -> Option<ItemIndex> {
        ITEMS.iter().position(|known| known == key).map(ItemIndex)
    }

    /// Which of [`PARTITIONS`] it belongs to.
    pub(crate) fn partition(self) -> usize {
        self.0 / SORT_KEYS.len()
    }

    /// Which of [`SHARDS`] it belongs to.
    pub(crate) fn shard(self) -> usize {
        shard_of(self.partition())
    }

    pub(crate) fn is_in(self, partition: usize, range: &KeyRange) -> bool {
        self.partition() == partition && range.contains(self.key().sort_key.as_str())
    }
}

/// Which of [`SHARDS`] a partition belongs to.
pub(crate) fn shard_of(partition: usize) -> usize {
    usize::from(partition == 2)
}
