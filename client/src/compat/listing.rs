//! Filters and lists, in the compatible API's types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::value::CausalValue;
use crate::index::Partition;
use crate::item::Entry;
use crate::poll::{Changes, PollRange};
use crate::range::{KeyRange, Page};

/// Which keys to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Filter<'a> {
    /// The first key wanted, included.
    pub start: Option<&'a str>,
    /// Where to stop, excluded.
    pub end: Option<&'a str>,
    /// Only keys that begin with this.
    pub prefix: Option<&'a str>,
    /// At most so many.
    pub limit: Option<u64>,
    /// From the highest key down.
    pub reverse: bool,
}

impl From<Filter<'_>> for KeyRange {
    fn from(filter: Filter<'_>) -> Self {
        Self {
            prefix: filter.prefix.map(str::to_owned),
            start: filter.start.map(str::to_owned),
            end: filter.end.map(str::to_owned),
            limit: filter.limit,
            reverse: filter.reverse,
        }
    }
}

/// Which sort keys to poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct PollRangeFilter<'a> {
    /// The first sort key, included.
    pub start: Option<&'a str>,
    /// Where to stop, excluded.
    pub end: Option<&'a str>,
    /// Only sort keys that begin with this.
    pub prefix: Option<&'a str>,
}

impl From<PollRangeFilter<'_>> for PollRange {
    fn from(filter: PollRangeFilter<'_>) -> Self {
        Self {
            prefix: filter.prefix.map(str::to_owned),
            start: filter.start.map(str::to_owned),
            end: filter.end.map(str::to_owned),
        }
    }
}

/// One page of a list, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaginatedRange<V> {
    /// What was listed.
    pub items: BTreeMap<String, V>,
    /// The `start` of the next page; `None` if this was the last.
    pub next_start: Option<String>,
}

impl From<Page<Entry>> for PaginatedRange<CausalValue> {
    fn from(page: Page<Entry>) -> Self {
        Self { items: by_sort_key(page.items), next_start: page.next_start }
    }
}

impl From<Page<Partition>> for PaginatedRange<PartitionInfo> {
    fn from(page: Page<Partition>) -> Self {
        let with_key = |partition: Partition| {
            let Partition { partition_key, entries, conflicts, values, bytes } = partition;
            (partition_key, PartitionInfo { entries, conflicts, values, bytes })
        };
        Self { items: page.items.into_iter().map(with_key).collect(), next_start: page.next_start }
    }
}

/// What changed of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollRangeResult {
    /// The items as they are now, by sort key.
    pub items: BTreeMap<String, CausalValue>,
    /// Give it to the next poll to get later changes only.
    pub seen_marker: String,
}

impl From<Changes> for PollRangeResult {
    fn from(changes: Changes) -> Self {
        Self { items: by_sort_key(changes.items), seen_marker: changes.marker.into() }
    }
}

/// The counts of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionInfo {
    /// Items that hold a value.
    pub entries: u64,
    /// Items that hold several concurrent values.
    pub conflicts: u64,
    /// Values that are not tombstones.
    pub values: u64,
    /// The total length of the values.
    pub bytes: u64,
}

fn by_sort_key(entries: Vec<Entry>) -> BTreeMap<String, CausalValue> {
    entries.into_iter().map(|entry| (entry.sort_key, entry.item.into())).collect()
}
