//! Staging: what the writes of one request make of its items, before any of it takes effect.
//!
//! One item at a time: its old state is read once, however often the request names it, and dropped before the next one
//! is read. The new states are all that is held, each encoded once, up to [`BATCH_BYTES_MAX`]. The first refusal ends it.

use super::dots::Dots;
use super::overlay::Overlay;
use super::{BatchId, Fence, ItemState, ItemWrite, ShardLimits, WriteError, WritePlan};
use crate::causality::{Context, Dot, Item};
use crate::clock::WallMs;
use crate::ids::{ItemKey, NodeId};
use crate::limits::{BATCH_BYTES_MAX, SHARD_BYTES_IN_FLIGHT_MAX, TOKEN_ACTORS_MAX};
use crate::mutation::{Mutation, is_on};
use crate::store::{Position, StoreError, Write};

/// What a shard asks its store for: the item as a snapshot shows it that was taken after every earlier event of the
/// shard was handled; `None` if it was never written.
pub type ReadItem<'r, 's> = &'r mut dyn FnMut(&ItemKey) -> Result<Option<Item<'s>>, StoreError>;

/// The new states that a request makes. It takes effect as the very next event of its shard, or never.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staged {
    /// What the batch is going to be called, and what it builds on.
    pub(super) batch: BatchId,
    pub(super) fence: Fence,
    pub(super) plan: WritePlan,
    /// The other replicas.
    pub(super) peers: Vec<NodeId>,
    /// One for each item.
    pub(super) puts: Vec<(ItemKey, Write)>,
    /// The same states, for the other replicas.
    pub(super) states: Vec<ItemState>,
    /// In the order of minting.
    pub(super) dots: Vec<(Dot, ItemKey)>,
    pub(super) bytes: usize,
}

impl Staged {
    /// How many bytes of rows it makes, as [`Write::bytes`] counts them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Everything that staging looks at.
pub(super) struct Stage<'c> {
    pub(super) now: WallMs,
    pub(super) limits: ShardLimits,
    pub(super) overlay: &'c Overlay,
    pub(super) dots: &'c mut Dots,
    /// What the rows are stripped by.
    pub(super) strips_by: &'c Context,
    /// What the shard has on its way to the disk already.
    pub(super) bytes_in_flight: usize,
}

/// An item between two states.
pub(super) struct Step<'i> {
    pub(super) key: ItemKey,
    /// The first write to it.
    pub(super) write: &'i ItemWrite,
    pub(super) old: Item<'i>,
    pub(super) new: Item<'i>,
    /// The place of the newest write to it.
    pub(super) changed: Position,
}

impl Stage<'_> {
    /// Applies the writes, those to one item in the client's order, and shows each item's step to `keep`. Gives the
    /// dots in the order of minting, and how many bytes of rows the new states have.
    pub(super) fn run(
        &mut self,
        writes: &[ItemWrite],
        read: ReadItem<'_, '_>,
        keep: &mut dyn FnMut(Step<'_>),
    ) -> Result<(Vec<(Dot, ItemKey)>, usize), WriteError> {
        let mut by_item: Vec<&ItemWrite> = writes.iter().collect();
        // Stable: two writes to one item stay in their order.
        by_item.sort_by(|a, b| (a.partition.hash, &a.sort_key).cmp(&(b.partition.hash, &b.sort_key)));
        let mut dots = Vec::with_capacity(writes.len());
        let (mut bytes, mut items) = (0, 0_usize);
        for of_item in
            by_item.chunk_by(|a, b| a.partition.hash == b.partition.hash && a.sort_key == b.sort_key)
        {
            let key = of_item[0].key();
            let overlay: &Overlay = self.overlay;
            let old = match overlay.get(&key).filter(|_| !is_on(Mutation::OverlayIgnored)) {
                Some(state) => Item::decode(state).expect("the overlay holds what an item was encoded to"),
                None => read(&key).map_err(WriteError::NotRead)?.unwrap_or_default(),
            };
            let mut new = old.clone();
            let mut changed = Position::default();
            for write in of_item {
                let dot = self.apply(&mut new, write)?;
                changed = Position(dot.time);
                dots.push((dot, key.clone()));
            }
            items += 1;
            let names = of_item[0].partition.key.as_str().len() + of_item[0].sort_key.as_str().len();
            bytes += names + new.encoded_bytes();
            self.refuse_if_too_large(items, bytes)?;
            keep(Step { key, write: of_item[0], old, new, changed });
        }
        Ok((dots, bytes))
    }

    /// One write to one item.
    fn apply<'i>(&mut self, item: &mut Item<'i>, write: &'i ItemWrite) -> Result<Dot, WriteError> {
        let value = write.value.borrowed();
        self.refuse_if_too_much(item, write, value.bytes().map_or(0, <[u8]>::len))?;
        let dot = self.dots.mint(self.now, &write.context, item);
        item.write(dot, &write.context, value);
        if item.branches().len() > 1 {
            item.strip(self.strips_by);
        }
        // Beyond it, the item's own token would be too long to come back.
        if item.live_actor_count() > TOKEN_ACTORS_MAX {
            return Err(WriteError::TooManyConcurrentValues { max: TOKEN_ACTORS_MAX });
        }
        Ok(dot)
    }

    /// A single value is always taken: otherwise a low limit would make the store read-only.
    fn refuse_if_too_much(&self, item: &Item<'_>, write: &ItemWrite, bytes: usize) -> Result<(), WriteError> {
        let ShardLimits { concurrent_values_max: max, item_bytes_max: bytes_max, .. } = self.limits;
        let (mut values, mut bytes) = (1_usize, bytes);
        for (_, value) in item.siblings_not_covered_by(&write.context) {
            values += 1;
            bytes = bytes.saturating_add(value.bytes().map_or(0, <[u8]>::len));
        }
        if values > max.max(1) {
            Err(WriteError::TooManyConcurrentValues { max })
        } else if values > 1 && bytes > bytes_max {
            Err(WriteError::TooManyConcurrentBytes { bytes_max })
        } else {
            Ok(())
        }
    }

    /// What is on its way to the disk stays in memory until it is there. One request is always let in when nothing else
    /// is, and so is one item by itself.
    fn refuse_if_too_large(&self, items: usize, bytes: usize) -> Result<(), WriteError> {
        if items > 1 && bytes > BATCH_BYTES_MAX {
            Err(WriteError::BatchTooLarge { bytes_max: BATCH_BYTES_MAX })
        } else if self.bytes_in_flight > 0 && self.bytes_in_flight + bytes > SHARD_BYTES_IN_FLIGHT_MAX {
            Err(WriteError::Overloaded)
        } else {
            Ok(())
        }
    }
}
