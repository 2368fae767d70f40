//! Rounds between two or three replicas on links that lose nothing.

use super::replica::{key, partitions, put};
use super::world::{World, limits};
use crate::antientropy::EntropyLimits;
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{ActorId, SortKey};
use crate::mutation::{Mutation, turn_on};
use crate::shard::{ItemState, States};

/// Worlds of two nodes whose limits are those of production, but for the time between comparisons.
fn two_nodes() -> World {
    World::new(1, 2, EntropyLimits { interval_ms: 1_000, ..EntropyLimits::default() })
}

fn check_equal(world: &World) {
    let first = world.nodes[0].replica.live();
    assert!(world.nodes.iter().all(|node| node.replica.live() == first), "{}", world.story());
}

#[test]
fn a_replica_that_missed_writes_gets_them_and_gives_its_own() {
    let mut world = two_nodes();
    let partitions = partitions(20);
    for (number, partition) in partitions.iter().enumerate() {
        put(&mut world.nodes[number % 2].replica, partition, "here");
        put(&mut world.nodes[0].replica, partition, "more");
    }
    world.pass(3_000);
    assert_eq!(world.nodes[1].replica.live().len(), 40);
    check_equal(&world);
}

#[test]
fn a_large_partition_is_narrowed_down_to_the_item_that_differs() {
    let mut world = two_nodes();
    let partition = &partitions(1)[0];
    for number in 0..3_000 {
        let name = format!("item {number:05}");
        let (_, _, state) = world.nodes[0].replica.write(
            partition,
            &name,
            &Context::empty(),
            Value::Bytes(vec![7; 100].into()),
        );
        let clock = world.nodes[0].replica.clock.shown();
        world.nodes[1].replica.merge(&States { clock, items: vec![state] });
    }
    for node in &mut world.nodes {
        while node.replica.commit(0).is_some() {}
    }
    world.pass(3_000);
    put(&mut world.nodes[1].replica, partition, "item 01234");
    let before = world.bytes;
    world.pass(3_000);
    check_equal(&world);
    let bytes = world.bytes - before;
    assert!(bytes < 20_000, "{bytes} bytes for one of 3,000 items");
}

#[test]
fn an_item_that_one_replica_knows_to_be_dead_dies_at_the_other() {
    let mut world = two_nodes();
    let partition = &partitions(1)[0];
    put(&mut world.nodes[0].replica, partition, "a");
    world.pass(3_000);
    let key = key(partition, "a");
    assert!(world.nodes[1].replica.live().contains_key(&key));
    let token = world.nodes[1].replica.disk.rows[&key].item.token_context();
    world.nodes[1].replica.write(partition, "a", &token, Value::Tombstone);
    world.pass(10_000);
    for node in 0..2 {
        world.forget(node);
    }
    world.pass(10_000);
    for node in &world.nodes {
        assert!(node.replica.disk.rows.is_empty(), "{:?}\n{}", node.replica.live(), world.story());
    }
}

/// One replica holds two values of an actor, the other knows that the first of them is dead: their contexts are equal.
fn ends_equal_with(mutation: Option<Mutation>) -> bool {
    turn_on(mutation);
    let mut world = two_nodes();
    let partition = &partitions(1)[0];
    let (ended, value) = (ActorId(99), || Value::Bytes(b"v".as_slice().into()));
    let mut item = Item::empty();
    for time in [2, 3] {
        item.write(Dot { actor: ended, time }, &Context::empty(), value());
    }
    let state = |item: &Item<'_>| {
        let (partition, sort_key) = (partition.clone(), SortKey::new("a").unwrap());
        States {
            clock: Context::empty(),
            items: ItemState::new(partition, sort_key, item.encode().into()).into_iter().collect(),
        }
    };
    world.nodes[0].replica.merge(&state(&item));
    let mut later = Item::empty();
    later.write(Dot { actor: ended, time: 3 }, &Context::from_ascending(vec![(ended, 2)]).unwrap(), value());
    world.nodes[1].replica.merge(&state(&later));
    world.pass(5_000);
    turn_on(None);
    world.nodes[0].replica.live() == world.nodes[1].replica.live()
}

#[test]
fn equal_contexts_are_not_taken_for_equal_values() {
    assert!(ends_equal_with(None));
    assert!(!ends_equal_with(Some(Mutation::ContextTakenForState)));
}

#[test]
fn replicas_that_agree_exchange_sixty_bytes_for_each_comparison() {
    let mut world = two_nodes();
    let partition = &partitions(1)[0];
    put(&mut world.nodes[0].replica, partition, "a");
    world.pass(5_000);
    let before = world.bytes;
    world.pass(10_000);
    let comparisons = 10;
    let bytes = (world.bytes - before) / comparisons;
    assert!(bytes <= 80, "{bytes} bytes");
}

#[test]
fn small_limits_lead_to_the_same_end() {
    for seed in 0..20 {
        let mut world = World::new(seed, 3, limits());
        for (number, partition) in partitions(6).iter().enumerate() {
            for item in 0..number * 2 {
                put(&mut world.nodes[item % 3].replica, partition, &format!("item {item}"));
            }
        }
        world.pass(20_000);
        assert_eq!(world.nodes[0].replica.live().len(), 30, "{}", world.story());
        check_equal(&world);
    }
}
