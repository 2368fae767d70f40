use super::history::Events;
use super::world::{World, steps};
use super::{bytes, context, dot, merged};
use crate::causality::{Branch, Context, Dot, Item, Sibling, Value};
use crate::ids::ActorId;
use crate::limits::TOKEN_ACTORS_MAX;
use proptest::prelude::*;

fn live(item: &Item<'_>) -> Events {
    item.siblings().map(|(dot, _)| dot).collect()
}

/// Any item at all, also one that no history leads to; only a dot still names one value.
fn arbitrary_item() -> impl Strategy<Value = Item<'static>> {
    let branch = (0..9u64, prop::collection::btree_set(1..9u64, 0..4));
    prop::collection::btree_map(0..5u64, branch, 0..4).prop_map(|branches| {
        let branches = branches.into_iter().map(|(actor, (discarded, times))| Branch {
            actor: ActorId(actor),
            discarded,
            siblings: times
                .into_iter()
                .filter(|time| *time > discarded)
                .map(|time| Sibling { time, value: value_of(actor, time) })
                .collect(),
        });
        let encoded = postcard::to_allocvec(&branches.collect::<Vec<_>>()).unwrap();
        Item::decode(&encoded).expect("a well-formed item").into_owned()
    })
}

fn value_of(actor: u64, time: u64) -> Value<'static> {
    if (actor + time).is_multiple_of(3) {
        Value::Tombstone
    } else {
        Value::Bytes(vec![actor as u8; time as usize].into())
    }
}

#[test]
fn the_bound_of_an_item_holds_for_the_longest_numbers_too() {
    let mut item = Item::empty();
    let actors = (0..TOKEN_ACTORS_MAX as u64).map(|n| ActorId(u64::MAX - n));
    let seen: Vec<_> = actors.rev().map(|actor| (actor, u64::MAX - 4)).collect();
    let context = Context::from_ascending(seen.clone()).unwrap();
    for &(actor, time) in &seen {
        for later in 1..=4 {
            item.write(Dot { actor, time: time + later }, &context, Value::Bytes(vec![7; 3].into()));
        }
    }
    let values = item.sibling_count() as u64;
    let (taken, bound) = (item.encoded_bytes() as u64, Item::encoded_bytes_max(values, 3 * values));
    assert!(taken <= bound && bound < 2 * taken, "{taken} of {bound}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn merge_is_commutative_associative_and_idempotent(
        a in arbitrary_item(), b in arbitrary_item(), c in arbitrary_item()
    ) {
        prop_assert_eq!(merged(&a, &b).encode(), merged(&b, &a).encode());
        prop_assert_eq!(merged(&merged(&a, &b), &c).encode(), merged(&a, &merged(&b, &c)).encode());
        prop_assert_eq!(merged(&a, &a).encode(), a.encode());
        prop_assert_eq!(merged(&merged(&a, &b), &b).encode(), merged(&a, &b).encode());
        prop_assert_eq!(merged(&Item::empty(), &a).encode(), a.encode());
    }

    #[test]
    fn an_item_takes_no_more_bytes_than_its_bound(item in arbitrary_item()) {
        let bytes: usize = item.siblings().filter_map(|(_, value)| value.bytes()).map(<[u8]>::len).sum();
        let bound = Item::encoded_bytes_max(item.sibling_count() as u64, bytes as u64);
        prop_assert!(item.encoded_bytes() as u64 <= bound);
    }

    #[test]
    fn every_replica_holds_exactly_the_values_that_the_causal_history_leaves_alive(steps in steps()) {
        let world = World::after(&steps);
        for replica in &world.replicas {
            prop_assert_eq!(live(&replica.item), world.history.live(&replica.known));
        }
    }

    #[test]
    fn replicas_that_exchanged_everything_are_byte_identical(steps in steps()) {
        let world = World::after(&steps);
        let merge_all = |order: [usize; 3]| {
            order.iter().fold(Item::empty(), |all, at| merged(&all, &world.replicas[*at].item)).encode()
        };
        prop_assert_eq!(merge_all([0, 1, 2]), merge_all([2, 1, 0]));
        prop_assert_eq!(merge_all([0, 1, 2]), merge_all([1, 2, 0]));
    }

    #[test]
    fn a_token_covers_exactly_what_its_read_had_seen(steps in steps()) {
        let world = World::after(&steps);
        for (token, seen) in &world.tokens {
            for event in world.history.all() {
                prop_assert_eq!(token.covers(event), seen.contains(&event), "{:?} in {:?}", event, token);
            }
        }
    }

    #[test]
    fn a_poll_has_news_exactly_when_a_live_value_was_not_seen(steps in steps()) {
        let world = World::after(&steps);
        for (token, seen) in &world.tokens {
            for replica in &world.replicas {
                let has_seen_all = world.history.live(&replica.known).is_subset(seen);
                prop_assert_eq!(replica.item.is_covered_by(token), has_seen_all);
            }
        }
    }

    #[test]
    fn a_write_counts_beforehand_what_it_leaves(steps in steps()) {
        let world = World::after(&steps);
        let replica = &world.replicas[0];
        let unused = dot(1, 1_000);
        for (token, _) in &world.tokens {
            let mut item = replica.item.clone();
            item.write(unused, token, Value::Tombstone);
            prop_assert_eq!(1 + replica.item.siblings_not_covered_by(token).count(), item.sibling_count());
            prop_assert!(item.is_covered_by(&item.context()));
        }
    }

    #[test]
    fn forgetting_what_was_discarded_changes_nothing_that_a_reader_sees(steps in steps()) {
        let world = World::after(&steps);
        for replica in &world.replicas {
            let mut short = replica.item.clone();
            short.forget_discarded();
            prop_assert_eq!(live(&short), live(&replica.item));
            prop_assert!(short.branches().len() <= short.sibling_count());
            for (token, _) in &world.tokens {
                prop_assert_eq!(short.is_covered_by(token), replica.item.is_covered_by(token));
            }
        }
    }

    #[test]
    fn an_item_survives_its_encoding(item in arbitrary_item()) {
        let encoded = item.encode();
        prop_assert_eq!(Item::decode(&encoded), Some(item));
    }
}

