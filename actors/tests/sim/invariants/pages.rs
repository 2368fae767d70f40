use super::{Violation, counters, require};
use crate::keyspace::{ItemIndex, PARTITIONS};
use crate::oracle::{Held, Oracle};
use std::collections::BTreeSet;
use std::fmt::Display;
use troupe_actors::causality::Item;
use troupe_actors::replication::items::{Filter, Progress};
use troupe_actors::store::range::KeyRange;

pub(crate) const ONCE: &str = "pages show every key once, in order";
pub(crate) const WHOLE: &str = "pages leave nothing out that was there all the time";
pub(crate) const WANTED: &str = "a page shows what the filter lets through, and nothing else";
pub(crate) const LIMIT: &str = "a listing is as long as its limit if there is more";

/// Follows one answer over its pages.
pub(crate) struct Watch {
    range: KeyRange,
    /// `None`: what is to be shown is not for this watch to say.
    filter: Option<Filter>,
    limit: Option<u64>,
    partition: usize,
    shown: Vec<String>,
    /// What was to be shown at the time of every page; `None` before the first.
    always: Option<BTreeSet<String>>,
}

impl Watch {
    /// Of a range of items of one partition, or of the partitions themselves.
    pub(crate) fn new(
        partition: usize,
        range: KeyRange,
        filter: Option<Filter>,
        limit: Option<u64>,
    ) -> Watch {
        Watch { range, filter, limit, partition, shown: Vec::new(), always: None }
    }

    pub(crate) fn range(&self) -> &KeyRange {
        &self.range
    }

    /// A page showed these keys.
    pub(crate) fn page<'k>(&mut self, keys: impl Iterator<Item = &'k str>) -> Result<(), Violation> {
        for key in keys {
            let last = self.shown.last().map(String::as_str);
            let goes_on = last.is_none_or(|last| if self.range.descending { key < last } else { key > last });
            require(ONCE, goes_on && self.range.contains(key), || {
                format!("{key} after {:?} of {:?}", self.shown, self.range)
            })?;
            self.shown.push(key.to_owned());
        }
        Ok(())
    }

    /// Holds a page of items against what the disk has at this moment.
    pub(crate) fn items(
        &mut self,
        oracle: &Oracle,
        held: &Held,
        items: &[(ItemIndex, Item<'static>)],
    ) -> Result<(), Violation> {
        let Some(filter) = self.filter.clone() else { return Ok(()) };
        let is_wanted = |at: ItemIndex| is_wanted(oracle, held, at, &filter);
        for (at, _) in items {
            require(WANTED, is_wanted(*at), || format!("{at:?} with {filter:?}"))?;
        }
        let there = ItemIndex::all().filter(|at| at.is_in(self.partition, &self.range) && is_wanted(*at));
        self.there(there.map(|at| at.key().sort_key.as_str().to_owned()).collect());
        Ok(())
    }

    /// Takes note of the partitions that there are at this moment.
    pub(crate) fn partitions(&mut self, oracle: &Oracle, held: &Held) {
        let holds_something = |at: usize| counters::count(oracle, held, at).entries > 0;
        let there = (0..PARTITIONS.len()).filter(|at| holds_something(*at));
        let there = there.map(|at| PARTITIONS[at].key.as_str().to_owned());
        self.there(there.filter(|key| self.range.contains(key)).collect());
    }

    fn there(&mut self, now: BTreeSet<String>) {
        self.always = Some(match self.always.take() {
            Some(always) => always.intersection(&now).cloned().collect(),
            None => now,
        });
    }

    /// The answer is complete, or goes on.
    pub(crate) fn end(&self, progress: &Progress) -> Result<(), Violation> {
        let next = match progress {
            Progress::More => return Ok(()),
            Progress::End => None,
            Progress::Limit(next) => Some(next),
        };
        if let Some(next) = next {
            let is_full = self.limit == Some(self.shown.len() as u64) && !self.shown.contains(next);
            require(LIMIT, is_full, || format!("{:?} of {:?}, next: {next}", self.shown, self.limit))?;
        }
        let is_before_next = |key: &String| {
            next.is_none_or(|next| if self.range.descending { key > next } else { key < next })
        };
        let mut always = self.always.iter().flatten();
        let missing = always.find(|key| is_before_next(key) && !self.shown.contains(key));
        require(WHOLE, missing.is_none(), || format!("{missing:?} is not among {:?}", self.shown))
    }
}

fn is_wanted(oracle: &Oracle, held: &Held, at: ItemIndex, filter: &Filter) -> bool {
    let live = held.of(at).live();
    let values = live.iter().filter(|id| oracle.tried(*id).value.is_some()).count();
    let tombstones = live.iter().any(|id| oracle.tried(id).value.is_none());
    !held.of(at).known.is_empty()
        && (filter.with_tombstones || values > 0)
        && (!filter.conflicts_only || values + usize::from(tombstones) > 1)
}

/// A page holds what no store can.
pub(crate) fn broken(error: &impl Display) -> Violation {
    Violation { invariant: "a page holds keys that were written", what: error.to_string() }
}
