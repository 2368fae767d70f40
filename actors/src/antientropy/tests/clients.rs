//! Clients of the tests' nodes, and what they were promised.
//!
//! * An acknowledged value that no write's token covered is in every later quorum read.
//! * One that an acknowledged write covered is in none.

use super::replica::{key, partitions};
use super::world::World;
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{ActorId, ItemKey, Partition};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// One write and what became of it.
pub(super) struct Written {
    item: usize,
    is_value: bool,
    acked: Option<u64>,
    acks: BTreeSet<usize>,
    /// Writes whose tokens covered it.
    covered_by: Vec<usize>,
    node: usize,
    actor: ActorId,
    plan: Vec<BTreeSet<usize>>,
    is_given_up: bool,
}

/// A read that has its first answer.
struct Reading {
    began: u64,
    item: usize,
    first: (usize, Item<'static>),
    second: usize,
}

/// What a read showed: the token and the writes.
struct Shown {
    item: usize,
    token: Context,
    writes: BTreeSet<usize>,
}

pub(super) struct Clients {
    items: Vec<(Partition, String)>,
    pub(super) writes: BTreeMap<usize, Written>,
    of_dot: BTreeMap<Dot, usize>,
    reads: Vec<Reading>,
    tick: u64,
}

impl Clients {
    pub(super) fn new(count: usize) -> Clients {
        let partitions = partitions(count.div_ceil(2));
        let item = |number: usize| (partitions[number / 2].clone(), format!("item {number}"));
        let items = (0..count).map(item).collect();
        Clients { items, writes: BTreeMap::new(), of_dot: BTreeMap::new(), reads: Vec::new(), tick: 0 }
    }

    fn key(&self, item: usize) -> ItemKey {
        let (partition, sort_key) = &self.items[item];
        key(partition, sort_key)
    }

    fn coordinators(world: &World) -> Vec<usize> {
        let newest = &world.versions.last().unwrap().1;
        newest.iter().copied().filter(|node| world.accepts(*node)).collect()
    }

    /// A write without a token, or one with the token of a read that just ended.
    pub(super) fn write(&mut self, world: &mut World) -> Result<(), String> {
        let coordinators = Clients::coordinators(world);
        if coordinators.is_empty() {
            return Ok(());
        }
        let node = coordinators[world.rng.random_range(0..coordinators.len())];
        if self.reads.is_empty() || world.chance(30) {
            let item = world.rng.random_range(0..self.items.len());
            let shown = Shown { item, token: Context::empty(), writes: BTreeSet::new() };
            self.write_at(world, node, &shown, true);
        } else if let Some(shown) = self.end_read(world)?
            && !shown.writes.is_empty()
        {
            let is_value = world.chance(55);
            self.write_at(world, node, &shown, is_value);
        }
        Ok(())
    }

    fn write_at(&mut self, world: &mut World, node: usize, shown: &Shown, is_value: bool) {
        self.tick += 1;
        let nodes = world.nodes.len();
        let number = self.writes.len() * nodes + node;
        let (partition, sort_key) = self.items[shown.item].clone();
        let value = if is_value { Value::Bytes(b"v".as_slice().into()) } else { Value::Tombstone };
        let (batch, dot, state) = world.nodes[node].replica.write(&partition, &sort_key, &shown.token, value);
        let what = if is_value { "value" } else { "tombstone" };
        let covers = &shown.writes;
        world.say(&format!("write {number} at node {node}: {what} {dot:?} of {sort_key} covers {covers:?}"));
        for covered in &shown.writes {
            self.writes.get_mut(covered).unwrap().covered_by.push(number);
        }
        self.of_dot.insert(dot, number);
        self.writes.insert(
            number,
            Written {
                item: shown.item,
                is_value,
                acked: None,
                acks: BTreeSet::new(),
                covered_by: Vec::new(),
                node,
                actor: dot.actor,
                plan: world.versions.iter().map(|(_, nodes)| nodes.clone()).collect(),
                is_given_up: false,
            },
        );
        world.ack_own(node, batch, number);
        world.send_write(node, number, &state);
    }

