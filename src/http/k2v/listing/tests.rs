use super::*;
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;
use troupe_actors::causality::Item;
use troupe_actors::replication::items::{Ask, Filter, ItemsReader, Progress, SourcePage};
use troupe_actors::replication::page::{PageBudget, PageLimits, Selection};

/// What a listing returns, said as plainly as the protocol does.
fn expected(keys: &BTreeSet<String>, listing: &Listing) -> (Vec<String>, Option<String>) {
    let mut keys: Vec<&String> = keys.iter().collect();
    if listing.reverse {
        keys.reverse();
    }
    let is_selected = |key: &&String| {
        let after_start = listing.start.as_ref().is_none_or(|start| {
            if listing.reverse {
                key.as_bytes() <= start.as_bytes()
            } else {
                key.as_bytes() >= start.as_bytes()
            }
        });
        let before_end = listing.end.as_ref().is_none_or(|end| {
            if listing.reverse { key.as_bytes() > end.as_bytes() } else { key.as_bytes() < end.as_bytes() }
        });
        let in_prefix = listing.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()));
        after_start && before_end && in_prefix
    };
    let mut selected = keys.into_iter().filter(is_selected).cloned();
    let limit = listing.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let returned = selected.by_ref().take(limit).collect();
    (returned, selected.next())
}

/// Reads the listing with the core that the gateway reads with, in pages of `page` keys.
fn listed(keys: &BTreeSet<String>, listing: &Listing, page: usize) -> (Vec<String>, Option<String>) {
    let selection = Selection::Range(listing.range().unwrap());
    let filter = Filter { with_tombstones: true, ..Filter::default() };
    let mut reader = ItemsReader::new(selection, filter, listing.limit);
    let mut returned = Vec::new();
    loop {
        let mut budget = PageBudget::new(PageLimits { items_max: page, ..PageLimits::default() });
        let Some(ask) = reader.ask(&budget) else { return (returned, None) };
        let answer = source_page(keys, ask);
        match reader.step(answer, &mut budget, &mut |key, _| returned.push(key.to_owned())) {
            Progress::More => {}
            Progress::End => return (returned, None),
            Progress::Limit(next_start) => return (returned, Some(next_start)),
        }
    }
}

/// What a source that holds `keys` answers.
fn source_page<'k>(keys: &'k BTreeSet<String>, ask: Ask<'_>) -> SourcePage<'k> {
    let Selection::Range(range) = ask.selection else { panic!("{ask:?}") };
    let mut selected: Vec<&str> = keys.iter().map(String::as_str).filter(|key| range.contains(key)).collect();
    if range.descending {
        selected.reverse();
    }
    selected.truncate(ask.items_max);
    let upto = selected.get(ask.items_max - 1).map(|key| Cow::Borrowed(*key));
    SourcePage { items: selected.into_iter().map(|key| (Cow::Borrowed(key), Item::empty())).collect(), upto }
}

fn key() -> impl Strategy<Value = String> {
    "[abü\u{10ffff}]{0,3}"
}

fn listing() -> impl Strategy<Value = Listing> {
    let optional = || proptest::option::of(key());
    (optional(), optional(), optional(), proptest::option::of(0..8_u64), any::<bool>()).prop_map(
        |(prefix, start, end, limit, reverse)| {
            let start = start.map(|start| prefix.clone().unwrap_or_default() + &start);
            Listing { prefix, start, end, limit, reverse }
        },
    )
}

proptest! {
    #[test]
    fn pages_of_any_size_return_what_the_protocol_says(
        keys in proptest::collection::btree_set(key(), 0..30),
        listing in listing(),
        page in 1..6_usize,
    ) {
        prop_assert_eq!(listed(&keys, &listing, page), expected(&keys, &listing));
    }

    #[test]
    fn a_listing_goes_on_at_next_start_without_gap_or_repetition(
        keys in proptest::collection::btree_set(key(), 0..30),
        listing in listing(),
        limit in 1..5_u64,
    ) {
        let whole = Listing { limit: None, ..listing };
        let mut part = Listing { limit: Some(limit), ..whole.clone() };
        let mut returned = Vec::new();
        loop {
            let (page, next_start) = listed(&keys, &part, 100);
            returned.extend(page);
            let Some(next_start) = next_start else { break };
            part.start = Some(next_start);
        }
        prop_assert_eq!(returned, expected(&keys, &whole).0);
    }
}

proptest! {
    #[test]
    fn bounds_longer_than_any_key_select_the_same_keys_when_they_are_cut(
        keys in proptest::collection::btree_set("[ab]{0,2}", 0..8),
        low in "[ab]{0,4}",
        high in "[ab]{0,4}",
        is_low_included: bool,
        is_high_included: bool,
    ) {
        let bound = |key: &str, is_included| {
            let key = key.as_bytes().to_vec();
            if is_included { Bound::Included(key) } else { Bound::Excluded(key) }
        };
        let range = KeyRange {
            low: bound(&low, is_low_included),
            high: bound(&high, is_high_included),
            descending: false,
        };
        let short = shorten(range.clone(), 2);
        for key in &keys {
            prop_assert_eq!(range.contains(key), short.contains(key), "{} in {:?}", key, range);
        }
    }
}

#[test]
fn a_start_outside_of_the_prefix_is_refused_in_these_words() {
    let listing = Listing { prefix: Some("b".to_owned()), start: Some("a".to_owned()), ..Listing::default() };
    assert_eq!(listing.range().unwrap_err().to_string(), "Start key 'a' does not start with prefix 'b'");
}

#[test]
fn an_end_before_the_start_selects_nothing() {
    let listing = Listing { start: Some("m".to_owned()), end: Some("c".to_owned()), ..Listing::default() };
    assert!(listing.range().unwrap().is_void());
    let listing = Listing { reverse: true, ..listing };
    assert!(!listing.range().unwrap().is_void(), "in reverse it is a range like any other");
}

#[test]
fn a_limit_of_nothing_still_says_where_to_go_on() {
    let keys = BTreeSet::from(["a".to_owned()]);
    let listing = Listing { limit: Some(0), ..Listing::default() };
    assert_eq!(listed(&keys, &listing, 10), (vec![], Some("a".to_owned())));
}
