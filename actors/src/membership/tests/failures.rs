use super::world::{World, node_id};
use super::{Event, MemberState, PeerAddr};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn calm(nodes: usize, seed: u64) -> World {
    let mut world = World::new(nodes, seed);
    assert!(world.time_until(5 * SECOND, World::is_calm).is_some(), "{nodes} nodes meet");
    world
}

#[test]
fn nodes_that_are_linked_know_of_each_other_at_once() {
    let mut world = World::new(3, 1);
    let took = world.time_until(5 * SECOND, World::is_calm).unwrap();
    assert!(took <= Duration::from_millis(400), "{took:?}");
    let member = world.nodes[0].core.members().get(node_id(1)).unwrap();
    assert_eq!(member.addr, Some(PeerAddr::new("10.0.0.1:3901").unwrap()));
    assert_eq!(member.about.as_ref().unwrap().hostname, "node1");
}

#[test]
fn a_node_that_is_killed_is_down_everywhere_within_ten_seconds() {
    for seed in 0..50 {
        let mut world = calm(5, seed);
        world.kill(2);
        let took = world.time_until(10 * SECOND, |world| world.all_see(2, MemberState::Down));
        assert!(took.is_some(), "seed {seed}");
        world.run(30 * SECOND);
        assert!(world.is_calm(), "nobody else is taken for down, seed {seed}");
    }
}

#[test]
fn of_two_nodes_one_sees_the_other_go_and_come_back() {
    let mut world = calm(2, 3);
    world.kill(1);
    assert!(world.time_until(10 * SECOND, |world| world.all_see(1, MemberState::Down)).is_some());
    world.run(60 * SECOND);
    world.start(1, 0, "");
    assert!(world.time_until(SECOND, World::is_calm).is_some());
}

#[test]
fn a_node_that_leaves_is_down_at_once() {
    let mut world = calm(5, 1);
    world.step(4, Event::Leave);
    world.kill(4);
    assert!(world.time_until(2 * SECOND, |world| world.all_see(4, MemberState::Down)).is_some());
}

#[test]
fn a_node_that_hung_and_goes_on_is_up_again_by_itself() {
    for seed in 0..30 {
        let mut world = calm(5, seed);
        world.hang(3);
        assert!(world.time_until(10 * SECOND, |world| world.all_see(3, MemberState::Down)).is_some());
        world.run(20 * SECOND);
        let generation = world.nodes[3].core.identity().generation();
        world.resume(3);
        assert!(world.time_until(2 * SECOND, World::is_calm).is_some(), "seed {seed}");
        assert!(world.nodes[3].core.identity().generation() > generation, "it took a higher generation");
        world.run(10 * SECOND);
        assert!(world.is_calm(), "it takes nobody down that it did not hear of meanwhile, seed {seed}");
    }
}

#[test]
fn a_node_that_is_cut_off_one_way_stays_up_by_way_of_others() {
    for seed in 0..30 {
        let mut world = calm(5, seed);
        world.cut_one_way(0, 1);
        world.run(60 * SECOND);
        assert!((0..5).all(|seen| !world.all_see(seen, MemberState::Down)), "seed {seed}");
        let is_up = |world: &World| world.state(0, 1) != MemberState::Down;
        assert!(is_up(&world), "what 0 asks 1 by way of others is answered, seed {seed}");
    }
}

#[test]
fn a_node_that_nobody_hears_is_down_and_comes_back_when_it_is_heard() {
    let mut world = calm(5, 7);
    (0..4).for_each(|peer| world.cut_one_way(4, peer));
    assert!(
        world
            .time_until(12 * SECOND, |world| (0..4).all(|by| world.state(by, 4) == MemberState::Down))
            .is_some()
    );
    world.run(60 * SECOND);
    world.heal();
    assert!(world.time_until(30 * SECOND, World::is_calm).is_some());
}

#[test]
fn two_halves_that_took_each_other_for_down_meet_again() {
    let mut world = calm(6, 9);
    for (a, b) in (0..3).flat_map(|a| (3..6).map(move |b| (a, b))) {
        world.cut_one_way(a, b);
        world.cut_one_way(b, a);
    }
    world.run(120 * SECOND);
    assert_eq!(world.state(0, 3), MemberState::Down);
    assert_eq!(world.state(0, 1), MemberState::Up);
    world.heal();
    assert!(world.time_until(30 * SECOND, World::is_calm).is_some());
}

#[test]
fn a_node_comes_back_under_another_address() {
    let mut world = calm(4, 11);
    world.kill(1);
    world.run(3 * SECOND);
    world.start(1, 0, "elsewhere.example:3901");
    let moved = |world: &World, addr: &str| {
        let shown = |by: usize| world.nodes[by].core.members().get(node_id(1)).unwrap().addr.clone();
        world.is_calm() && [0, 2, 3].into_iter().all(|by| shown(by).unwrap().as_str() == addr)
    };
    assert!(world.time_until(2 * SECOND, |world| moved(world, "elsewhere.example:3901")).is_some());
    world.step(1, Event::Moved(PeerAddr::new("again.example:1").ok()));
    assert!(world.time_until(2 * SECOND, |world| moved(world, "again.example:1")).is_some());
}

#[test]
fn a_node_whose_clock_was_put_back_by_a_day_is_up_within_seconds() {
    let mut world = calm(4, 13);
    world.kill(2);
    assert!(world.time_until(10 * SECOND, |world| world.all_see(2, MemberState::Down)).is_some());
    world.start(2, -24 * 60 * 60 * 1000, "");
    assert!(world.time_until(5 * SECOND, World::is_calm).is_some());
    let ahead_ms = world.nodes[0].core.members().get(node_id(2)).unwrap().clock_ahead_ms.unwrap();
    assert!(ahead_ms.abs_diff(-24 * 60 * 60 * 1000) < 100, "{ahead_ms}");
}

#[test]
fn a_packet_in_the_name_of_another_node_is_dropped() {
    let mut world = calm(3, 17);
    let wall_ms = 0;
    world.step(0, Event::Gossip { from: node_id(1), wall_ms, packet: vec![1; 40] });
    assert_eq!(world.nodes[0].dropped, 1);
    let mut header = vec![];
    header.extend(node_id(2).0);
    header.extend([0xff; 60]);
    world.step(0, Event::Gossip { from: node_id(1), wall_ms, packet: header });
    assert_eq!(world.nodes[0].dropped, 2);
    assert!(world.is_calm());
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let run = |seed| {
        let mut world = calm(7, seed);
        world.kill(3);
        world.run(20 * SECOND);
        world.nodes.iter().map(|node| node.bytes_told).collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
