//! Every view of rows is a snapshot: the rows are read as their keyspaces' layouts say.

use super::apart;
use super::keys::{items, names, partitions, shards};
use super::partition::{PartitionState, StoredPartition};
use super::partition_rows;
use super::range::KeyRange;
use super::rows::{Keyspace, RowBounds, RowView};
use super::segments::Segment;
use super::{ControlRows, ShardMeta, Shown, Snapshot, StoreError, StoredItem};
use crate::ids::{BucketId, ItemKey, PartitionHash, ShardIndex};
use std::ops::{Bound, ControlFlow};

impl<V: RowView> Snapshot for V {
    fn stored_item(&self, key: &ItemKey) -> Result<Option<StoredItem<'_>>, StoreError> {
        let mut raw = Vec::with_capacity(64);
        items::write_key(&mut raw, key.partition, key.sort_key.as_str());
        let Some(row) = self.row(Keyspace::Items, &raw)? else { return Ok(None) };
        decode(self, &raw, row).map(Some)
    }

    fn scan_items<'s>(
        &'s self,
        partition: PartitionHash,
        range: &KeyRange,
        visit: &mut dyn FnMut(&'s str, Shown<'s>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        let bounds = items::bounds(partition, range);
        scan_rows(self, bounds, range.descending, &mut |_, sort_key, shown| visit(sort_key, shown))
    }

    fn scan_segment<'s>(
        &'s self,
        segment: Segment,
        after: Option<&ItemKey>,
        visit: &mut dyn FnMut(PartitionHash, &'s str, Shown<'s>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let low = after.map_or_else(
            || Bound::Included(segment.first().0.to_vec()),
            |after| {
                let mut key = Vec::with_capacity(64);
                items::write_key(&mut key, after.partition, after.sort_key.as_str());
                Bound::Excluded(key)
            },
        );
        scan_rows(self, (low, segment.high()), false, visit)
    }

    fn partition(&self, hash: PartitionHash) -> Result<Option<StoredPartition>, StoreError> {
        let Some(row) = self.row(Keyspace::Names, &hash.0)? else { return Ok(None) };
        partition_rows::of_names(self, hash, row).map(Some)
    }

    fn scan_segment_partitions(
        &self,
        segment: Segment,
        after: Option<PartitionHash>,
        visit: &mut dyn FnMut(StoredPartition) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let first = || Bound::Included(segment.first().0.to_vec());
        let low = after.map_or_else(first, |after| Bound::Excluded(after.0.to_vec()));
        for row in self.range(Keyspace::Names, (low, segment.high()), false)? {
            let (key, row) = row?;
            let hash = names::hash_of(key).ok_or_else(|| StoreError::corrupt(names::NAME, key))?;
            if visit(partition_rows::of_names(self, hash, row)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan_partitions(
        &self,
        bucket: BucketId,
        range: &KeyRange,
        visit: &mut dyn FnMut(&str, PartitionState) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        for row in self.range(Keyspace::Partitions, partitions::bounds(bucket, range), range.descending)? {
            let (key, row) = row?;
            let (name, state) = partitions::partition_key(key)
                .zip(partitions::decode(row))
                .ok_or_else(|| StoreError::corrupt(partitions::NAME, key))?;
            if visit(name, state).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn shard_meta(&self, shard: ShardIndex) -> Result<Option<ShardMeta>, StoreError> {
        let key = shards::key(shard);
        let Some(row) = self.row(Keyspace::Shards, &key)? else { return Ok(None) };
        shards::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(shards::NAME, &key))
    }

    fn control(&self) -> Result<ControlRows, StoreError> {
        let rows = self.range(Keyspace::Control, (Bound::Unbounded, Bound::Unbounded), false)?;
        rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
    }
}

/// The item in a row, with the values that lie apart from it.
fn decode<'v>(view: &'v impl RowView, key: &[u8], row: &'v [u8]) -> Shown<'v> {
    let (mut stored, apart) = items::decode(key, row)?;
    if !apart.is_empty() {
        apart::put_together(view, key, &mut stored.item, &apart)?;
    }
    Ok(stored)
}

/// Shows rows of items until `visit` breaks.
fn scan_rows<'v>(
    view: &'v impl RowView,
    bounds: RowBounds,
    descending: bool,
    visit: &mut dyn FnMut(PartitionHash, &'v str, Shown<'v>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for row in view.range(Keyspace::Items, bounds, descending)? {
        let (key, row) = row?;
        let (hash, sort_key) =
            items::hash_of(key).zip(items::sort_key(key)).ok_or_else(|| items::corrupt(key))?;
        if visit(hash, sort_key, decode(view, key, row)).is_break() {
            break;
        }
    }
    Ok(())
}
