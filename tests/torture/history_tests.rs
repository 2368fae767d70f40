//! Forged histories: each broken promise is found, and what is allowed is not called broken.

use super::{Batch, Item, Outcome, Set, Values};
use std::collections::BTreeMap;

fn values(list: &[&str]) -> Values {
    list.iter().map(|&value| value.to_owned()).collect()
}

/// An item after these writes: value, what it covers, outcome.
fn item(writes: &[(Option<&str>, &[&str], Outcome)]) -> Item {
    let mut item = Item::default();
    for (value, covered, outcome) in writes {
        item.begin(*value);
        item.end(*value, &values(covered), *outcome);
    }
    item
}

#[track_caller]
fn broken(item: &Item, shown: &[&str], complaint: &str) {
    let found = item.check(&values(shown)).expect_err("a broken promise is found");
    assert!(found.contains(complaint), "{found}");
}

#[test]
fn an_acknowledged_value_that_is_lost_is_found() {
    let one = item(&[(Some("a"), &[], Outcome::Done)]);
    assert_eq!(one.check(&values(&["a"])), Ok(()));
    broken(&one, &[], "lost");
    broken(&item(&[(Some("a"), &[], Outcome::Done), (Some("b"), &[], Outcome::Done)]), &["b"], "lost");
}

#[test]
fn a_value_that_was_overwritten_or_deleted_and_is_back_is_found() {
    let overwritten = item(&[(Some("a"), &[], Outcome::Done), (Some("b"), &["a"], Outcome::Done)]);
    assert_eq!(overwritten.check(&values(&["b"])), Ok(()));
    broken(&overwritten, &["a", "b"], "back");
    broken(&item(&[(Some("a"), &[], Outcome::Done), (None, &["a"], Outcome::Done)]), &["a"], "back");
    broken(&item(&[(Some("a"), &[], Outcome::Unknown), (None, &["a"], Outcome::Done)]), &["a"], "back");
}

#[test]
fn what_may_have_happened_is_allowed_either_way() {
    let in_doubt = item(&[(Some("a"), &[], Outcome::Done), (Some("b"), &["a"], Outcome::Unknown)]);
    for shown in [&["a"][..], &["b"], &["a", "b"]] {
        assert_eq!(in_doubt.check(&values(shown)), Ok(()));
    }
}

#[test]
fn a_refused_value_that_is_there_is_found() {
    broken(&item(&[(Some("a"), &[], Outcome::Refused)]), &["a"], "refused or never written");
    broken(&Item::default(), &["x"], "refused or never written");
}

#[test]
fn a_set_that_lost_an_acknowledged_member_is_found() {
    let mut set = Set::default();
    for (member, outcome) in [("a", Outcome::Done), ("b", Outcome::Unknown), ("c", Outcome::Done)] {
        set.begin(member);
        set.end(member, outcome);
    }
    let promised = set.promised();
    assert_eq!(set.check(&promised, &values(&["a", "c"])), Ok(()));
    assert_eq!(set.check(&promised, &values(&["a", "b", "c"])), Ok(()));
    assert!(set.check(&promised, &values(&["a", "b"])).is_err());
    assert!(set.check(&promised, &values(&["a", "c", "d"])).is_err());
}

fn batch(inserted: Outcome, deleted: Option<Outcome>) -> Batch {
    let items = [("1", "x"), ("2", "y")].map(|(sk, value)| (sk.to_owned(), value.to_owned()));
    let mut batch = Batch::new(items.into());
    batch.end(inserted);
    if let Some(outcome) = deleted {
        batch.end_deletion(outcome);
    }
    batch
}

fn shown(items: &[(&str, &str)]) -> BTreeMap<String, Values> {
    items.iter().map(|(sk, value)| ((*sk).to_owned(), values(&[value]))).collect()
}

#[test]
fn a_batch_that_is_torn_lost_back_or_mixed_up_is_found() {
    let (all, one, none) = (shown(&[("1", "x"), ("2", "y")]), shown(&[("1", "x")]), shown(&[]));
    let done = batch(Outcome::Done, None);
    assert_eq!(done.check(&all, false), Ok(()));
    assert!(done.check(&one, false).is_err());
    let unknown = batch(Outcome::Unknown, None);
    assert_eq!((unknown.check(&all, false), unknown.check(&none, false)), (Ok(()), Ok(())));
    assert!(unknown.check(&one, false).is_err());
    assert_eq!(unknown.check(&one, true), Ok(()));
    let deleted = batch(Outcome::Done, Some(Outcome::Done));
    assert_eq!(deleted.check(&none, false), Ok(()));
    assert!(deleted.check(&one, false).is_err());
    assert_eq!(batch(Outcome::Done, Some(Outcome::Unknown)).check(&one, false), Ok(()));
    assert!(batch(Outcome::Refused, None).check(&one, false).is_err());
    assert!(done.check(&shown(&[("1", "y"), ("2", "x")]), false).is_err());
}
