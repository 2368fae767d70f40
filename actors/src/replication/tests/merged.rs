use super::replicas::{Replica, joined, live, replicas};
use crate::causality::{Dot, Item, Value};
use crate::ids::SortKey;
use crate::mutation::{Mutation, turn_on};
use crate::replication::merged::{MergedPage, complete, differences, order};
use proptest::prelude::*;

/// A page of the replicas together: states of the first, hashes of the others, states of what differs. Each takes its own
/// number of rows into a page.
fn page(
    replicas: &[Replica],
    wanted: &dyn Fn(&str) -> bool,
    is_descending: bool,
    rows_max: &[usize],
) -> (usize, MergedPage<'static>) {
    let states = replicas[0].page(wanted, is_descending, rows_max[0]);
    let others = &replicas[1..];
    let hashes: Vec<_> = others
        .iter()
        .zip(&rows_max[1..])
        .map(|(other, rows_max)| other.hashes(wanted, is_descending, *rows_max))
        .collect();
    let differences = differences(&states.page, &hashes, is_descending);
    let is_asked = |key: &str| differences.keys.iter().any(|asked| asked.as_str() == key);
    let pages = others
        .iter()
        .zip(rows_max[1..].iter().rev())
        .map(|(other, rows_max)| other.page(&is_asked, is_descending, *rows_max))
        .collect();
    let merged = complete(states, &differences, pages, is_descending);
    let owned =
        |(key, item): (std::borrow::Cow<'_, str>, Item<'_>)| (key.into_owned().into(), item.into_owned());
    let upto = merged.page.upto.map(|key| key.into_owned().into());
    let items = merged.page.items.into_iter().map(owned).collect();
    let repairs = merged.repairs.into_iter().map(owned).collect();
    let page = crate::replication::items::SourcePage { items, upto };
    (differences.keys.len(), MergedPage { page, repairs })
}

type Shown = Vec<(String, Vec<(Dot, Value<'static>)>)>;

/// Every page, one after the other.
fn pages(replicas: &[Replica], is_descending: bool, rows_max: &[usize]) -> Shown {
    let (mut shown, mut behind): (Shown, Option<String>) = (Vec::new(), None);
    // Every page passes at least one key.
    for _ in 0..100 {
        let wanted =
            |key: &str| behind.as_deref().is_none_or(|behind| order(key, behind, is_descending).is_gt());
        let (_, page) = page(replicas, &wanted, is_descending, rows_max);
        shown.extend(page.page.items.iter().map(|(key, item)| (key.clone().into_owned(), live(item))));
        match page.page.upto {
            Some(upto) => behind = Some(upto.into_owned()),
            None => return shown,
        }
    }
    shown
}

fn expected(replicas: &[Replica], is_descending: bool) -> Shown {
    let mut expected: Shown = joined(replicas).into_iter().map(|(key, item)| (key, live(&item))).collect();
    if is_descending {
        expected.reverse();
    }
    expected
}

proptest! {
    #[test]
    fn pages_of_replicas_that_differ_show_what_they_hold_together(
        replicas in replicas(),
        is_descending: bool,
        rows_max in proptest::collection::vec(1..5_usize, 3),
    ) {
        prop_assert_eq!(pages(&replicas, is_descending, &rows_max), expected(&replicas, is_descending));
    }

    #[test]
    fn replicas_that_agree_are_asked_for_no_state_twice(replicas in replicas(), is_descending: bool) {
        let same = vec![replicas[0].clone(), replicas[0].clone()];
        prop_assert_eq!(page(&same, &|_| true, is_descending, &[9, 9]).0, 0);
    }

    #[test]
    fn what_a_page_repairs_makes_its_replicas_equal(replicas in replicas()) {
        let (_, page) = page(&replicas, &|_| true, false, &[99, 99, 99]);
        let mut repaired = joined(&replicas);
        for (key, item) in page.repairs {
            prop_assert_eq!(repaired.remove(key.as_ref()).map(|joined| live(&joined)).unwrap_or_default(), live(&item));
        }
        for (key, item) in repaired {
            for replica in &replicas {
                prop_assert_eq!(replica.state(&key).item.state_hash(), item.state_hash(), "{}", key);
            }
        }
    }
}

/// A replica that wrote `key` and deleted it, one that still holds the value, and one that dropped the tombstone.
fn deleted() -> Vec<Replica> {
    let (actor, key) = (crate::ids::ActorId(1), "a".to_owned());
    let mut item = Item::empty();
    item.write(Dot { actor, time: 1 }, &Default::default(), Value::Bytes(b"v"[..].into()));
    let stale = Replica { items: [(key.clone(), item.clone())].into(), ..Replica::default() };
    let context = item.token_context();
    item.write(Dot { actor, time: 2 }, &context, Value::Tombstone);
    let mut writer = Replica { items: [(key, item)].into(), ..Replica::default() };
    writer.clock.raise(actor, 2);
    let dropped = Replica { clock: writer.clock.clone(), ..Replica::default() };
    vec![stale, writer, dropped]
}

#[test]
fn a_deleted_item_does_not_come_back_from_a_replica_that_missed_the_deletion() {
    let [stale, writer, dropped] = deleted().try_into().unwrap();
    let shown = pages(&[stale.clone(), writer], false, &[9, 9]);
    assert!(matches!(&shown[..], [(_, live)] if matches!(&live[..], [(_, Value::Tombstone)])), "{shown:?}");
    assert_eq!(pages(&[stale, dropped], false, &[9, 9]), []);
}

#[test]
fn the_mistakes_of_merging_pages_are_found() {
    let replicas = deleted();
    let stale_and = |at: usize| [replicas[0].clone(), replicas[at].clone()];
    let shows = |mutation, replicas: &[Replica]| {
        turn_on(Some(mutation));
        let shown = pages(replicas, false, &[9, 9]);
        turn_on(None);
        shown
    };
    assert_ne!(shows(Mutation::MergeWithoutTheClock, &stale_and(2)), expected(&stale_and(2), false));
    assert_ne!(shows(Mutation::FilterBeforeMerge, &stale_and(1)), expected(&stale_and(1), false));
    let mut long = stale_and(1);
    long[1].items.clear();
    long[1].items.insert("b".into(), long[0].items["a"].clone());
    let keys: Vec<SortKey> = ["a", "b"].map(|key| SortKey::new(key).unwrap()).into();
    let (_, page) = page(&long, &|key| keys.iter().any(|wanted| wanted.as_str() == key), false, &[1, 1]);
    assert_eq!(page.page.upto.as_deref(), Some("a"));
    turn_on(Some(Mutation::PageMergedBeyondItsEnd));
    let beyond = self::page(&long, &|_| true, false, &[1, 1]).1.page.upto;
    turn_on(None);
    assert_ne!(beyond.as_deref(), Some("a"));
}
