//! The pages of several replicas as one.

use super::item_state::filled;
use super::items::{Row, SourcePage};
use crate::causality::{Context, Item};
use crate::ids::SortKey;
use crate::mutation::{Mutation, is_on};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

/// A page as one replica shows it, and the shard clock that its items were stripped by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicaPage<'a> {
    /// Read before the snapshot that the items come from.
    pub clock: Context,
    /// The items.
    pub page: SourcePage<'a>,
}

impl ReplicaPage<'_> {
    /// The keys, each with the hash of its state.
    pub(super) fn hashes(&self) -> BTreeSet<(String, u64)> {
        self.page.items.iter().map(|(key, item)| (key.to_string(), item.state_hash())).collect()
    }
}

/// A page as one replica shows it, with a hash in the place of each state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HashPage {
    /// In the order of the selection.
    pub rows: Vec<(String, u64)>,
    /// The last key up to which the replica looked, itself included; `None` if it looked at the whole selection.
    pub upto: Option<String>,
}

/// Where replicas do not hold the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Differences {
    /// In the order of the range.
    pub keys: Vec<SortKey>,
    /// The first key up to which every replica looked; `None` if all looked at everything.
    pub upto: Option<String>,
}

/// Compares the page of one replica with the hashes of others, up to where all of them looked.
pub fn differences(states: &SourcePage<'_>, others: &[HashPage], is_descending: bool) -> Differences {
    let ends = others.iter().filter_map(|other| other.upto.as_deref());
    let ends = ends.chain(states.upto.as_deref());
    let upto = ends.min_by(|a, b| order(a, b, is_descending != is_on(Mutation::PageMergedBeyondItsEnd)));
    let is_within = |key: &str| upto.is_none_or(|upto| order(key, upto, is_descending).is_le());
    let mut counted: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (key, item) in states.items.iter().filter(|(key, _)| is_within(key)) {
        counted.entry(key).or_default().push(item.state_hash());
    }
    for (key, hash) in others.iter().flat_map(|other| &other.rows).filter(|(key, _)| is_within(key)) {
        counted.entry(key).or_default().push(*hash);
    }
    let is_equal =
        |hashes: &[u64]| hashes.len() == others.len() + 1 && hashes.iter().all(|hash| *hash == hashes[0]);
    let differing = counted.iter().filter(|(_, hashes)| !is_equal(hashes));
    // A key that no item can have is on no replica's disk.
    let mut keys: Vec<SortKey> = differing.filter_map(|(key, _)| SortKey::new(key).ok()).collect();
    if is_descending {
        keys.reverse();
    }
    Differences { keys, upto: upto.map(str::to_owned) }
}

/// What several replicas hold together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedPage<'a> {
    /// The items that hold a live value, up to where every replica looked.
    pub page: SourcePage<'a>,
    /// Those of them on which the replicas did not agree, filled: what to have all of them merge.
    pub repairs: Vec<Row<'a>>,
}

/// One replica's page of states with the states that the others hold of what differs.
pub fn complete<'a>(
    mut states: ReplicaPage<'a>,
    differences: &Differences,
    others: Vec<ReplicaPage<'a>>,
    is_descending: bool,
) -> MergedPage<'a> {
    let keys: BTreeSet<&str> = differences.keys.iter().map(SortKey::as_str).collect();
    let (differing, mut agreed): (Vec<_>, Vec<_>) =
        states.page.items.into_iter().partition(|(key, _)| keys.contains(key.as_ref()));
    let upto = differences.upto.clone().map(Cow::Owned);
    states.page = SourcePage { items: differing, upto };
    let merged = merge_pages(std::iter::once(states).chain(others), is_descending);
    let is_within =
        |key: &str| merged.upto.as_ref().is_none_or(|upto| order(key, upto, is_descending).is_le());
    agreed.retain(|(key, item)| is_within(key) && item.sibling_count() > 0);
    let repairs = merged.items.clone();
    agreed.extend(merged.items.into_iter().filter(|(_, item)| item.sibling_count() > 0));
    agreed.sort_by(|(a, _), (b, _)| order(a, b, is_descending));
    MergedPage { page: SourcePage { items: agreed, upto: merged.upto }, repairs }
}

/// The join of what replicas hold of the same keys, up to where all of them looked. A key that a replica does not show is
/// the empty item with its clock. Items without a live value are among the rows.
pub fn merge_pages<'a>(
    pages: impl IntoIterator<Item = ReplicaPage<'a>>,
    is_descending: bool,
) -> SourcePage<'a> {
    let mut merger = Merger { sources: Vec::new(), upto: None, is_descending };
    for ReplicaPage { clock, page } in pages {
        if let Some(upto) = page.upto
            && merger.upto.as_ref().is_none_or(|least| order(&upto, least, is_descending).is_lt())
        {
            merger.upto = Some(upto);
        }
        let mut items = page.items;
        if is_on(Mutation::FilterBeforeMerge) {
            items.retain(|(_, item)| !item.is_tombstone());
        }
        merger.sources.push((clock, items.into_iter().peekable()));
    }
    let items = std::iter::from_fn(|| merger.next()).collect();
    SourcePage { items, upto: merger.upto }
}

struct Merger<'a> {
    sources: Vec<(Context, Peekable<std::vec::IntoIter<Row<'a>>>)>,
    upto: Option<Cow<'a, str>>,
    is_descending: bool,
}

impl<'a> Merger<'a> {
    fn next(&mut self) -> Option<Row<'a>> {
        let (is_descending, upto) = (self.is_descending, self.upto.as_ref());
        let heads = self.sources.iter_mut().filter_map(|(_, rows)| rows.peek());
        let keys = heads.map(|(key, _)| key);
        let key = keys.min_by(|a, b| order(a, b, is_descending))?.clone();
        if upto.is_some_and(|upto| order(&key, upto, is_descending).is_gt()) {
            return None;
        }
        let states = self.sources.iter_mut().map(|(clock, rows)| {
            let item = rows.next_if(|(head, _)| *head == key).map_or_else(Item::empty, |(_, item)| item);
            filled(item, clock)
        });
        let merged = states.reduce(|mut merged, other| {
            merged.merge(&other);
            merged
        })?;
        Some((key, merged))
    }
}

/// The order in which a range is read.
pub(super) fn order(a: &str, b: &str, is_descending: bool) -> Ordering {
    if is_descending { b.cmp(a) } else { a.cmp(b) }
}
