//! Three of four nodes hold a shard; messages are late, lost and doubled, nodes crash, lose their disks or get old ones
//! back, the layout changes. The same seed gives the same run.

use super::clients::Clients;
use super::replica::shard;
use super::world::{DELAY_MS, World, limits};
use crate::antientropy::Held;
use crate::causality::Dot;
use crate::mutation::{Mutation, turn_on};
use rand::RngExt;
use std::collections::BTreeSet;

/// What a run goes through, drawn from its seed.
struct Run {
    world: World,
    clients: Clients,
    /// Of a thousand steps.
    faults: u32,
    losses: u32,
    changes: u32,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut world = World::new(seed, 4, limits());
        let mut of = |choices: &[u32]| choices[world.rng.random_range(0..choices.len())];
        let (lost, faults, losses, changes) =
            (of(&[5, 30, 70]), of(&[0, 10, 30]), of(&[0, 10, 25]), of(&[0, 10, 40]));
        world.lost = lost;
        let items = 1 + world.rng.random_range(0..6);
        Run { clients: Clients::new(items), world, faults, losses, changes }
    }

    fn step(&mut self) -> Result<(), String> {
        let ms = self.world.rng.random_range(0..40);
        self.world.pass(ms);
        self.clients.hear(&mut self.world);
        self.advance_layout();
        match self.world.rng.random_range(0..100) {
            0..30 => self.clients.write(&mut self.world)?,
            30..60 => self.clients.begin_read(&mut self.world),
            60..70 => {
                let node = self.any_node();
                self.world.forget(node);
            }
            70..74 => {
                let node = self.any_member();
                self.world.take_image(node);
            }
            _ => {}
        }
        let roll = self.world.rng.random_range(0..1_000);
        if roll < self.faults {
            let node = self.any_node();
            let down_ms = if self.world.chance(40) { self.world.rng.random_range(0..4_000) } else { 0 };
            self.world.say(&format!("node {node} crashes for {down_ms} ms"));
            self.world.crash(node, None, down_ms);
        } else if roll < self.faults + self.losses {
            self.lose_memory();
        } else if roll < self.faults + self.losses + self.changes {
            self.change_layout();
        }
        Ok(())
    }

    fn any_node(&mut self) -> usize {
        self.world.rng.random_range(0..self.world.nodes.len())
    }

    fn any_member(&mut self) -> usize {
        let members: Vec<usize> = self.world.members().into_iter().collect();
        members[self.world.rng.random_range(0..members.len())]
    }

    /// One disk at a time may forget: a second one could take the last copy.
    fn lose_memory(&mut self) {
        let node = self.any_member();
        if self.world.is_receiving(node) || self.world.any_lost_memory() || !self.world.accepts(node) {
            return;
        }
        let image = self.world.nodes[node].image.take();
        let is_wiped = image.is_none() || self.world.chance(50);
        self.world
            .say(&format!("node {node} {}", if is_wiped { "has an empty disk" } else { "has an old disk" }));
        self.clients.void_acks(node);
        let disk = image.filter(|_| !is_wiped).unwrap_or_default();
        self.world.crash(node, Some(disk), 0);
    }

    fn change_layout(&mut self) {
        if self.world.versions.len() > 1 || self.world.any_lost_memory() {
            return;
        }
        let (number, nodes) = self.world.versions[0].clone();
        let leaver = self.any_member();
        let newcomer = (0..self.world.nodes.len()).find(|node| !nodes.contains(node)).unwrap();
        let next: BTreeSet<usize> =
            nodes.into_iter().filter(|node| *node != leaver).chain([newcomer]).collect();
        self.world.say(&format!("layout version {}: {next:?}", number + 1));
        self.world.versions.push((number + 1, next));
        self.world.lay_out();
    }

    /// What the layout's trackers do.
    fn advance_layout(&mut self) {
        let (number, newest) = self.world.versions.last().unwrap().clone();
        if self.world.acked < number {
            self.clients.give_up(&mut self.world, 10, None);
            if self.clients.all_use(&self.world, &newest) {
                self.world.acked = number;
                self.world.say(&format!("everybody writes by version {number}"));
                self.world.lay_out();
            }
        }
        let has_synced = |node: &usize| matches!(self.world.nodes[*node].core.held(shard()), Held::Live(version) if version >= number);
        let is_synced = newest.iter().all(has_synced);
        if self.world.versions.len() > 1 && is_synced && !self.world.any_lost_memory() {
            let (_, oldest) = self.world.versions.remove(0);
            for leaver in oldest.difference(&newest) {
                self.clients.give_up(&mut self.world, 100, Some(*leaver));
            }
            self.world.say("the older version retired");
            self.world.lay_out();
        }
    }

    /// No fault any more: replicas become equal, and nothing is left of what was deleted.
    fn rest(&mut self) -> Result<(), String> {
        self.world.lost = 0;
        for _ in 0..200 {
            self.world.pass(100);
            self.clients.hear(&mut self.world);
            self.clients.give_up(&mut self.world, 100, None);
            self.advance_layout();
            if self.world.versions.len() == 1 && !self.world.any_lost_memory() {
                break;
            }
        }
        for _ in 0..14 {
            self.world.pass(DELAY_MS / 3);
            for node in self.world.versions[0].1.clone() {
                self.world.forget(node);
            }
        }
        self.world.pass(3_000);
        self.clients.hear(&mut self.world);
        self.check_rest()
    }

    fn check_rest(&self) -> Result<(), String> {
        if self.world.versions.len() > 1 || self.world.any_lost_memory() {
            return Err("the cluster does not come to rest".to_owned());
        }
        let members: Vec<usize> = self.world.versions[0].1.iter().copied().collect();
        let first = self.world.nodes[members[0]].replica.live();
        for node in &members {
            let replica = &self.world.nodes[*node].replica;
            if !self.world.nodes[*node].core.is_complete(shard()) {
                return Err(format!("node {node} does not become complete"));
            }
            if replica.live() != first {
                return Err(format!("replicas differ at rest: {first:?}, node {node}: {:?}", replica.live()));
            }
            for (key, row) in &replica.disk.rows {
                let mut item = row.item.clone();
                item.strip(&replica.clock.shown());
                let is_short = item.branches().iter().all(|branch| branch.newest_time() == Some(branch.seen));
                if row.item.is_tombstone() || !is_short {
                    let name = key.sort_key.as_str();
                    let clock = replica.clock.shown();
                    return Err(format!("node {node} still holds {name}: {:?}, clock {clock:?}", row.item));
                }
            }
        }
        self.clients.check_rest(&self.world)
    }
}

