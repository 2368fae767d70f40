//! Where items live: durable transactions, snapshots, and the keyspaces in between.
//!
//! A store is one environment. Writers go through its lane, which commits everything that has queued up in one
//! transaction (group commit); readers take snapshots and never wait for a writer.
//!
//! Two stores keep the same contract, and one suite checks both: LMDB for nodes, memory for tests and the simulator.

pub mod counters;
mod decoded;
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
pub mod range;
pub mod rows;
pub mod set;
pub mod tree;

pub use epoch::Epoch;
pub use error::{CommitError, Failure, FailureCause, StoreError};
pub use keys::environment::LaneId;

use crate::causality::Item;
use crate::ids::{ActorId, BucketId, ItemKey, Partition, PartitionHash, ShardIndex, SortKey};
use crate::mutation::{Mutation, is_on};
use bytes::Bytes;
use counters::{CountersDelta, PartitionCounters};
use range::KeyRange;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// What a shard keeps beside its items.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardMeta {
    /// The epoch in which the newest actor id was drawn.
    pub epoch: Epoch,
    /// Every actor id that the shard minted from on this node, oldest first.
    pub actors: Vec<ActorId>,
    /// No dot of the newest actor has a larger time.
    pub watermark: u64,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Replaces an item, and moves its partition's counters along with it.
    PutItem {
        /// The partition, with its names: the index needs them.
        partition: Partition,
        /// Which item.
        sort_key: SortKey,
        /// [`Item::encode`] of the new state. Shared with every other holder of that state: it is never copied before the
        /// commit.
        item: Bytes,
        /// New state minus old state.
        delta: CountersDelta,
        /// Whether it needs room beyond what it gives back ([`Write::grows`]).
        grows: bool,
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
    /// Takes an item from `old` to `new`; an empty `old` has no row. The new state is copied once, here.
    pub fn put_item(partition: Partition, sort_key: SortKey, old: &Item<'_>, new: &Item<'_>) -> Write {
        Write::PutItem {
            partition,
            sort_key,
            item: Bytes::from(new.encode()),
            delta: CountersDelta::between(old, new),
            grows: item_grows(old, new),
        }
    }

    /// Whether the write needs room beyond what it gives back: then a full store refuses it. What does not grow may use
    /// the reserve.
    pub fn grows(&self) -> bool {
        match self {
            Write::PutItem { grows, .. } | Write::PutControl { grows, .. } => *grows,
            // A few bytes at the first write after a start that was not clean, at most once a shard. Without them even
            // a deletion could not be stored.
            Write::PutShardMeta { .. } => false,
        }
    }

    /// About how many bytes of rows it writes.
    pub fn bytes(&self) -> usize {
        match self {
            Write::PutItem { partition, sort_key, item, .. } => {
                partition.key.as_str().len() + sort_key.as_str().len() + item.len()
            }
            Write::PutShardMeta { meta, .. } => 8 * meta.actors.len(),
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

    /// The epoch that opening the store began or resumed.
    fn epoch(&self) -> Epoch;

    /// Has the next opening begin a new epoch, however this one is closed: a batch was refused, so that dots were
    /// minted (and perhaps sent to other replicas) which this store will not remember.
    fn end_epoch(&self);
}

/// Keys of the control plane and their content, ascending by key.
pub type ControlRows = Vec<(Vec<u8>, Vec<u8>)>;

/// A consistent view of a store.
pub trait Snapshot {
    /// One item; `None` if it was never written.
    ///
    /// # Errors
    /// [`StoreError`].
    fn item(&self, key: &ItemKey) -> Result<Option<Item<'_>>, StoreError>;

    /// Shows the items of a partition whose sort keys lie in `range`, in its direction, until `visit` breaks. What is
    /// shown borrows from the snapshot, so that a page of items can be kept without a copy of their values.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan_items<'s>(
        &'s self,
        partition: PartitionHash,
        range: &KeyRange,
        visit: &mut dyn FnMut(&'s str, Item<'s>) -> ControlFlow<()>,
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
        visit: &mut dyn FnMut(&str, PartitionCounters) -> ControlFlow<()>,
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
