//! Staging what another replica sent: its states merged into this one's, before any of it takes effect.
//!
//! A cap never refuses a merge; only what waits for the disk does. What a merge does not change is not stored again.

use super::dots::Dots;
use super::overlay::Overlay;
use super::{BatchId, Fence, ItemState, ReadItem, ShardClock, States, WriteError};
use crate::causality::{Context, Dot, Item};
use crate::clock::WallMs;
use crate::ids::ItemKey;
use crate::limits::SHARD_BYTES_IN_FLIGHT_MAX;
use crate::mutation::{Mutation, is_on};
use crate::store::{Position, Write};

/// The new states that a merge makes. It takes effect as the very next event of its shard, or never.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StagedMerge {
    /// What the batch is going to be called, and what it builds on.
    pub(super) batch: BatchId,
    pub(super) fence: Fence,
    /// One for each item that the merge changes.
    pub(super) puts: Vec<(ItemKey, Write)>,
    /// The places of the changes, in their order.
    pub(super) changes: Vec<(Dot, ItemKey)>,
    pub(super) bytes: usize,
    /// Of the states that the merge does not change, the newest that is still on its way to the disk.
    pub(super) after: Option<BatchId>,
}

impl StagedMerge {
    /// How many bytes of rows it makes, as [`Write::bytes`] counts them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it makes a batch. One that changes nothing takes no room in the lane.
    pub fn is_batch(&self) -> bool {
        !self.puts.is_empty()
    }
}

/// Everything that the staging of a merge looks at.
pub(super) struct StageMerge<'c> {
    pub(super) now: WallMs,
    pub(super) overlay: &'c Overlay,
    pub(super) dots: &'c mut Dots,
    pub(super) clock: &'c mut ShardClock,
    /// What the shard has on its way to the disk already.
    pub(super) bytes_in_flight: usize,
    pub(super) staged: StagedMerge,
}

impl StageMerge<'_> {
    /// Merges the states one by one, each into what the overlay or the store shows of its item.
    pub(super) fn run(mut self, states: &States, read: ReadItem<'_, '_>) -> Result<StagedMerge, WriteError> {
        let mut theirs = Vec::with_capacity(states.items.len());
        theirs.extend(states.items.iter().map(|state| (state, state.item())));
        // Stable: several states of one item are merged one after the other.
        theirs
            .sort_by(|(a, _), (b, _)| (a.partition.hash, &a.sort_key).cmp(&(b.partition.hash, &b.sort_key)));
        self.take_note(&states.clock, theirs.iter().map(|(_, item)| item));
        let ours = self.clock.known(self.dots.newest_time());
        let ours = if is_on(Mutation::OwnClockLeftOutOfMerges) { Context::empty() } else { ours };
        let mut theirs = theirs.into_iter().peekable();
        while let Some((state, first)) = theirs.next() {
            let key = state.key();
            let overlay: &Overlay = self.overlay;
            let old = match overlay.get(&key).filter(|_| !is_on(Mutation::OverlayIgnored)) {
                Some(held) => Item::decode(held).expect("the overlay holds what an item was encoded to"),
                None => read(&key).map_err(WriteError::NotRead)?.unwrap_or_default(),
            };
            let mut new = old.clone();
            self.merge(&mut new, first, &ours, &states.clock);
            while let Some((_, more)) = theirs.next_if(|(next, _)| next.key() == key) {
                self.merge(&mut new, more, &ours, &states.clock);
            }
            self.keep(state, key, &old, &new)?;
        }
        Ok(self.staged)
    }

    fn merge<'i>(&self, item: &mut Item<'i>, other: Item<'i>, ours: &Context, theirs: &Context) {
        if is_on(Mutation::MergeReplaces) {
            *item = other;
            return;
        }
        item.merge_stripped(ours, other, theirs, self.clock.strips_by());
    }

    fn keep(
        &mut self,
        state: &ItemState,
        key: ItemKey,
        old: &Item<'_>,
        new: &Item<'_>,
    ) -> Result<(), WriteError> {
        let staged = &mut self.staged;
        if new == old {
            staged.after = staged.after.max(self.overlay.batch_of(&key));
            return Ok(());
        }
        staged.bytes +=
            state.partition.key.as_str().len() + state.sort_key.as_str().len() + new.encoded_bytes();
        if self.bytes_in_flight > 0 && self.bytes_in_flight + staged.bytes > SHARD_BYTES_IN_FLIGHT_MAX {
            return Err(WriteError::Overloaded);
        }
        let changed = self.dots.mint_position(self.now);
        let (partition, sort_key) = (state.partition.clone(), state.sort_key.clone());
        let put = Write::put_item(partition, sort_key, Position(changed.time), old, new);
        staged.puts.push((key.clone(), put));
        staged.changes.push((changed, key));
        Ok(())
    }

    /// Learns which actors there are. If another replica knows dots of the present actor that were never minted here, this
    /// shard has lost its memory in a way that the store did not notice: the actor is retired before anything is merged,
    /// as otherwise those dots would count as known here, and die.
    fn take_note<'i>(&mut self, theirs: &Context, items: impl Iterator<Item = &'i Item<'i>> + Clone) {
        let actor = self.dots.actor();
        let shown = items.clone().map(|item| item.newest_time_of(actor)).max().unwrap_or(0);
        self.dots.are_shown(shown.max(theirs.time_of(actor)));
        if self.dots.actor() != actor {
            self.clock.actor_begins(self.dots.actor());
        }
        theirs.pairs().iter().for_each(|pair| self.clock.sighted(pair.0));
        let branches = items.flat_map(Item::branches);
        branches.for_each(|branch| self.clock.sighted(branch.actor));
    }
}
