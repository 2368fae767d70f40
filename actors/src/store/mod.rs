//! Where items live: durable transactions, snapshots, and the keyspaces in between.
//!
//! A store is one environment. Writers go through its lane, which commits everything that has queued up in one
//! transaction (group commit); readers take snapshots and never wait for a writer.
//!
//! Two stores keep the same contract, and one suite checks both: LMDB for nodes, memory for tests and the simulator.

mod apart;
pub mod counters;
mod decoded;
pub mod digest;
pub mod epoch;
mod error;
mod final_rows;
mod group;
pub mod journal;
pub mod journalled;
mod keys;
pub mod lane;
pub mod lmdb;
pub mod memory;
mod memtable;
mod migration;
pub mod partition;
mod partition_rows;
pub mod range;
pub mod rows;
pub mod segments;
pub mod set;
pub mod tree;

pub use epoch::Epoch;
pub use error::{CommitError, Failure, FailureCause, StoreError};
pub use keys::environment::LaneId;
pub use keys::items::ItemRow;

use crate::causality::{Context, Item};
use crate::ids::{ActorId, BucketId, ItemKey, Partition, PartitionHash, ShardIndex, SortKey};
use crate::mutation::{Mutation, is_on};
use partition::{PartitionDelta, PartitionState, StoredPartition};
use range::KeyRange;
use segments::{Segment, SegmentDigests};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// A place in the order in which the items of one shard changed on this node. It is this node's own: no other one knows it,
/// and no digest counts it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Position(pub u64);

/// An item as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredItem<'s> {
    /// When it changed here.
    pub changed: Position,
    /// Its state.
    pub item: Item<'s>,
}

/// How far a replica is with a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum ShardState {
    /// It holds the shard.
    #[default]
    Live,
    /// It is being brought up to date by the other replicas.
    Receiving,
    /// It gives the shard's rows up.
    Dropping,
    /// It holds the shard, and lost some of it.
    Amnesiac,
}

/// What a shard keeps beside its items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardMeta {
    /// The epoch in which the newest actor id was drawn.
    pub epoch: Epoch,
    /// Every actor id that the shard minted from on this node, oldest first.
    pub actors: Vec<ActorId>,
    /// No dot of the newest actor has a larger time.
    pub watermark: u64,
    /// Of each actor, up to which time every dot in this shard was taken in here: what was stored when this was written.
    pub clock: Context,
    /// How far this replica is.
    pub state: ShardState,
}

impl ShardMeta {
    /// A shard that holds what it minted itself, and took in nothing from others.
    pub fn new(epoch: Epoch, actors: Vec<ActorId>, watermark: u64) -> ShardMeta {
        ShardMeta { epoch, actors, watermark, clock: Context::empty(), state: ShardState::Live }
    }
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Replaces an item, and moves what its partition is kept with along with it.
    PutItem {
        /// The partition, with its names: the index needs them.
        partition: Partition,
        /// Which item.
        sort_key: SortKey,
        /// The new state. Shared with every other holder of that state: it is never copied before the commit.
        row: ItemRow,
        /// New state minus old state.
        delta: PartitionDelta,
        /// Whether the old state has values apart from its row, which lies where it was stored.
        replaces_apart: bool,
        /// Whether it needs room beyond what it gives back ([`Write::grows`]).
        grows: bool,
    },
    /// Removes the row of an item, as if it had never been written: nothing but tombstones is in it that no replica needs
    /// any more.
    RemoveItem {
        /// The partition, with its names.
        partition: Partition,
        /// Which item.
        sort_key: SortKey,
        /// An empty state minus the old one.
        delta: PartitionDelta,
        /// As for [`Write::PutItem`].
        replaces_apart: bool,
    },
    /// Replaces what a shard keeps beside its items.
    PutShardMeta {
        /// Which shard.
        shard: ShardIndex,
        /// The new state.
        meta: ShardMeta,
    },
    /// Replaces a row of the control plane.
    PutControl {
        /// The row's key.
        key: Vec<u8>,
        /// The row's content.
        value: Vec<u8>,
        /// Whether the row is new or longer than the one that it replaces.
        grows: bool,
    },
}

impl Write {
    /// Takes an item from `old` to `new`, which changed at `changed`. An empty item has no row: if `new` is one, the row is
    /// removed. The new state is copied once, here.
    pub fn put_item(
        partition: Partition,
        sort_key: SortKey,
        changed: Position,
        old: &Item<'_>,
        new: &Item<'_>,
    ) -> Write {
        let delta = PartitionDelta::between(partition.hash, &sort_key, old, new);
        let replaces_apart = apart::has_apart(old);
        if new.is_empty() {
            return Write::RemoveItem { partition, sort_key, delta, replaces_apart };
        }
        let row = ItemRow::new(partition.hash, &sort_key, changed, new);
        Write::PutItem { partition, sort_key, row, delta, replaces_apart, grows: item_grows(old, new) }
    }

    /// Whether the write needs room beyond what it gives back: then a full store refuses it. What does not grow may use
    /// the reserve.
    pub fn grows(&self) -> bool {
        match self {
            Write::PutItem { grows, .. } | Write::PutControl { grows, .. } => *grows,
            // Of a shard, a few bytes at the first write after a start that was not clean. Without them even a deletion
            // could not be stored.
            Write::RemoveItem { .. } | Write::PutShardMeta { .. } => false,
        }
    }

