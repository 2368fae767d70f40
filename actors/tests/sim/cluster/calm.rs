//! How a run ends: everything is up and linked, and what was promised can be read through every node.

use super::client::Wish;
use super::invariants::{context, converged, held, readable};
use super::world::Cluster;
use crate::invariants::{Violation, rest};
use crate::keyspace::{ItemIndex, PARTITION_COUNT, SHARDS};
use crate::oracle::{WriteId, Writes};

/// Rounds of each pair of replicas after which they know everything of each other: one to become equal, two more to see that
/// an actor has ended and to close it, and one for what those had to wait for.
const CALM_ROUNDS: usize = 6;

impl Cluster {
    pub(super) fn calm(&mut self) -> Result<(), Violation> {
        for node in 0..self.machines.len() {
            self.start(node)?;
            self.check_replica(node)?;
        }
        self.compare_everything()?;
        converged::check_gained(&self.layout.gaining)?;
        self.retire_if_synced()?;
        self.check_equal()?;
        self.read_everything()?;
        let last = self.write_once_more()?;
        rest::check_taken(&self.oracle, &last)?;
        self.read_everything()
    }

    /// What a node holds is what the oracle says it holds.
    pub(super) fn check_replica(&self, node: usize) -> Result<(), Violation> {
        let disk = &self.machines[node].disk;
        for at in ItemIndex::all() {
            held::check(&self.oracle, disk, at)?;
            context::check(self, node, at)?;
        }
        held::check_index(&self.oracle, disk)
    }

    /// Rounds between all replicas, until nothing can be left to learn.
    fn compare_everything(&mut self) -> Result<(), Violation> {
        for _ in 0..CALM_ROUNDS {
            for shard in 0..SHARDS.len() {
                let replicas = self.layout.replicas(shard);
                for (number, node) in replicas.iter().enumerate() {
                    for peer in &replicas[number + 1..] {
                        self.round_begins(*node, *peer, shard);
                        self.come_to_rest()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whatever was compared is equal, and nobody remembers more than it has to.
    fn check_equal(&self) -> Result<(), Violation> {
        for shard in 0..SHARDS.len() {
            let replicas = self.layout.replicas(shard);
            for at in ItemIndex::all().filter(|at| at.shard() == shard) {
                converged::check(self, &replicas, at)?;
                for node in &replicas {
                    context::check_at_rest(self, *node, at)?;
                }
            }
        }
        Ok(())
    }

    /// Every item, each through another node.
    fn read_everything(&mut self) -> Result<(), Violation> {
        for at in ItemIndex::all() {
            let node = self.random.below(self.machines.len());
            self.asks(node, 0, Wish::Read(at))?;
            self.come_to_rest()?;
            readable::check_answered(self.clients[0].waits())?;
        }
        Ok(())
    }

    /// One more write to each shard, through any node.
    fn write_once_more(&mut self) -> Result<Vec<WriteId>, Violation> {
        let mut ids = Vec::new();
        for partition in [0, PARTITION_COUNT - 1] {
            let Some(item) = ItemIndex::all().find(|item| item.partition() == partition) else { continue };
            let token = self.clients[0].newest_token(item);
            let seen = token.as_ref().map_or(Writes::default(), |token| token.seen);
            let id = self.oracle.try_write(item, true, seen);
            let token = token.map(|token| crate::token::SentToken::new(item, &token));
            let node = self.random.below(self.machines.len());
            self.asks(node, 0, Wish::Write(vec![(id, token)]))?;
            self.come_to_rest()?;
            ids.push(id);
        }
        Ok(ids)
    }
}
