//! What is written and not yet stored: the next write to the same item builds on it.

use super::BatchId;
use crate::ids::ItemKey;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Uncommitted items by key, encoded: the bytes are those that the lane holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay {
    items: BTreeMap<ItemKey, (BatchId, Bytes)>,
}

impl Overlay {
    pub(super) fn get(&self, key: &ItemKey) -> Option<&Bytes> {
        self.items.get(key).map(|(_, item)| item)
    }

    /// The batch that the item's newest state is on its way with.
    pub(super) fn batch_of(&self, key: &ItemKey) -> Option<BatchId> {
        self.items.get(key).map(|(batch, _)| *batch)
    }

    pub(super) fn put(&mut self, batch: BatchId, key: ItemKey, item: Bytes) {
        self.items.insert(key, (batch, item));
    }

    /// The batch is stored: a snapshot shows the item now, unless a later batch changed it again.
    pub(super) fn committed(&mut self, batch: BatchId, key: &ItemKey) {
        if self.items.get(key).is_some_and(|(newest, _)| *newest == batch) {
            self.items.remove(key);
        }
    }

    /// A batch was refused, and so will be every later one: what is stored is all there is.
    pub(super) fn clear(&mut self) {
        self.items.clear();
    }
}
