//! Which nodes hold which shard, while one layout version takes over from another: writes go by both of them, reads by the
//! older one until the replicas that come new have everything.

use super::world::Cluster;
use crate::invariants::Violation;
use crate::keyspace::SHARDS;
use crate::random::Random;
use std::collections::BTreeSet;
use troupe_actors::shard::{Event, ReplicaSet, WritePlan};
use troupe_actors::store::ShardState;

pub(crate) struct Layout {
    nodes: usize,
    pub(super) replication: usize,
    /// The versions that are live.
    oldest: usize,
    pub(super) newest: usize,
    /// Nodes that do not have everything yet of a shard that they gained.
    pub(super) gaining: BTreeSet<(usize, usize)>,
}

impl Layout {
    pub(super) fn new(nodes: usize, random: &mut Random) -> Layout {
        let replication = if random.percent(10) { random.between(1, 2) as usize } else { 3 };
        Layout { nodes, replication, oldest: 0, newest: 0, gaining: BTreeSet::new() }
    }

    fn set(&self, shard: usize, version: usize) -> Vec<usize> {
        let replication = self.replication.min(self.nodes);
        (0..replication).map(|replica| (shard + version + replica) % self.nodes).collect()
    }

    /// The replicas of a shard in each live version, oldest first.
    pub(super) fn sets(&self, shard: usize) -> Vec<Vec<usize>> {
        (self.oldest..=self.newest).map(|version| self.set(shard, version)).collect()
    }

    /// Where a shard is read.
    pub(super) fn readers(&self, shard: usize) -> Vec<usize> {
        self.set(shard, self.oldest)
    }

    /// Who coordinates the writes of a shard.
    pub(super) fn writers(&self, shard: usize) -> Vec<usize> {
        self.set(shard, self.newest)
    }

    /// Everybody who holds a shard.
    pub(super) fn replicas(&self, shard: usize) -> Vec<usize> {
        let all: BTreeSet<usize> = self.sets(shard).into_iter().flatten().collect();
        all.into_iter().collect()
    }

    pub(super) fn is_changing(&self) -> bool {
        self.oldest < self.newest
    }
}

impl Cluster {
    pub(super) fn plan_of(&self, shard: usize) -> WritePlan {
        let set = |nodes: Vec<usize>| {
            let quorum = nodes.len() / 2 + 1;
            ReplicaSet { nodes: nodes.into_iter().map(|node| self.node_id(node)).collect(), quorum }
        };
        let version = self.layout.newest as u64 + 1;
        WritePlan { version, sets: self.layout.sets(shard).into_iter().map(set).collect() }
    }

    /// A version is applied in which every shard moves on by one node; or one that everybody has followed retires.
    pub(super) fn layout_changes(&mut self) -> Result<(), Violation> {
        let is_whole = self.machines.iter().all(|machine| !machine.has_lost_memory);
        if self.layout.is_changing() {
            return self.retire_if_synced();
        }
        let has_been_elsewhere = self.layout.newest + self.layout.replication >= self.layout.nodes;
        if !is_whole || has_been_elsewhere || self.is_settling() {
            return Ok(());
        }
        self.layout.newest += 1;
        self.note("layout version {} is live", &[self.layout.newest as u64]);
        for shard in 0..SHARDS.len() {
            let readers = self.layout.readers(shard);
            for node in self.layout.writers(shard).into_iter().filter(|node| !readers.contains(node)) {
                self.layout.gaining.insert((node, shard));
                self.gains(node, shard)?;
            }
        }
        Ok(())
    }

    /// A node learns, or is reminded, that it does not have everything of a shard.
    pub(super) fn gains(&mut self, node: usize, shard: usize) -> Result<(), Violation> {
        self.shard_steps(node, shard, Event::Standing(ShardState::Receiving), Vec::new())?;
        self.shard_steps(node, shard, Event::StoreRow, Vec::new())
    }

    /// Reads move up once all who came new have everything.
    pub(super) fn retire_if_synced(&mut self) -> Result<(), Violation> {
        let is_whole = self.machines.iter().all(|machine| !machine.has_lost_memory);
        if self.layout.is_changing() && self.layout.gaining.is_empty() && is_whole && self.all_have_moved() {
            self.layout.oldest = self.layout.newest;
            self.note("only layout version {} is live", &[self.layout.newest as u64]);
        }
        Ok(())
    }

    /// Whether no write that is under way goes by older versions alone.
    pub(super) fn all_have_moved(&self) -> bool {
        let mut processes = self.machines.iter().filter_map(|machine| machine.process.as_ref());
        processes.all(|process| process.writing.values().all(|writing| writing.version == self.layout.newest))
    }
}
