//! One page of a partition's items, in the order of a listing.

use super::listing::{Admission, PageBudget, Progress};
use std::ops::ControlFlow;
use troupe_actors::causality::Item;
use troupe_actors::ids::PartitionHash;
use troupe_actors::store::{Snapshot, Store, StoreError};

/// Why a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScanEnd {
    /// The budget is spent: go on with another page.
    Page,
    /// The range holds nothing more.
    Range,
    /// The limit is reached, and this is the first key that was not returned.
    Limit(String),
}

/// Looks at items until the range, the limit or the budget ends. Items that `wants` lets through count against the
/// limit and are given to `take`; all count against the budget.
pub(crate) fn scan_page<S: Store>(
    store: &S,
    partition: PartitionHash,
    progress: &mut Progress,
    budget: &mut PageBudget,
    wants: impl Fn(&Item<'_>) -> bool,
    mut take: impl FnMut(&str, &Item<'_>),
) -> Result<ScanEnd, StoreError> {
    if progress.range.is_void() {
        return Ok(ScanEnd::Range);
    }
    let range = progress.range.clone();
    let mut end = ScanEnd::Range;
    store.snapshot()?.scan_items(partition, &range, &mut |sort_key, item| {
        if wants(&item) {
            if progress.admit() == Admission::Next {
                end = ScanEnd::Limit(sort_key.to_owned());
                return ControlFlow::Break(());
            }
            take(sort_key, &item);
        }
        budget.take(weight(sort_key, &item));
        if budget.is_spent() {
            progress.pass(sort_key);
            end = ScanEnd::Page;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(end)
}

/// What an item costs to read and to send, in bytes.
pub(super) fn weight(sort_key: &str, item: &Item<'_>) -> usize {
    let values = item.siblings().map(|(_, value)| value.bytes().map_or(0, <[u8]>::len)).sum::<usize>();
    sort_key.len() + values
}
