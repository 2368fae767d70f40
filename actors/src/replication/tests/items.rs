use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{ActorId, SortKey};
use crate::replication::items::{Ask, Filter, ItemsReader, Progress, SourcePage};
use crate::replication::merged::{ReplicaPage, merge_pages};
use crate::replication::page::{PageBudget, PageLimits, Selection, weight};
use crate::store::range::KeyRange;
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What one replica holds of a partition.
type Source = BTreeMap<String, Item<'static>>;

/// What a source answers: the same that a snapshot does.
fn answer<'s>(source: &'s Source, ask: Ask<'_>, budget: &PageBudget) -> SourcePage<'s> {
    let mut left = budget.clone();
    let mut page = SourcePage { items: Vec::new(), upto: None };
    let contains = |key: &str| match ask.selection {
        Selection::Range(range) => range.contains(key),
        Selection::Keys(keys) => keys.iter().any(|wanted| wanted.as_str() == key),
    };
    let mut rows: Vec<_> = source.iter().filter(|(key, _)| contains(key)).collect();
    if matches!(ask.selection, Selection::Range(range) if range.descending) {
        rows.reverse();
    }
    for (key, item) in rows {
        left.take(weight(key, item));
        page.items.push((Cow::Borrowed(key), item.clone()));
        if left.is_spent() || page.items.len() == ask.items_max {
            page.upto = Some(Cow::Borrowed(key));
            break;
        }
    }
    page
}

/// Everything that a reader shows, and the key where the next one would begin.
fn read(
    sources: &[Source],
    mut reader: ItemsReader,
    limits: PageLimits,
) -> (Vec<(String, Item<'static>)>, Option<String>) {
    let mut shown = Vec::new();
    loop {
        let mut budget = PageBudget::new(limits);
        let Some(ask) = reader.ask(&budget) else { return (shown, None) };
        let is_descending = matches!(ask.selection, Selection::Range(range) if range.descending);
        let page = |source| ReplicaPage { clock: Context::empty(), page: answer(source, ask, &budget) };
        let mut page = merge_pages(sources.iter().map(page), is_descending);
        page.items.retain(|(_, item)| item.sibling_count() > 0);
        let progress = reader.step(page, &mut budget, &mut |key, item| {
            shown.push((key.to_owned(), item.clone().into_owned()));
        });
        match progress {
            Progress::More => {}
            Progress::End => return (shown, None),
            Progress::Limit(next) => return (shown, Some(next)),
        }
    }
}

/// The same, said plainly: merge the replicas, filter, limit.
fn expected(
    sources: &[Source],
    selection: &Selection,
    filter: &Filter,
    limit: Option<u64>,
) -> (Vec<(String, Item<'static>)>, Option<String>) {
    let mut merged = Source::new();
    for (key, item) in sources.iter().flatten() {
        merged.entry(key.clone()).or_default().merge(item);
    }
    let is_selected = |key: &String| match selection {
        Selection::Range(range) => range.contains(key),
        Selection::Keys(keys) => keys.iter().any(|wanted| wanted.as_str() == key),
    };
    let is_shown = |item: &Item<'_>| {
        (filter.with_tombstones || !item.is_tombstone())
            && (!filter.conflicts_only || item.values().len() > 1)
    };
    let mut rows: Vec<_> =
        merged.into_iter().filter(|(key, item)| is_selected(key) && is_shown(item)).collect();
    if matches!(selection, Selection::Range(range) if range.descending) {
        rows.reverse();
    }
    let rest = rows.split_off(limit.map_or(rows.len(), |limit| rows.len().min(limit as usize)));
    (rows, rest.into_iter().next().map(|(key, _)| key))
}

/// Writes at random replicas, each of which mints under an actor of its own and may then have heard of the others'.
fn sources() -> impl Strategy<Value = Vec<Source>> {
    let write = (0..3_usize, "[a-c]{1,2}", any::<bool>(), any::<bool>(), 0..3_usize);
    (1..=3_usize, proptest::collection::vec(write, 0..40)).prop_map(|(count, writes)| {
        let mut sources = vec![Source::new(); count];
        for (time, (at, key, is_delete, has_token, heard_by)) in (1..).zip(writes) {
            let at = at % count;
            let item = sources[at].entry(key.clone()).or_default();
            let context = if has_token { item.token_context() } else { Context::empty() };
            let value = if is_delete { Value::Tombstone } else { Value::Bytes(vec![time as u8; 3].into()) };
            item.write(Dot { actor: ActorId(at as u64), time }, &context, value);
            let sent = item.clone();
            sources[heard_by % count].entry(key).or_default().merge(&sent);
        }
        sources
    })
}

fn selection() -> impl Strategy<Value = Selection> {
    let range = ("[a-c]{0,1}", any::<bool>()).prop_map(|(prefix, descending)| {
        Selection::Range(KeyRange { descending, ..KeyRange::prefix(&prefix) })
    });
    let keys = proptest::collection::btree_set("[a-c]{1,2}", 0..8)
        .prop_map(|keys| Selection::Keys(keys.iter().map(|key| SortKey::new(key).unwrap()).collect()));
    prop_oneof![range, keys]
}

proptest! {
    #[test]
    fn pages_of_several_sources_show_what_the_merged_replicas_hold(
        sources in sources(),
        selection in selection(),
        with_tombstones: bool,
        conflicts_only: bool,
        limit in proptest::option::of(0..6_u64),
        items_max in 1..5_usize,
        bytes_max in 1..20_usize,
    ) {
        let filter = Filter { with_tombstones, conflicts_only, unseen: None };
        let limits = PageLimits { items_max, bytes_max, ..PageLimits::default() };
        let reader = ItemsReader::new(selection.clone(), filter.clone(), limit);
        prop_assert_eq!(read(&sources, reader, limits), expected(&sources, &selection, &filter, limit));
    }
}

fn source(keys: &[(&str, Option<&'static str>)]) -> Source {
    let item = |time, value: Option<&'static str>| {
        let mut item = Item::empty();
        let value = value.map_or(Value::Tombstone, |text| Value::Bytes(text.as_bytes().into()));
        item.write(Dot { actor: ActorId(1), time }, &Context::empty(), value);
        item
    };
    (1..).zip(keys).map(|(time, (key, value))| ((*key).to_owned(), item(time, *value))).collect()
}

#[test]
fn a_reader_with_a_limit_asks_for_few_items_and_for_twice_as_many_when_the_filter_left_none() {
    let source = source(&[("a", None), ("b", None), ("c", None), ("d", None), ("e", None), ("f", Some("v"))]);
    let mut reader = ItemsReader::new(Selection::Range(KeyRange::all()), Filter::default(), Some(1));
    let mut asked = Vec::new();
    let progress = loop {
        let mut budget = PageBudget::new(PageLimits::default());
        let Some(ask) = reader.ask(&budget) else { break Progress::End };
        asked.push(ask.items_max);
        let page = answer(&source, ask, &budget);
        match reader.step(page, &mut budget, &mut |_, _| {}) {
            Progress::More => {}
            end @ (Progress::End | Progress::Limit(_)) => break end,
        }
    };
    assert_eq!((progress, asked, reader.shown()), (Progress::End, vec![2, 4, 8], 1));
}
