//! How far a reader has come, and how much one page may hold.

use crate::causality::Item;
use crate::ids::SortKey;
use crate::limits::{INDEX_PAGE_ROWS_MAX, PAGE_BYTES_MAX, PAGE_ITEMS_MAX};
use crate::mutation::{Mutation, is_on};
use crate::store::range::KeyRange;

/// The bounds of a page. The simulator sets them so low that they are met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageLimits {
    /// Items that one page looks at, shown or not.
    pub items_max: usize,
    /// Bytes of keys and values that it looks at. The item that exceeds it is the last one.
    pub bytes_max: usize,
    /// Partitions that one source contributes to a page of the index.
    pub index_rows_max: usize,
}

impl Default for PageLimits {
    fn default() -> PageLimits {
        PageLimits {
            items_max: PAGE_ITEMS_MAX,
            bytes_max: PAGE_BYTES_MAX,
            index_rows_max: INDEX_PAGE_ROWS_MAX,
        }
    }
}

/// What is left of the page that is being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageBudget {
    items: usize,
    bytes: usize,
}

impl PageBudget {
    /// A page's worth.
    pub fn new(limits: PageLimits) -> PageBudget {
        PageBudget { items: limits.items_max, bytes: limits.bytes_max }
    }

    /// Takes one item or row that was looked at, shown or not.
    pub fn take(&mut self, bytes: usize) {
        self.items = self.items.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether the page is full.
    pub fn is_spent(&self) -> bool {
        self.items == 0 || self.bytes == 0
    }

    /// Items that the page may still look at.
    pub fn items(&self) -> usize {
        self.items
    }
}

/// What an item costs to read and to send, in bytes.
pub fn weight(sort_key: &str, item: &Item<'_>) -> usize {
    let values = item.siblings().map(|(_, value)| value.bytes().map_or(0, <[u8]>::len)).sum::<usize>();
    sort_key.len() + values
}

/// The keys of a partition that are still to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// Every key of a range, in its direction.
    Range(KeyRange),
    /// These keys, ascending.
    Keys(Vec<SortKey>),
}

impl Selection {
    /// Leaves everything up to and including `key` behind.
    pub(super) fn pass(&mut self, key: &str) {
        match self {
            Selection::Range(range) if is_on(Mutation::PageCursorOffByOne) => range.begin_at(key),
            Selection::Range(range) => range.pass(key),
            Selection::Keys(keys) => {
                let behind = keys.partition_point(|left| left.as_str() <= key);
                keys.drain(..behind);
            }
        }
    }

    /// Whether no key at all is left.
    pub(super) fn is_void(&self) -> bool {
        match self {
            Selection::Range(range) => range.is_void(),
            Selection::Keys(keys) => keys.is_empty(),
        }
    }

    /// Whether the keys are read from the high end down.
    pub fn is_descending(&self) -> bool {
        match self {
            Selection::Range(range) => range.descending,
            Selection::Keys(_) => false,
        }
    }
}

/// How many keys may still be shown, counted after every filter; `None` for all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limit(pub(super) Option<u64>);

impl Limit {
    /// Counts a key that the filters let through. `false`: the limit was reached before, so it is the first key that is
    /// not shown.
    pub(super) fn admits(&mut self) -> bool {
        match &mut self.0 {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}