#[test]
fn values_that_are_equal_are_shown_once_and_kept_twice() {
    let mut item = Item::empty();
    item.write(dot(1, 1), &Context::empty(), bytes("a"));
    item.write(dot(1, 2), &Context::empty(), bytes("a"));
    item.write(dot(2, 3), &Context::empty(), Value::Tombstone);
    assert_eq!(item.values(), [&bytes("a"), &Value::Tombstone]);
    assert_eq!(item.sibling_count(), 3);
}

#[test]
fn an_empty_value_is_not_a_tombstone() {
    let mut item = Item::empty();
    item.write(dot(1, 1), &Context::empty(), bytes(""));
    assert!(!item.is_tombstone());
    item.write(dot(1, 2), &item.context(), Value::Tombstone);
    assert!(item.is_tombstone());
}

/// The story of Riak's kv679, and the reason for epochs. A node takes two writes, loses the second with its disk, and
/// goes on under the same name with a clock that was set back: the name now covers what nobody saw.
#[test]
fn an_actor_that_forgets_its_dots_and_keeps_its_name_loses_acknowledged_writes() {
    let replicated = {
        let mut item = Item::empty();
        item.write(dot(1, 10), &Context::empty(), bytes("first"));
        item.write(dot(1, 20), &context(&[(1, 10)]), bytes("second"));
        item
    };
    // The disk went back to before `second`; the clock was set back as well.
    let overwritten_after_amnesia = |actor: u64| {
        let mut item = Item::empty();
        item.write(dot(1, 10), &Context::empty(), bytes("first"));
        item.write(dot(actor, 15), &Context::empty(), bytes("acknowledged"));
        item.merge(&replicated);
        item.write(dot(3, 1), &replicated.context(), bytes("third"));
        item
    };
    assert!(!live(&overwritten_after_amnesia(1)).contains(&dot(1, 15)), "an old name covers what nobody saw");
    assert!(live(&overwritten_after_amnesia(2)).contains(&dot(2, 15)), "a new name does not");
}