    /// About how many bytes of rows it writes.
    pub fn bytes(&self) -> usize {
        match self {
            Write::PutItem { partition, sort_key, row, .. } => {
                partition.key.as_str().len() + sort_key.as_str().len() + row.as_bytes().len()
            }
            Write::RemoveItem { partition, sort_key, .. } => {
                partition.key.as_str().len() + sort_key.as_str().len()
            }
            Write::PutShardMeta { meta, .. } => 8 * meta.actors.len() + 16 * meta.clock.pairs().len(),
            Write::PutControl { key, value, .. } => key.len() + value.len(),
        }
    }
}

/// A new row grows the store, and so does a longer one. A tombstone in the place of a value does not: where the value was
/// shorter than the time of its dot, the row gets a few bytes longer, but only once for each value that was let in as
/// growth.
fn item_grows(old: &Item<'_>, new: &Item<'_>) -> bool {
    let deletes = new.is_tombstone() && !old.is_tombstone();
    if is_on(Mutation::NewTombstoneTakesReserve) && new.is_tombstone() {
        return false;
    }
    if is_on(Mutation::DeletionCountsAsGrowth) {
        return true;
    }
    old.is_empty() || (!deletes && new.encoded_bytes() > old.encoded_bytes())
}

/// An environment. Cheap to share; many snapshots beside one committing lane.
pub trait Store: Send + Sync + 'static {
    /// A consistent view, as of the last commit before it was taken.
    type Snapshot<'s>: Snapshot
    where
        Self: 's;

    /// Takes a view. Keep it short: as long as it lives, pages that were replaced since cannot be used again.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    fn snapshot(&self) -> Result<Self::Snapshot<'_>, StoreError>;

    /// Applies all writes in order in one transaction, and returns once it is durable (as far as the configured
    /// durability says). Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// [`CommitError`]; then no write of the transaction is stored.
    fn commit(&self, writes: &mut dyn Iterator<Item = &Write>) -> Result<(), CommitError>;

    /// The digests of the store's segments, as of its last commit.
    fn digests(&self) -> &SegmentDigests;

    /// The epoch that opening the store began or resumed.
    fn epoch(&self) -> Epoch;

    /// Has the next opening begin a new epoch, however this one is closed: a batch was refused, so that dots were
    /// minted (and perhaps sent to other replicas) which this store will not remember.
    fn end_epoch(&self);
}

/// Keys of the control plane and their content, ascending by key.
pub type ControlRows = Vec<(Vec<u8>, Vec<u8>)>;

/// An item that a scan came across; [`StoreError::Corrupt`] if its row is damaged. The scan goes on behind it.
pub type Shown<'s> = Result<StoredItem<'s>, StoreError>;

/// A consistent view of a store.
///
/// A damaged row of an item is [`StoreError::Corrupt`]: this replica does not know the item's state, and that of another
/// replica may take its place.
pub trait Snapshot {
    /// One item; `None` if it has no row.
    ///
    /// # Errors
    /// [`StoreError`].
    fn item(&self, key: &ItemKey) -> Result<Option<Item<'_>>, StoreError> {
        Ok(self.stored_item(key)?.map(|stored| stored.item))
    }

    /// One item, and when it changed; `None` if it has no row.
    ///
    /// # Errors
    /// [`StoreError`].
    fn stored_item(&self, key: &ItemKey) -> Result<Option<StoredItem<'_>>, StoreError>;

    /// Shows the items of a partition whose sort keys lie in `range`, in its direction, until `visit` breaks. What is
    /// shown borrows from the snapshot, so that a page of items can be kept without a copy of their values.
    ///
    /// # Errors
    /// [`StoreError`]; a damaged row is shown as such instead.
    fn scan_items<'s>(
        &'s self,
        partition: PartitionHash,
        range: &KeyRange,
        visit: &mut dyn FnMut(&'s str, Shown<'s>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Shows the items of a segment behind `after`, of all of its partitions, by place and sort key, until `visit`
    /// breaks.
    ///
    /// # Errors
    /// [`StoreError`]; a damaged row is shown as such instead.
    fn scan_segment<'s>(
        &'s self,
        segment: Segment,
        after: Option<&ItemKey>,
        visit: &mut dyn FnMut(PartitionHash, &'s str, Shown<'s>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The partition at a place, if it has any row, tombstones included.
    ///
    /// # Errors
    /// [`StoreError`].
    fn partition(&self, hash: PartitionHash) -> Result<Option<StoredPartition>, StoreError>;

    /// Shows the partitions of a segment that have any row and lie behind `after`, by place, until `visit` breaks.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan_segment_partitions(
        &self,
        segment: Segment,
        after: Option<PartitionHash>,
        visit: &mut dyn FnMut(StoredPartition) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Shows the partitions of a bucket that hold anything countable and whose keys lie in `range`, in its direction, until
    /// `visit` breaks.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan_partitions(
        &self,
        bucket: BucketId,
        range: &KeyRange,
        visit: &mut dyn FnMut(&str, PartitionState) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// What a shard keeps beside its items; `None` before its first write.
    ///
    /// # Errors
    /// [`StoreError`].
    fn shard_meta(&self, shard: ShardIndex) -> Result<Option<ShardMeta>, StoreError>;

    /// Every row of the control plane, by key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn control(&self) -> Result<ControlRows, StoreError>;
}
