use super::history::Events;
use super::world::{REPLICA_COUNT, World, steps};
use super::{bytes, context, dot, merged};
use crate::causality::{Branch, Context, Dot, Item, Sibling, Value};
use crate::ids::ActorId;
use crate::limits::TOKEN_ACTORS_MAX;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn live(item: &Item<'_>) -> Events {
    item.siblings().map(|(dot, _)| dot).collect()
}

/// Any item at all, also one that no history leads to; only a dot still names one value.
fn arbitrary_item() -> impl Strategy<Value = Item<'static>> {
    let branch = (1..9u64, prop::collection::btree_set(1..9u64, 0..4));
    prop::collection::btree_map(0..5u64, branch, 0..4).prop_map(|branches| {
        let branches = branches.into_iter().map(|(actor, (seen, times))| Branch {
            actor: ActorId(actor),
            seen: times.last().map_or(seen, |newest| seen.max(*newest)),
            siblings: times.into_iter().map(|time| Sibling { time, value: value_of(actor, time) }).collect(),
        });
        Item { branches: branches.collect() }
    })
}

fn arbitrary_clock() -> impl Strategy<Value = Context> {
    prop::collection::btree_map(0..5u64, 1..12u64, 0..5).prop_map(|pairs| {
        let pairs = pairs.into_iter().map(|(actor, time)| (ActorId(actor), time));
        Context::from_ascending(pairs.collect()).expect("a map ascends")
    })
}

