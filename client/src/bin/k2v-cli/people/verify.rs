//! Two buckets side by side, in the order of their keys.

use std::cmp::Ordering;

use futures_util::TryStreamExt;
use k2v_client::{Bucket, Entry, Error, Items, Partition, Partitions};

/// The keys of the partitions of two buckets, each once.
///
/// A partition whose items are all deleted is not listed. If the other bucket lists it, it is walked all the same: so
/// a deletion that emptied a partition is not overlooked.
pub(crate) struct PartitionKeys {
    source: Partitions,
    target: Partitions,
    source_next: Option<Partition>,
    target_next: Option<Partition>,
    is_started: bool,
}

impl PartitionKeys {
    pub(crate) fn new(source: &Bucket, target: &Bucket, prefix: Option<&str>) -> Self {
        let partitions = |bucket: &Bucket| match prefix {
            Some(prefix) => bucket.partitions().prefix(prefix),
            None => bucket.partitions(),
        };
        Self {
            source: partitions(source),
            target: partitions(target),
            source_next: None,
            target_next: None,
            is_started: false,
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<String>, Error> {
        if !self.is_started {
            self.is_started = true;
            self.source_next = self.source.try_next().await?;
            self.target_next = self.target.try_next().await?;
        }
        let keys = [&self.source_next, &self.target_next];
        let key = keys.into_iter().flatten().map(|partition| partition.partition_key.clone()).min();
        if self.source_next.as_ref().map(|partition| &partition.partition_key) == key.as_ref() {
            self.source_next = self.source.try_next().await?;
        }
        if self.target_next.as_ref().map(|partition| &partition.partition_key) == key.as_ref() {
            self.target_next = self.target.try_next().await?;
        }
        Ok(key)
    }
}

/// One sort key, as it is here and there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// Only the source has it.
    Missing(Entry),
    /// Both have it; the values may differ.
    Both(Entry, Entry),
    /// Only the target has it.
    Extra(Entry),
}

/// Walks through a partition of two buckets at once; memory does not grow with it.
pub(crate) struct SideBySide {
    source: Items,
    target: Items,
    source_next: Option<Entry>,
    target_next: Option<Entry>,
    is_started: bool,
}

impl SideBySide {
    pub(crate) fn new(source: &Bucket, target: &Bucket, pk: &str) -> Self {
        Self {
            source: source.items(pk).tombstones(),
            target: target.items(pk).tombstones(),
            source_next: None,
            target_next: None,
            is_started: false,
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Pair>, Error> {
        if !self.is_started {
            self.is_started = true;
            self.source_next = self.source.try_next().await?;
            self.target_next = self.target.try_next().await?;
        }
        let order = order(self.source_next.as_ref(), self.target_next.as_ref());
        let source = match order {
            Ordering::Less | Ordering::Equal => self.source_next.take(),
            Ordering::Greater => None,
        };
        let target = match order {
            Ordering::Greater | Ordering::Equal => self.target_next.take(),
            Ordering::Less => None,
        };
        if source.is_some() {
            self.source_next = self.source.try_next().await?;
        }
        if target.is_some() {
            self.target_next = self.target.try_next().await?;
        }
        Ok(match (source, target) {
            (Some(source), Some(target)) => Some(Pair::Both(source, target)),
            (Some(source), None) => Some(Pair::Missing(source)),
            (None, Some(target)) => Some(Pair::Extra(target)),
            (None, None) => None,
        })
    }
}

/// Which side comes first; a side that has ended comes last.
fn order(source: Option<&Entry>, target: Option<&Entry>) -> Ordering {
    match (source, target) {
        (Some(source), Some(target)) => source.sort_key.cmp(&target.sort_key),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