    /// Takes in the acks that arrived.
    pub(super) fn hear(&mut self, world: &mut World) {
        for (number, node, incarnation) in std::mem::take(&mut world.arrived) {
            self.tick += 1;
            let Some(write) = self.writes.get_mut(&number) else { continue };
            if world.nodes[node].incarnation != incarnation {
                continue;
            }
            write.acks.insert(node);
            let is_same = world.nodes[write.node].replica.actor() == write.actor;
            let is_durable = write.acks.contains(&write.node)
                && write.plan.iter().all(|set| write.acks.intersection(set).count() * 2 > set.len());
            if write.acked.is_none() && !write.is_given_up && is_same && is_durable {
                write.acked = Some(self.tick);
                world.say(&format!("write {number} acknowledged"));
            }
        }
    }

    /// The acks of a node that lost its memory are void.
    pub(super) fn void_acks(&mut self, node: usize) {
        for write in self.writes.values_mut().filter(|write| write.acked.is_none()) {
            write.acks.remove(&node);
        }
    }

    /// Whether every write that uses only versions older than `newest` is over.
    pub(super) fn all_use(&self, world: &World, newest: &BTreeSet<usize>) -> bool {
        self.writes.values().all(|write| {
            write.acked.is_some()
                || write.is_given_up
                || write.plan.last() == Some(newest)
                || world.nodes[write.node].replica.actor() != write.actor
        })
    }

    pub(super) fn give_up(&mut self, world: &mut World, share: u32, node: Option<usize>) {
        for write in self.writes.values_mut().filter(|write| write.acked.is_none()) {
            if node.is_none_or(|node| node == write.node) && world.chance(share) {
                write.is_given_up = true;
            }
        }
    }

    /// Asks the first of two replicas.
    pub(super) fn begin_read(&mut self, world: &mut World) {
        let oldest = &world.versions[0].1;
        let mut voters: Vec<usize> = oldest.iter().copied().filter(|node| world.counts(*node)).collect();
        if voters.len() < 2 {
            return;
        }
        self.tick += 1;
        let first = voters.swap_remove(world.rng.random_range(0..voters.len()));
        let second = voters[world.rng.random_range(0..voters.len())];
        let item = world.rng.random_range(0..self.items.len());
        let first = (first, self.filled(world, first, item));
        self.reads.push(Reading { began: self.tick, item, first, second });
    }

    fn filled(&self, world: &World, node: usize, item: usize) -> Item<'static> {
        let replica = &world.nodes[node].replica;
        let row = replica.disk.rows.get(&self.key(item));
        let mut state = row.map(|row| row.item.clone()).unwrap_or_default();
        state.fill(&replica.clock.shown());
        state
    }

    /// Asks the second replica, and holds what comes out against what was promised.
    fn end_read(&mut self, world: &mut World) -> Result<Option<Shown>, String> {
        let Reading { began, item, first, second } =
            self.reads.swap_remove(world.rng.random_range(0..self.reads.len()));
        if !world.counts(second) || !world.members().contains(&second) {
            return Ok(None);
        }
        self.tick += 1;
        let (node, mut state) = first;
        state.merge(&self.filled(world, second, item));
        let writes: BTreeSet<usize> = state.siblings().map(|(dot, _)| self.of_dot[&dot]).collect();
        self.check(item, began, &writes)
            .map_err(|broken| format!("a read of item {item} at {node} and {second}: {broken}"))?;
        Ok(Some(Shown { item, token: state.token_context(), writes }))
    }

    fn check(&self, item: usize, began: u64, shown: &BTreeSet<usize>) -> Result<(), String> {
        let is_before = |acked: Option<u64>| acked.is_some_and(|acked| acked < began);
        for (number, write) in self.writes.iter().filter(|(_, write)| write.item == item) {
            let is_shown = shown.contains(number);
            if write.is_value && is_before(write.acked) && write.covered_by.is_empty() && !is_shown {
                return Err(format!(
                    "write {number} was acknowledged, nobody covered it, and it is not there"
                ));
            }
            let is_dead = write.covered_by.iter().any(|by| is_before(self.writes[by].acked));
            if is_shown && is_dead {
                return Err(format!("write {number} was covered by an acknowledged write, and it is there"));
            }
        }
        Ok(())
    }

    /// What every replica must hold once all is calm.
    pub(super) fn check_rest(&self, world: &World) -> Result<(), String> {
        for item in 0..self.items.len() {
            for node in &world.versions[0].1 {
                let state = self.filled(world, *node, item);
                let writes = state.siblings().map(|(dot, _)| self.of_dot[&dot]).collect();
                self.check(item, u64::MAX, &writes)
                    .map_err(|broken| format!("node {node} at rest, item {item}: {broken}"))?;
            }
        }
        Ok(())
    }
}
