//! The operations of a batch, in the compatible API's types.

use serde::Serialize;

use super::listing::Filter;
use super::value::K2vValue;
use crate::batch::{BatchDelete, BatchInsert, BatchRead};
use crate::token::CausalityToken;

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct BatchInsertOp<'a> {
    /// The partition key.
    pub partition_key: &'a str,
    /// The sort key.
    pub sort_key: &'a str,
    /// What the writer has seen of the item; `None` adds a concurrent value.
    pub causality: Option<CausalityToken>,
    /// The new value; a tombstone deletes.
    pub value: K2vValue,
}

impl From<&BatchInsertOp<'_>> for BatchInsert {
    fn from(op: &BatchInsertOp<'_>) -> Self {
        Self {
            partition_key: op.partition_key.to_owned(),
            sort_key: op.sort_key.to_owned(),
            token: op.causality.clone(),
            value: op.value.clone().into(),
        }
    }
}

/// One read query of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct BatchReadOp<'a> {
    /// The partition to read.
    pub partition_key: &'a str,
    /// Which sort keys of it.
    pub filter: Filter<'a>,
    /// Only the item whose sort key is the filter's `start`.
    pub single_item: bool,
    /// Only items with several concurrent values.
    pub conflicts_only: bool,
    /// Also items that hold nothing but tombstones.
    pub tombstones: bool,
}

impl From<&BatchReadOp<'_>> for BatchRead {
    fn from(op: &BatchReadOp<'_>) -> Self {
        Self {
            partition_key: op.partition_key.to_owned(),
            range: op.filter.into(),
            single_item: op.single_item,
            conflicts_only: op.conflicts_only,
            tombstones: op.tombstones,
        }
    }
}

/// One delete query of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct BatchDeleteOp<'a> {
    /// The partition to delete from.
    pub partition_key: &'a str,
    /// Only sort keys that begin with this.
    pub prefix: Option<&'a str>,
    /// The first sort key to delete, included.
    pub start: Option<&'a str>,
    /// Where to stop, excluded.
    pub end: Option<&'a str>,
    /// Only the item whose sort key is `start`.
    pub single_item: bool,
}

impl<'a> BatchDeleteOp<'a> {
    /// Every item of a partition.
    #[must_use]
    pub fn new(partition_key: &'a str) -> Self {
        Self { partition_key, ..Self::default() }
    }
}

impl From<&BatchDeleteOp<'_>> for BatchDelete {
    fn from(op: &BatchDeleteOp<'_>) -> Self {
        Self {
            partition_key: op.partition_key.to_owned(),
            prefix: op.prefix.map(str::to_owned),
            start: op.start.map(str::to_owned),
            end: op.end.map(str::to_owned),
            single_item: op.single_item,
        }
    }
}