/// The promise that a run broke, with the end of its story.
fn run(seed: u64, steps: usize) -> Result<(), String> {
    let mut run = Run::new(seed);
    let outcome = (0..steps).try_for_each(|_| run.step()).and_then(|()| run.rest());
    outcome.map_err(|broken| format!("seed {seed}: {broken}\n{}", run.world.story()))
}

fn trace(seed: u64) -> Vec<Vec<Dot>> {
    let mut run = Run::new(seed);
    for _ in 0..80 {
        run.step().unwrap();
    }
    run.world.nodes.iter().map(|node| node.replica.live().into_values().flatten().collect()).collect()
}

/// How many seeds a test tries.
fn seeds(usually: u64) -> u64 {
    std::env::var("ENTROPY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usually)
}

#[test]
fn replicas_become_equal_and_promises_are_kept() {
    for seed in 0..seeds(40) {
        run(seed, 120).unwrap_or_else(|broken| panic!("{broken}"));
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(trace(5), trace(5));
}

#[test]
fn every_mistake_of_anti_entropy_is_caught() {
    // It takes states that a run comes across too rarely: `rounds.rs` has them.
    let is_rare = |mutation: &&Mutation| **mutation == Mutation::ContextTakenForState;
    for mutation in Mutation::OF_ANTI_ENTROPY.iter().filter(|mutation| !is_rare(mutation)) {
        turn_on(Some(*mutation));
        let is_caught = (0..seeds(2_000)).any(|seed| run(seed, 120).is_err());
        turn_on(None);
        assert!(is_caught, "{mutation:?} is not caught");
    }
}
