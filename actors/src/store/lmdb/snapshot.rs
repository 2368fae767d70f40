//! Reading: a view of the tree as of one commit. Items borrow their values from the map's pages.

use super::Tables;
use crate::causality::Item;
use crate::ids::{BucketId, ItemKey, PartitionHash, ShardIndex};
use crate::store::counters::PartitionCounters;
use crate::store::keys::{items, partitions, shards};
use crate::store::range::KeyRange;
use crate::store::{ControlRows, ShardMeta, Snapshot, StoreError};
use heed::{RoTxn, WithoutTls};
use std::ops::{Bound, ControlFlow};

/// A view of an LMDB environment.
pub struct LmdbSnapshot<'s> {
    txn: RoTxn<'s, WithoutTls>,
    tables: Tables,
}

impl<'s> LmdbSnapshot<'s> {
    pub(super) fn new(txn: RoTxn<'s, WithoutTls>, tables: Tables) -> LmdbSnapshot<'s> {
        LmdbSnapshot { txn, tables }
    }

    /// Shows the rows between two raw bounds.
    fn scan<'t>(
        &'t self,
        table: super::Table,
        bounds: &(Bound<Vec<u8>>, Bound<Vec<u8>>),
        descending: bool,
        visit: &mut dyn FnMut(&'t [u8], &'t [u8]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let bounds = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
        if descending {
            for row in table.rev_range(&self.txn, &bounds)? {
                let (key, value) = row?;
                if visit(key, value)?.is_break() {
                    break;
                }
            }
        } else {
            for row in table.range(&self.txn, &bounds)? {
                let (key, value) = row?;
                if visit(key, value)?.is_break() {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Snapshot for LmdbSnapshot<'_> {
    fn item(&self, key: &ItemKey) -> Result<Option<Item<'_>>, StoreError> {
        let mut raw = Vec::with_capacity(64);
        items::write_key(&mut raw, key.partition, key.sort_key.as_str());
        match self.tables.items.get(&self.txn, &raw)? {
            Some(row) => Item::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(items::NAME, &raw)),
            None => Ok(None),
        }
    }

    fn scan_items(
        &self,
        partition: PartitionHash,
        range: &KeyRange,
        visit: &mut dyn FnMut(&str, Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_void() {
            return Ok(());
        }
        let bounds = items::bounds(partition, range);
        self.scan(self.tables.items, &bounds, range.descending, &mut |key, row| match items::sort_key(key)
            .zip(Item::decode(row))
        {
            Some((sort_key, item)) => Ok(visit(sort_key, item)),
            None => Err(StoreError::corrupt(items::NAME, key)),
        })
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
        let bounds = partitions::bounds(bucket, range);
        self.scan(self.tables.partitions, &bounds, range.descending, &mut |key, row| {
            match partitions::partition_key(key).zip(partitions::decode(row)) {
                Some((name, counters)) => Ok(visit(name, counters)),
                None => Err(StoreError::corrupt(partitions::NAME, key)),
            }
        })
    }

    fn shard_meta(&self, shard: ShardIndex) -> Result<Option<ShardMeta>, StoreError> {
        let key = shards::key(shard);
        match self.tables.shards.get(&self.txn, &key)? {
            Some(row) => shards::decode(row).map(Some).ok_or_else(|| StoreError::corrupt(shards::NAME, &key)),
            None => Ok(None),
        }
    }

    fn control(&self) -> Result<ControlRows, StoreError> {
        let rows = self.tables.control.iter(&self.txn)?;
        let owned = rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())));
        Ok(owned.collect::<Result<_, heed::Error>>()?)
    }
}
