//! Reading a partition's items from several sources: merge, then filter, then limit.

use super::page::{Limit, PageBudget, Selection, weight};
use crate::causality::Item;
use crate::mutation::{Mutation, is_on};
use crate::shard::Unseen;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::iter::Peekable;

/// What to ask of every source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask<'c> {
    /// Which keys.
    pub selection: &'c Selection,
    /// How many items at most; at least one.
    pub items_max: usize,
}

/// An item under its sort key.
pub type Row<'a> = (Cow<'a, str>, Item<'a>);

/// What a source answers: every item that it holds of the selection, unfiltered, up to some key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourcePage<'a> {
    /// In the order of the selection.
    pub items: Vec<Row<'a>>,
    /// The last key up to which the source looked, itself included; `None` if it looked at the whole selection.
    pub upto: Option<Cow<'a, str>>,
}

/// Which of the merged items are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Items that hold nothing but tombstones, too.
    pub with_tombstones: bool,
    /// Only items with several distinct values, a tombstone counting as one.
    pub conflicts_only: bool,
    /// Only items with a value that was not seen.
    pub unseen: Option<Unseen>,
}

impl Filter {
    fn admits(&self, item: &Item<'_>) -> bool {
        (self.with_tombstones || !item.is_tombstone())
            && (!self.conflicts_only || (item.sibling_count() > 1 && item.values().len() > 1))
            && self.unseen.as_ref().is_none_or(|unseen| unseen.is_unseen(item))
    }
}

/// How a reader goes on after a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is more to ask for.
    More,
    /// Nothing is left of the selection.
    End,
    /// The limit is reached, and this is the first key that was not shown.
    Limit(String),
}

/// A reader of items, between two pages.
///
/// Pages are merged only up to the smallest key up to which every source looked; what some source showed beyond it is
/// asked for again. Replicas that agree end their pages at the same key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemsReader {
    rest: Selection,
    filter: Filter,
    limit: Limit,
    /// Items to ask for next. A reader with a limit asks for few at first, and for twice as many whenever the filter
    /// left too few of them.
    items_wanted: usize,
    shown: u64,
}

impl ItemsReader {
    /// A reader of `selection` that shows what `filter` lets through, at most `limit` items.
    pub fn new(selection: Selection, filter: Filter, limit: Option<u64>) -> ItemsReader {
        // One more than the limit tells where the next reader begins.
        let items_wanted =
            limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1));
        ItemsReader { rest: selection, filter, limit: Limit(limit), items_wanted, shown: 0 }
    }

    /// What to ask of every source now, within what is left of the page; `None` if no key can be left.
    pub fn ask(&self, budget: &PageBudget) -> Option<Ask<'_>> {
        let items_max = self.items_wanted.min(budget.items()).max(1);
        (!self.rest.is_void()).then_some(Ask { selection: &self.rest, items_max })
    }

    /// Takes one page of every source. Items are merged; those that the filter lets through count against the limit
    /// and are given to `show`, and all count against the budget.
    ///
    /// Items are handed on by reference instead of as effects, as a page holds up to a thousand of them.
    pub fn step<'a>(
        &mut self,
        pages: impl IntoIterator<Item = SourcePage<'a>>,
        budget: &mut PageBudget,
        show: &mut dyn FnMut(&str, &Item<'a>),
    ) -> Progress {
        let mut merged = Merged::of(pages, self.rest.is_descending());
        while let Some((key, item)) = merged.next() {
            let is_shown = self.filter.admits(&item);
            let counts = is_shown || is_on(Mutation::LimitBeforeFilter);
            if counts && !self.limit.admits() {
                return Progress::Limit(key.into_owned());
            }
            if is_shown {
                self.shown += 1;
                show(&key, &item);
            }
            budget.take(weight(&key, &item));
        }
        self.items_wanted = self.items_wanted.saturating_mul(2);
        match merged.upto {
            Some(key) => {
                self.rest.pass(&key);
                Progress::More
            }
            None => Progress::End,
        }
    }

    /// How many items were shown so far.
    pub fn shown(&self) -> u64 {
        self.shown
    }
}

/// The pages of all sources as one, in key order, up to where all of them looked.
struct Merged<'a> {
    sources: Vec<Peekable<std::vec::IntoIter<Row<'a>>>>,
    upto: Option<Cow<'a, str>>,
    is_descending: bool,
}

impl<'a> Merged<'a> {
    fn of(pages: impl IntoIterator<Item = SourcePage<'a>>, is_descending: bool) -> Merged<'a> {
        let mut merged = Merged { sources: Vec::new(), upto: None, is_descending };
        for page in pages {
            if let Some(upto) = page.upto
                && merged.upto.as_ref().is_none_or(|least| order(&upto, least, is_descending).is_lt())
            {
                merged.upto = Some(upto);
            }
            merged.sources.push(page.items.into_iter().peekable());
        }
        merged
    }

    fn next(&mut self) -> Option<Row<'a>> {
        let at = self.next_source()?;
        let (key, mut item) = self.sources[at].next()?;
        for source in &mut self.sources[at + 1..] {
            if let Some((_, other)) = source.next_if(|(other, _)| *other == key) {
                item.merge(&other);
            }
        }
        Some((key, item))
    }

    /// The first of the sources that show the next key.
    fn next_source(&mut self) -> Option<usize> {
        let mut next: Option<(usize, &str)> = None;
        for (at, source) in self.sources.iter_mut().enumerate() {
            let Some((key, _)) = source.peek() else { continue };
            if self.upto.as_ref().is_some_and(|upto| order(key, upto, self.is_descending).is_gt()) {
                continue;
            }
            if next.is_none_or(|(_, least)| order(key, least, self.is_descending).is_lt()) {
                next = Some((at, key));
            }
        }
        next.map(|(at, _)| at)
    }
}

fn order(a: &str, b: &str, is_descending: bool) -> Ordering {
    if is_descending { b.cmp(a) } else { a.cmp(b) }
}