fn filled(item: &Item<'static>, clock: &Context) -> Item<'static> {
    let mut item = item.clone();
    item.fill(clock);
    item
}

fn stripped(item: &Item<'static>, clock: &Context) -> Item<'static> {
    let mut item = item.clone();
    item.strip(clock);
    item
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
            prop_assert_eq!(live(replica.row()), replica.knowledge().live());
        }
    }

    #[test]
    fn a_filled_state_covers_everything_that_its_replica_knows(steps in steps()) {
        let world = World::after(&steps);
        for replica in &world.replicas {
            let item = replica.filled();
            for &event in &replica.knowledge().known {
                prop_assert!(event.time <= item.newest_time_of(event.actor), "{:?} in {:?}", event, item);
            }
        }
    }

    #[test]
    fn replicas_that_exchanged_everything_hold_the_same_and_hash_the_same(steps in steps()) {
        let world = World::after(&steps);
        let merge_all = |order: [usize; REPLICA_COUNT]| {
            order.map(|at| world.replicas[at].filled()).iter().fold(Item::empty(), |all, next| merged(&all, next))
        };
        let all = merge_all([0, 1, 2]);
        prop_assert_eq!(all.encode(), merge_all([2, 1, 0]).encode());
        prop_assert_eq!(all.encode(), merge_all([1, 2, 0]).encode());
        for replica in &world.replicas {
            prop_assert_eq!(stripped(&all, replica.clock()).state_hash(), all.state_hash());
        }
    }

    #[test]
    fn a_token_covers_exactly_what_its_read_had_seen(steps in steps()) {
        let world = World::after(&steps);
        for (token, seen, covered) in &world.tokens {
            prop_assert!(seen.live().is_subset(covered));
            for event in world.all() {
                prop_assert_eq!(token.covers(event), covered.contains(&event), "{:?} in {:?}", event, token);
            }
            let actors: BTreeSet<ActorId> = seen.live().iter().map(|dot| dot.actor).collect();
            prop_assert_eq!(token.pairs().len(), actors.len());
        }
    }

    #[test]
    fn a_poll_has_news_exactly_when_a_live_value_was_not_seen(steps in steps()) {
        let world = World::after(&steps);
        for (token, _, covered) in &world.tokens {
            for replica in &world.replicas {
                let has_seen_all = replica.knowledge().live().is_subset(covered);
                prop_assert_eq!(replica.row().is_covered_by(token), has_seen_all);
            }
        }
    }

    #[test]
    fn a_write_counts_beforehand_what_it_leaves(steps in steps()) {
        let world = World::after(&steps);
        let replica = &world.replicas[0];
        let unused = dot(1, 1_000);
        for (token, ..) in &world.tokens {
            let mut item = replica.row().clone();
            item.write(unused, token, Value::Tombstone);
            prop_assert_eq!(1 + replica.row().siblings_not_covered_by(token).count(), item.sibling_count());
            prop_assert!(item.is_covered_by(&item.token_context()));
        }
    }

    #[test]
    fn stripping_and_filling_by_one_clock_is_filling(item in arbitrary_item(), clock in arbitrary_clock()) {
        let short = stripped(&item, &clock);
        prop_assert_eq!(filled(&short, &clock), filled(&item, &clock));
        prop_assert_eq!(live(&short), live(&item));
        prop_assert!(short.encoded_bytes() <= item.encoded_bytes());
        prop_assert_eq!(stripped(&short, &clock), short);
    }

    #[test]
    fn merging_stripped_states_under_their_clocks_is_merging_filled_ones(
        a in arbitrary_item(), b in arbitrary_item(), more in arbitrary_clock(),
        clock_a in arbitrary_clock(), clock_b in arbitrary_clock(),
    ) {
        let mut ours = clock_a.clone();
        ours.join(&more);
        let mut merged_stripped = stripped(&a, &clock_a);
        merged_stripped.merge_stripped(&ours, stripped(&b, &clock_b), &clock_b, &clock_a);
        let expected = merged(&filled(&a, &ours), &filled(&b, &clock_b));
        prop_assert_eq!(live(&merged_stripped), live(&expected));
        prop_assert_eq!(filled(&merged_stripped, &ours), expected);
        prop_assert_eq!(stripped(&merged_stripped, &clock_a), merged_stripped);
    }

    #[test]
    fn replicas_with_other_clocks_and_the_same_live_dots_hash_the_same(
        item in arbitrary_item(), a in arbitrary_clock(), b in arbitrary_clock(),
    ) {
        prop_assert_eq!(filled(&item, &a).state_hash(), stripped(&item, &b).state_hash());
    }

    #[test]
    fn states_hash_the_same_exactly_when_their_live_dots_are_the_same(
        a in arbitrary_item(), b in arbitrary_item(),
    ) {
        prop_assert_eq!(a.state_hash() == b.state_hash(), live(&a) == live(&b));
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
    item.write(dot(1, 2), &item.token_context(), Value::Tombstone);
    assert!(item.is_tombstone());
}

/// Equal contexts are not equal states: both of these sum up to `1:3`.
#[test]
fn two_live_values_and_the_newer_one_alone_hash_differently() {
    let mut alone = Item::empty();
    alone.write(dot(1, 3), &context(&[(1, 2)]), bytes("three"));
    let mut both = Item::empty();
    both.write(dot(1, 2), &Context::empty(), bytes("two"));
    both.write(dot(1, 3), &Context::empty(), bytes("three"));
    assert_eq!(both.token_context(), alone.token_context());
    assert_ne!(both.state_hash(), alone.state_hash());
}

#[test]
fn a_value_and_a_tombstone_under_one_dot_hash_differently() {
    let state = |value| {
        let mut item = Item::empty();
        item.write(dot(1, 3), &Context::empty(), value);
        item.state_hash()
    };
    assert_ne!(state(bytes("")), state(Value::Tombstone));
}

/// Without the sender's clock, a value that was overwritten and forgotten would come back with a late message.
#[test]
fn a_value_that_a_replica_has_dropped_dies_where_its_filled_state_arrives() {
    let mut late = Item::empty();
    late.write(dot(1, 3), &Context::empty(), bytes("old"));
    let clock = context(&[(1, 5)]);
    assert!(live(&merged(&late, &filled(&Item::empty(), &clock))).is_empty());
    assert_eq!(live(&merged(&late, &Item::empty())).len(), 1, "a state that is sent stripped says nothing");
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
        item.write(dot(3, 1), &replicated.token_context(), bytes("third"));
        item
    };
    assert!(!live(&overwritten_after_amnesia(1)).contains(&dot(1, 15)), "an old name covers what nobody saw");
    assert!(live(&overwritten_after_amnesia(2)).contains(&dot(2, 15)), "a new name does not");
}
