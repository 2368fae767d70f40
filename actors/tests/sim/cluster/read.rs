//! Reads of one item.

use super::client::Reply;
use super::frame::{Ask, Shown, Then};
use super::invariants::{held, readable};
use super::machine::Inside;
use super::world::Cluster;
use crate::invariants::{Violation, tokens};
use crate::keyspace::ItemIndex;
use crate::node::stored_item;
use crate::oracle::Writes;
use crate::token::Token;
use crate::world::RequestNumber;

/// A read of a client.
pub(crate) struct Reading {
    pub(super) client: usize,
    pub(super) at: ItemIndex,
    /// What clients had been promised when it began.
    pub(super) promised: Writes,
}

impl Cluster {
    pub(super) fn read_begins(&mut self, node: usize, request: RequestNumber, reading: Reading) {
        let at = reading.at;
        if let Some(process) = &mut self.machines[node].process {
            process.reads.insert(request, reading);
        }
        let replicas = self.replicas(at.shard());
        if replicas.contains(&node) {
            let delay_us = self.hop_us();
            return self.inside(node, delay_us, Inside::Look { request });
        }
        let up: Vec<usize> = replicas.into_iter().filter(|replica| self.is_linked(node, *replica)).collect();
        if up.is_empty() {
            return self.read_fails(node, request);
        }
        let to = *self.random.pick(&up);
        self.call(node, to, Ask::State(at), Then::Read { request });
    }

    /// What a replica shows of an item.
    pub(super) fn show(&self, node: usize, at: ItemIndex) -> Result<Shown, Violation> {
        let disk = &self.machines[node].disk;
        held::check(&self.oracle, disk, at)?;
        let item = stored_item(disk, at.key()).unwrap_or_default();
        Ok(Shown { item, history: *disk.held.of(at) })
    }

    pub(super) fn look_here(&mut self, node: usize, request: RequestNumber) -> Result<(), Violation> {
        let process = self.machines[node].process.as_ref();
        let Some(at) = process.and_then(|process| process.reads.get(&request)).map(|read| read.at) else {
            return Ok(());
        };
        let shown = self.show(node, at)?;
        self.read_ends(node, request, &shown)
    }

    pub(super) fn read_ends(
        &mut self,
        node: usize,
        request: RequestNumber,
        shown: &Shown,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(reading) = process.and_then(|process| process.reads.remove(&request)) else { return Ok(()) };
        let Reading { client, at, promised } = reading;
        let live = readable::shown(&self.oracle, at, &shown.item)?;
        self.note(
            "node {}: item {} is read: {} values",
            &[node as u64, at.0 as u64, shown.item.sibling_count() as u64],
        );
        self.trace.explain(|| format!("{live:?}"));
        readable::check(&self.oracle, at, &promised, &live)?;
        self.promises.keep_all(at, &live);
        let token = Token::of(&shown.item, &self.oracle, &shown.history.known);
        tokens::check(&self.oracle, at, &token, &shown.history.known, &live)?;
        self.reply(client, request, Reply::Item(at, token));
        Ok(())
    }

    pub(super) fn read_fails(&mut self, node: usize, request: RequestNumber) {
        let process = self.machines[node].process.as_mut();
        if let Some(reading) = process.and_then(|process| process.reads.remove(&request)) {
            self.reply(reading.client, request, Reply::Unavailable);
        }
    }
}
