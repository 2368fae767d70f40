//! What anti-entropy reads of this node's store. Every call sees one snapshot.

use super::span::Span;
use crate::causality::Context;
use crate::ids::{ActorId, ItemKey, ShardIndex};
use crate::shard::{ItemState, Moment};
use crate::store::StoreError;
use std::ops::ControlFlow;

/// How far a shard has come, and what it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShardSummary {
    /// Who mints its dots at present.
    pub actor: ActorId,
    /// Every dot of `actor` up to this time is in the snapshot or was overwritten: what was committed before the
    /// snapshot was taken, not what was minted.
    pub committed: u64,
    /// What the shard has learned so far: what it learns later did not happen before a round that begins now.
    pub learned: Moment,
    /// Whether nothing else than comparisons holds its votes back.
    pub may_vote: bool,
    /// XOR of the digests of all items that hold a value or a tombstone.
    pub digest: u64,
}

/// States of items that were asked for, and the clock that tells what those without a row have discarded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The shard's clock: the one that belongs to the snapshot.
    pub clock: Context,
    /// For each of the keys that were asked for, from the first on, as many as fit; `None` where there is no row.
    pub states: Vec<Option<ItemState>>,
}

/// The store of one replica.
pub trait Replica {
    /// What a shard has committed, and its digest; the former is read first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn summary(&self, shard: ShardIndex) -> Result<ShardSummary, StoreError>;

    /// The digests of a shard's segments, [`crate::limits::SHARD_SEGMENTS`] of them.
    ///
    /// # Errors
    /// [`StoreError`].
    fn segments(&self, shard: ShardIndex) -> Result<Vec<u64>, StoreError>;

    /// Shows key and digest of every item in the span that holds a value or a tombstone, ascending, until `visit` breaks.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(
        &self,
        shard: ShardIndex,
        span: &Span,
        visit: &mut dyn FnMut(ItemKey, u64) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The digest of each item; `None` for one that holds neither a value nor a tombstone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn digests(&self, shard: ShardIndex, keys: &[ItemKey]) -> Result<Vec<Option<u64>>, StoreError>;

    /// The states of the first of these items: as many as fit into `bytes_max`, at least one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn states(&self, shard: ShardIndex, keys: &[ItemKey], bytes_max: usize) -> Result<Found, StoreError>;
}
