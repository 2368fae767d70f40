//! How a run ends: everything is up and linked, and what was promised can be read through every node.

use super::client::Wish;
use super::invariants::{held, readable};
use super::world::Cluster;
use crate::invariants::{Violation, rest};
use crate::keyspace::{ItemIndex, PARTITION_COUNT};
use crate::oracle::{WriteId, Writes};

impl Cluster {
    pub(super) fn calm(&mut self) -> Result<(), Violation> {
        for node in 0..self.machines.len() {
            self.start(node)?;
            self.check_replica(node)?;
        }
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
        }
        held::check_index(&self.oracle, disk)
    }

    /// Every item through every node.
    fn read_everything(&mut self) -> Result<(), Violation> {
        for at in ItemIndex::all() {
            for node in 0..self.machines.len() {
                self.asks(node, 0, Wish::Read(at))?;
                self.come_to_rest()?;
                readable::check_answered(self.clients[0].waits())?;
            }
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
