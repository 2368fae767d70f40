//! The source that a node is itself: pages of its own snapshots.

use super::index::IndexPage;
use super::items::{Ask, ItemsReader, Progress, Row, SourcePage};
use super::page::{PageBudget, Selection, weight};
use crate::causality::Item;
use crate::ids::{BucketId, ItemKey, PartitionHash};
use crate::store::range::KeyRange;
use crate::store::{Snapshot, StoreError, StoredItem};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Lets a reader read from one snapshot, its only source, until the page is full or nothing is left.
///
/// # Errors
/// [`StoreError`] if the snapshot cannot be read.
pub fn read_items<'s>(
    snapshot: &'s impl Snapshot,
    partition: PartitionHash,
    reader: &mut ItemsReader,
    budget: &mut PageBudget,
    show: &mut dyn FnMut(&str, &Item<'s>),
) -> Result<Progress, StoreError> {
    while let Some(ask) = reader.ask(budget) {
        let page = items_page(snapshot, partition, ask, budget)?;
        let progress = reader.step(page, budget, show);
        if progress != Progress::More || budget.is_spent() {
            return Ok(progress);
        }
    }
    Ok(Progress::End)
}

/// Answers an ask for items. The page borrows from the snapshot: no value is copied. What it leaves out is taken from the
/// budget, what it holds is not: that is up to the reader of the page.
///
/// # Errors
/// [`StoreError`] if the snapshot cannot be read.
pub fn items_page<'s>(
    snapshot: &'s impl Snapshot,
    partition: PartitionHash,
    ask: Ask<'_>,
    budget: &mut PageBudget,
) -> Result<SourcePage<'s>, StoreError> {
    let mut page = SourcePage { items: Vec::new(), upto: None };
    let mut left = budget.clone();
    let mut look_at = |items: &mut Vec<Row<'s>>, key: Cow<'s, str>, stored: StoredItem<'s>| {
        let weight = weight(&key, &stored.item);
        left.take(weight);
        if ask.unseen.is_none_or(|unseen| unseen.is_unseen(stored.changed)) {
            items.push((key, stored.item));
        } else {
            budget.take(weight);
        }
        left.is_spent()
    };
    match ask.selection {
        Selection::Range(range) => {
            let mut damaged = None;
            snapshot.scan_items(partition, range, &mut |sort_key, shown| {
                let stored = match shown {
                    Ok(stored) => stored,
                    Err(error) => {
                        damaged = Some(error);
                        return ControlFlow::Break(());
                    }
                };
                let is_spent = look_at(&mut page.items, Cow::Borrowed(sort_key), stored);
                if is_spent || page.items.len() >= ask.items_max {
                    page.upto = Some(Cow::Borrowed(sort_key));
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            if let Some(error) = damaged {
                return Err(error);
            }
        }
        Selection::Keys(keys) => {
            let mut is_spent = false;
            for (at, sort_key) in keys.iter().enumerate() {
                if at > 0 && (is_spent || at >= ask.items_max) {
                    page.upto = Some(Cow::Owned(keys[at - 1].as_str().to_owned()));
                    break;
                }
                let key = ItemKey { partition, sort_key: sort_key.clone() };
                if let Some(stored) = snapshot.stored_item(&key)? {
                    is_spent = look_at(&mut page.items, Cow::Owned(sort_key.as_str().to_owned()), stored);
                }
            }
        }
    }
    Ok(page)
}

/// Answers an ask for partitions: at most `rows_max` of them, and what is left of the page.
///
/// # Errors
/// [`StoreError`] if the snapshot cannot be read.
pub fn index_page(
    snapshot: &impl Snapshot,
    bucket: BucketId,
    range: &KeyRange,
    rows_max: usize,
    budget: &mut PageBudget,
) -> Result<IndexPage, StoreError> {
    let mut page = IndexPage::default();
    snapshot.scan_partitions(bucket, range, &mut |key, state| {
        budget.take(key.len());
        page.rows.push((key.to_owned(), state));
        if page.rows.len() >= rows_max || budget.is_spent() {
            page.upto = Some(key.to_owned());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(page)
}
