//! Every view of rows is a snapshot: the rows are read as their keyspaces' layouts say.

use super::keys::{items, partitions, shards};
use super::range::KeyRange;
use super::rows::{Keyspace, RowView};
use super::{ControlRows, ShardMeta, Snapshot, StoreError};
use crate::causality::Item;
use crate::ids::{BucketId, ItemKey, PartitionHash, ShardIndex};
use crate::store::counters::PartitionCounters;
use std::ops::{Bound, ControlFlow};

impl<V: RowView> Snapshot for V {
    fn item(&self, key: &ItemKey) -> Result<Option<Item<'_>>, StoreError> {
        let mut raw = Vec::with_capacity(64);
        items::write_key(&mut raw, key.partition, key.sort_key.as_str());
        let Some(row) = self.row(Keyspace::Items, &raw)? else { return Ok(None) };
        Item::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(items::NAME, &raw))
    }

    fn scan_items<'s>(
        &'s self,
        partition: PartitionHash,
        range: &KeyRange,
        visit: &mut dyn FnMut(&'s str, Item<'s>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        for row in self.range(Keyspace::Items, items::bounds(partition, range), range.descending)? {
            let (key, row) = row?;
            let (sort_key, item) = items::sort_key(key)
                .zip(Item::decode(row))
                .ok_or_else(|| StoreError::corrupt(items::NAME, key))?;
            if visit(sort_key, item).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan_partitions(
        &self,
        bucket: BucketId,
        range: &KeyRange,
        visit: &mut dyn FnMut(&str, PartitionCounters) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        for row in self.range(Keyspace::Partitions, partitions::bounds(bucket, range), range.descending)? {
            let (key, row) = row?;
            let (name, counters) = partitions::partition_key(key)
                .zip(partitions::decode(row))
                .ok_or_else(|| StoreError::corrupt(partitions::NAME, key))?;
            if visit(name, counters).is_break() {
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
