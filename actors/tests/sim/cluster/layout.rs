//! Which nodes hold which shard, while one layout version takes over from another: writes go by both of them, reads by the
//! older one until the replicas that come new have everything.

use super::world::Cluster;
use crate::keyspace::SHARDS;
use crate::random::Random;
use std::collections::BTreeSet;
use troupe_actors::antientropy::{EntropyView, Held, ShardView};
use troupe_actors::shard::{ReplicaSet, WritePlan};

pub(crate) struct Layout {
    nodes: usize,
    pub(super) replication: usize,
    /// The versions that are live.
    pub(super) oldest: usize,
    pub(super) newest: usize,
    /// The one that is read.
    pub(super) reading: usize,
    /// The newest one of which no write uses only older ones.
    acked: usize,
}

impl Layout {
    pub(super) fn new(nodes: usize, random: &mut Random) -> Layout {
        let replication = if random.percent(10) { random.between(1, 2) as usize } else { 3 };
        Layout { nodes, replication, oldest: 0, newest: 0, reading: 0, acked: 0 }
    }

    pub(super) fn set(&self, shard: usize, version: usize) -> Vec<usize> {
        let replication = self.replication.min(self.nodes);
        (0..replication).map(|replica| (shard + version + replica) % self.nodes).collect()
    }

    /// The replicas of a shard in each live version, oldest first, and the version.
    pub(super) fn sets(&self, shard: usize) -> Vec<(usize, Vec<usize>)> {
        (self.oldest..=self.newest).map(|version| (version, self.set(shard, version))).collect()
    }

    /// Where a shard is read.
    pub(super) fn readers(&self, shard: usize) -> Vec<usize> {
        self.set(shard, self.reading)
    }

    /// Who coordinates the writes of a shard.
    pub(super) fn writers(&self, shard: usize) -> Vec<usize> {
        self.set(shard, self.newest)
    }

    /// Everybody who holds a shard.
    pub(super) fn replicas(&self, shard: usize) -> Vec<usize> {
        let all: BTreeSet<usize> = self.sets(shard).into_iter().flat_map(|(_, nodes)| nodes).collect();
        all.into_iter().collect()
    }

    pub(super) fn is_changing(&self) -> bool {
        self.oldest < self.newest
    }
}

/// How everybody but the simulator names a version.
fn number(version: usize) -> u64 {
    version as u64 + 1
}

impl Cluster {
    pub(super) fn plan_of(&self, shard: usize) -> WritePlan {
        let set = |(_, nodes): (usize, Vec<usize>)| {
            let quorum = nodes.len() / 2 + 1;
            ReplicaSet { nodes: nodes.into_iter().map(|node| self.node_id(node)).collect(), quorum }
        };
        WritePlan {
            version: number(self.layout.newest),
            sets: self.layout.sets(shard).into_iter().map(set).collect(),
        }
    }

    /// What anti-entropy of a node is told of the layout.
    pub(super) fn entropy_view(&self, node: usize) -> EntropyView {
        let held = (0..SHARDS.len()).filter(|shard| self.layout.replicas(*shard).contains(&node));
        let ids = |(version, nodes): (usize, Vec<usize>)| {
            (number(version), nodes.into_iter().map(|node| self.node_id(node)).collect())
        };
        let view = |shard: usize| ShardView { sets: self.layout.sets(shard).into_iter().map(ids).collect() };
        EntropyView {
            shards: held.map(|shard| (SHARDS[shard], view(shard))).collect(),
            acked: number(self.layout.acked),
        }
    }

    /// A version is applied in which every shard moves on by one node.
    pub(super) fn layout_changes(&mut self) {
        self.layout_goes_on();
        let is_whole = self.machines.iter().all(|machine| !machine.has_lost_memory);
        if !self.layout.is_changing() && is_whole && !self.is_settling() {
            self.layout.newest += 1;
            self.note("layout version {} is live", &[self.layout.newest as u64]);
        }
    }

    /// What follows from what everybody has done: reads move up once all replicas of the newest version have everything, and
    /// the older one retires once nobody reads by it any more.
    pub(super) fn layout_goes_on(&mut self) {
        if !self.layout.is_changing() {
            return;
        }
        if self.all_have_moved() {
            self.layout.acked = self.layout.newest;
        }
        if self.layout.reading < self.layout.newest && self.is_synced() {
            self.layout.reading = self.layout.newest;
            self.note("layout version {} is read", &[self.layout.newest as u64]);
        }
        if self.layout.reading == self.layout.newest && self.no_older_reads() {
            self.layout.oldest = self.layout.newest;
            self.note("only layout version {} is live", &[self.layout.newest as u64]);
        }
    }

    /// Nodes that do not have everything yet of a shard that the newest version gives them.
    pub(super) fn gaining(&self) -> Vec<(usize, usize)> {
        let newest = number(self.layout.newest);
        let is_complete = |node: usize, shard: usize| {
            let process = self.machines[node].process.as_ref();
            let held = process.map(|process| process.entropy.core.held(SHARDS[shard]));
            held.is_some_and(|held| matches!(held, Held::Live(since) if since >= newest))
        };
        let replicas = (0..SHARDS.len())
            .flat_map(|shard| self.layout.writers(shard).into_iter().map(move |node| (node, shard)));
        replicas.filter(|(node, shard)| !is_complete(*node, *shard)).collect()
    }

    fn is_synced(&self) -> bool {
        self.layout.acked == self.layout.newest && self.gaining().is_empty()
    }

    /// Whether no write that is under way goes by older versions alone.
    fn all_have_moved(&self) -> bool {
        let mut processes = self.machines.iter().filter_map(|machine| machine.process.as_ref());
        processes.all(|process| process.writing.values().all(|writing| writing.version == self.layout.newest))
    }

    fn no_older_reads(&self) -> bool {
        let reading = self.layout.reading;
        let mut processes = self.machines.iter().filter_map(|machine| machine.process.as_ref());
        processes.all(|process| {
            process.reads.values().all(|read| read.version == reading)
                && process.ranges.values().all(|range| range.version == reading)
        })
    }
}
