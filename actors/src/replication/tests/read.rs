use super::replicas::{Replica, joined, live, replicas};
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{ActorId, NodeId};
use crate::mutation::{Mutation, turn_on};
use crate::replication::item_state::ReplicaItem;
use crate::replication::read::{Effect, Event, ItemRead};
use proptest::prelude::*;

fn node(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// An item that was written at times up to `time`, each time with the token of the time before.
fn written(time: u64) -> Item<'static> {
    let mut item = Item::empty();
    for time in 1..=time {
        let context = item.token_context();
        item.write(Dot { actor: ActorId(1), time }, &context, Value::Bytes(vec![time as u8].into()));
    }
    item
}

fn state(time: u64) -> ReplicaItem {
    ReplicaItem { item: written(time), clock: Context::empty() }
}

fn started() -> (ItemRead, Vec<Effect>) {
    ItemRead::start(vec![node(1), node(2), node(3)], 2)
}

/// What a read at three replicas wants done after each event, the start first.
fn check(events: Vec<Event>, expected: &[&[Effect]]) {
    let (mut read, first) = started();
    let effects: Vec<_> =
        std::iter::once(first).chain(events.into_iter().map(|event| read.step(event))).collect();
    assert_eq!(effects, expected);
}

const START: fn() -> [Effect; 3] = || [Effect::AskState(node(1)), Effect::AskHash(node(2)), Effect::Hedge];

#[test]
fn equal_replicas_answer_with_one_state_and_one_hash() {
    check(
        vec![Event::State(node(1), state(1)), Event::Hash(node(2), written(1).state_hash())],
        &[&START(), &[], &[Effect::Answer(written(1))]],
    );
    check(
        vec![Event::Hash(node(2), written(1).state_hash()), Event::State(node(1), state(1))],
        &[&START(), &[], &[Effect::Answer(written(1))]],
    );
}

#[test]
fn a_newer_state_is_fetched_merged_and_repaired_before_the_answer() {
    check(
        vec![
            Event::State(node(1), state(1)),
            Event::Hash(node(2), written(2).state_hash()),
            Event::State(node(2), state(2)),
            Event::Late,
            Event::Repaired(1),
        ],
        &[
            &START(),
            &[],
            &[Effect::AskState(node(2))],
            &[Effect::Repair(vec![node(1)], written(2))],
            &[],
            &[Effect::Answer(written(2))],
        ],
    );
}

#[test]
fn what_too_few_replicas_merge_is_not_shown() {
    check(
        vec![
            Event::State(node(1), state(1)),
            Event::Hash(node(2), written(2).state_hash()),
            Event::State(node(2), state(2)),
            Event::Repaired(0),
        ],
        &[
            &START(),
            &[],
            &[Effect::AskState(node(2))],
            &[Effect::Repair(vec![node(1)], written(2))],
            &[Effect::Unavailable],
        ],
    );
}

#[test]
fn a_repair_is_not_waited_for_where_a_quorum_holds_the_answer() {
    check(
        vec![
            Event::Hash(node(2), written(2).state_hash()),
            Event::Late,
            Event::Hash(node(3), written(2).state_hash()),
            Event::State(node(2), state(2)),
        ],
        &[
            &START(),
            &[],
            &[Effect::AskHash(node(3))],
            // Nobody has shown a state, and two hashes are enough to tell that one is.
            &[Effect::AskState(node(2))],
            &[Effect::Answer(written(2))],
        ],
    );
    check(
        vec![
            Event::State(node(1), state(1)),
            Event::Late,
            Event::Hash(node(3), written(2).state_hash()),
            Event::Hash(node(2), written(2).state_hash()),
            Event::State(node(3), state(2)),
        ],
        &[
            &START(),
            &[],
            &[Effect::AskHash(node(3))],
            &[Effect::AskState(node(3))],
            &[Effect::AskState(node(2))],
            &[Effect::Repair(vec![node(1)], written(2))],
        ],
    );
}

#[test]
fn a_replica_without_an_answer_or_a_vote_is_replaced() {
    check(
        vec![
            Event::Failed(node(1)),
            Event::Hash(node(2), written(1).state_hash()),
            Event::Hash(node(3), written(1).state_hash()),
            Event::State(node(2), state(1)),
        ],
        &[
            &START(),
            &[Effect::AskHash(node(3))],
            &[],
            &[Effect::AskState(node(2))],
            &[Effect::Answer(written(1))],
        ],
    );
}

