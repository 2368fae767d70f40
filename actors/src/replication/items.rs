//! Reading a partition's items page by page: filter, then limit. Pages of several replicas are merged before
//! ([`super::merged`]).

use super::page::{Limit, PageBudget, Selection, weight};
use crate::causality::Item;
use crate::mutation::{Mutation, is_on};
use crate::shard::Unseen;
use std::borrow::Cow;

/// What to ask of every source of the reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask<'c> {
    /// Which keys.
    pub selection: &'c Selection,
    /// How many items at most; at least one.
    pub items_max: usize,
    /// Leave out what has not changed at this source since.
    pub unseen: Option<Unseen>,
}

/// An item under its sort key.
pub type Row<'a> = (Cow<'a, str>, Item<'a>);

/// What a source answers: every item that it holds of what it is asked for, up to some key.
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
    /// Only items that changed since. The positions are of one source, which leaves out the others by its own rows.
    pub unseen: Option<Unseen>,
}

impl Filter {
    fn admits(&self, item: &Item<'_>) -> bool {
        (self.with_tombstones || !item.is_tombstone())
            && (!self.conflicts_only || (item.sibling_count() > 1 && item.values().len() > 1))
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
        (!self.rest.is_void()).then_some(Ask { selection: &self.rest, items_max, unseen: self.filter.unseen })
    }

    /// Takes the next page. The items that the filter lets through count against the limit and are given to `show`, and
    /// all count against the budget.
    ///
    /// Items are handed on by reference instead of as effects, as a page holds up to a thousand of them.
    pub fn step<'a>(
        &mut self,
        page: SourcePage<'a>,
        budget: &mut PageBudget,
        show: &mut dyn FnMut(&str, &Item<'a>),
    ) -> Progress {
        for (key, item) in page.items {
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
        match page.upto {
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
