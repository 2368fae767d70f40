//! The shards of a running node, as anti-entropy reads them.

use super::replica::{Found, Replica, ShardSummary};
use super::span::Span;
use crate::ids::{ItemKey, Partition, PartitionHash, ShardIndex, SortKey};
use crate::limits::SHARD_SEGMENTS;
use crate::shard::{ItemState, Shards};
use crate::store::digest::item_digest;
use crate::store::segments::Segment;
use crate::store::{Shown, Snapshot, Store, StoreError};
use std::ops::ControlFlow;

/// A replica that lies in stores.
pub(super) struct StoredReplica<S: Store> {
    pub(super) shards: Shards<S>,
}

/// What a row that cannot be read counts as: it differs from whatever other replicas hold, so that it is noticed.
const DAMAGED: u64 = 1;

/// The digest of an item that a scan came across.
fn digest_of(partition: PartitionHash, sort_key: &str, shown: &Shown<'_>) -> u64 {
    shown.as_ref().map_or(DAMAGED, |stored| item_digest(partition, sort_key, &stored.item))
}

impl<S: Store> Replica for StoredReplica<S> {
    fn summary(&self, shard: ShardIndex) -> Result<ShardSummary, StoreError> {
        let learned = self.shards.moment(shard);
        let view = self.shards.view(shard)?;
        let (actor, committed) = (view.actor, view.committed);
        // Read last: a commit is in the digests before the shard hears of it.
        let digest = self.shards.store(shard).digests().shard(shard);
        let may_vote = self.shards.may_vote(shard);
        Ok(ShardSummary { actor, committed, learned, may_vote, digest })
    }

    fn segments(&self, shard: ShardIndex) -> Result<Vec<u64>, StoreError> {
        let digests: [u64; SHARD_SEGMENTS] = self.shards.store(shard).digests().segments(shard);
        Ok(digests.to_vec())
    }

    fn scan(
        &self,
        shard: ShardIndex,
        span: &Span,
        visit: &mut dyn FnMut(ItemKey, u64) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let snapshot = self.shards.store(shard).snapshot()?;
        let segment = Segment { shard, index: span.segment };
        snapshot.scan_segment(segment, span.after.as_ref(), &mut |partition, name, shown| {
            // What is stored was checked when it came in.
            let Ok(sort_key) = SortKey::new(name) else { return ControlFlow::Continue(()) };
            let key = ItemKey { partition, sort_key };
            if span.last.as_ref().is_some_and(|last| key > *last) {
                return ControlFlow::Break(());
            }
            match digest_of(partition, name, &shown) {
                0 => ControlFlow::Continue(()),
                digest => visit(key, digest),
            }
        })
    }

    fn digests(&self, shard: ShardIndex, keys: &[ItemKey]) -> Result<Vec<Option<u64>>, StoreError> {
        let snapshot = self.shards.store(shard).snapshot()?;
        let digest = |key: &ItemKey| {
            let item = snapshot.item(key)?;
            let digest = item.map_or(0, |item| item_digest(key.partition, key.sort_key.as_str(), &item));
            Ok((digest != 0).then_some(digest))
        };
        keys.iter().map(digest).collect()
    }

    fn states(&self, shard: ShardIndex, keys: &[ItemKey], bytes_max: usize) -> Result<Found, StoreError> {
        let view = self.shards.view(shard)?;
        let mut partition: Option<Partition> = None;
        let (mut states, mut bytes) = (Vec::new(), 0);
        for key in keys {
            let Some(item) = view.snapshot.item(key)? else {
                states.push(None);
                continue;
            };
            if partition.as_ref().is_none_or(|partition| partition.hash != key.partition) {
                partition = view.snapshot.partition(key.partition)?.map(|stored| stored.partition);
            }
            let of = |partition: &Partition| {
                ItemState::own(partition.clone(), key.sort_key.clone(), item.encode().into())
            };
            let state = partition.as_ref().map(of);
            bytes += state.as_ref().map_or(0, ItemState::bytes);
            if bytes > bytes_max && !states.is_empty() {
                break;
            }
            states.push(state);
        }
        Ok(Found { clock: view.clock, states })
    }
}