#[test]
fn too_few_replicas_are_no_answer() {
    check(
        vec![Event::Failed(node(1)), Event::Failed(node(2))],
        &[&START(), &[Effect::AskHash(node(3))], &[Effect::Unavailable]],
    );
    let (_, effects) = ItemRead::start(vec![node(1)], 2);
    assert_eq!(effects, [Effect::AskState(node(1)), Effect::Unavailable]);
}

#[test]
fn one_replica_is_enough_where_the_quorum_is_one() {
    let (mut read, effects) = ItemRead::start(vec![node(1), node(2)], 1);
    assert_eq!(effects, [Effect::AskState(node(1)), Effect::Hedge]);
    assert_eq!(read.step(Event::State(node(1), state(1))), [Effect::Answer(written(1))]);
}

#[test]
fn an_item_that_nobody_holds_is_answered_as_empty() {
    let (mut read, _) = started();
    read.step(Event::State(node(1), ReplicaItem { item: Item::empty(), clock: Context::empty() }));
    assert_eq!(read.step(Event::Hash(node(2), 0)), [Effect::Answer(Item::empty())]);
}

/// Runs a read of `key` to its end, the events in the order that `picks` chooses.
fn run(
    replicas: &[Replica],
    key: &str,
    quorum: usize,
    picks: &[usize],
    lost: usize,
) -> (Option<Item<'static>>, usize) {
    let nodes: Vec<NodeId> = (0..replicas.len()).map(|at| node(at as u8)).collect();
    let replica = |asked: &NodeId| &replicas[usize::from(asked.0[0])];
    let (mut read, mut effects) = ItemRead::start(nodes, quorum);
    let (mut pending, mut lost, mut repaired) = (Vec::new(), lost, 0);
    for pick in picks.iter().cycle() {
        for effect in effects {
            match effect {
                Effect::AskState(node) | Effect::AskHash(node) if lost > 0 => {
                    lost -= 1;
                    pending.push(Event::Failed(node));
                }
                Effect::AskState(node) => pending.push(Event::State(node, replica(&node).state(key))),
                Effect::AskHash(node) => {
                    pending.push(Event::Hash(node, replica(&node).state(key).item.state_hash()));
                }
                Effect::Hedge => pending.push(Event::Late),
                Effect::Repair(replicas, _) => {
                    repaired += 1;
                    pending.push(Event::Repaired(replicas.len()));
                }
                Effect::RepairLater(..) => {}
                Effect::Answer(item) => return (Some(item), repaired),
                Effect::Unavailable => return (None, repaired),
            }
        }
        assert!(!pending.is_empty(), "the read waits for nothing");
        let event = pending.swap_remove(pick % pending.len());
        effects = read.step(event);
    }
    unreachable!("the picks repeat")
}

proptest! {
    #[test]
    fn a_read_of_all_replicas_shows_what_they_hold_together(
        replicas in replicas(),
        key in "[a-d]{1,2}",
        picks in proptest::collection::vec(0..9_usize, 1..9),
    ) {
        let (item, _) = run(&replicas, &key, replicas.len(), &picks, 0);
        let expected = joined(&replicas).get(&key).map(live).unwrap_or_default();
        prop_assert_eq!(item.as_ref().map(live), Some(expected));
    }

    #[test]
    fn a_read_shows_what_every_quorum_holds_whoever_is_lost(
        replicas in replicas(),
        key in "[a-d]{1,2}",
        picks in proptest::collection::vec(0..9_usize, 1..9),
    ) {
        prop_assume!(replicas.len() == 3);
        // What a majority was made equal on is what a write that was acknowledged left.
        let (all, _) = run(&replicas, &key, 3, &picks, 0);
        let item = all.unwrap();
        for at in 0..3 {
            let mut repaired = replicas.clone();
            for other in (0..3).filter(|other| *other != at) {
                repaired[other].items.insert(key.clone(), item.clone());
            }
            let (shown, _) = run(&repaired, &key, 2, &picks, 1);
            prop_assert_eq!(shown.as_ref().map(live), Some(live(&item)));
        }
    }
}

#[test]
fn an_item_read_from_one_replica_or_merged_without_the_clock_is_found() {
    let stale = Replica { items: [("a".to_owned(), written(1))].into(), ..Replica::default() };
    let mut newer = Replica::default();
    newer.clock.raise(ActorId(1), 1);
    let replicas = [stale, newer];
    let shown = || live(&run(&replicas, "a", 2, &[0], 0).0.unwrap());
    assert_eq!(shown(), []);
    for mutation in [Mutation::ItemFromOneReplica, Mutation::MergeWithoutTheClock] {
        turn_on(Some(mutation));
        assert_ne!(shown(), [], "{mutation:?}");
        turn_on(None);
    }
}
