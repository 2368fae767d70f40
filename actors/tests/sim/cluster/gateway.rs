//! The gateway of a node: it opens tokens, finds a coordinator for writes and a replica for reads, and answers clients.

use super::client::{Reply, Wish};
use super::frame::{Ask, Then};
use super::machine::Inside;
use super::world::{Cluster, Message};
use crate::invariants::{Violation, refused, tokens};
use crate::keyspace::SHARDS;
use crate::oracle::{Fate, WriteId};
use crate::token::SentToken;
use crate::world::RequestNumber;
use troupe_actors::causality::Context;
use troupe_actors::ids::NodeId;
use troupe_actors::replication::coordinator::{Coordination, Effect, Outcome};
use troupe_actors::transport::{NotSent, RequestError};

/// Writes of one shard that look for a replica to coordinate them.
pub(crate) struct Coordinating {
    writes: Vec<(WriteId, Context)>,
    core: Coordination,
}

/// What a client waits for.
pub(crate) struct Request {
    pub(super) client: usize,
    /// Parts that are not answered.
    parts: usize,
}

impl Cluster {
    /// A client's request reaches a node, or finds none.
    pub(super) fn request(
        &mut self,
        node: usize,
        client: usize,
        request: RequestNumber,
        wish: Wish,
    ) -> Result<(), Violation> {
        if self.machines[node].process.is_none() {
            if let Wish::Write(writes) = wish {
                writes.iter().for_each(|(id, _)| self.oracle.told(*id, Fate::Refused));
            }
            self.reply(client, request, Reply::NotServed);
            return Ok(());
        }
        match wish {
            Wish::Write(writes) => match self.open_tokens(&writes)? {
                Some(writes) => self.write(node, client, request, writes),
                None => {
                    writes.iter().for_each(|(id, _)| self.oracle.told(*id, Fate::Refused));
                    self.reply(client, request, Reply::Written);
                    Ok(())
                }
            },
            Wish::Range(of) => self.range_begins(node, client, request, of),
            Wish::Read(at) => self.read_begins(node, client, request, at),
        }
    }

    pub(super) fn reply(&mut self, client: usize, request: RequestNumber, reply: Reply) {
        let delay_us = self.hop_us();
        self.scheduler.send(delay_us, Message::Reply(client, request, reply));
    }

    /// The context of each write; `None` if a token is refused, and all writes with it.
    fn open_tokens(
        &self,
        writes: &[(WriteId, Option<SentToken>)],
    ) -> Result<Option<Vec<(WriteId, Context)>>, Violation> {
        let mut opened = Vec::new();
        for (id, token) in writes {
            let item = self.oracle.tried(*id).item;
            let context = match token {
                Some(token) => {
                    let context = token.open(item);
                    tokens::check_bound(item, token.issued_for(), context.is_some())?;
                    context
                }
                None => Some(Context::empty()),
            };
            opened.push(context.map(|context| (*id, context)));
        }
        Ok(opened.into_iter().collect())
    }

    fn write(
        &mut self,
        node: usize,
        client: usize,
        request: RequestNumber,
        writes: Vec<(WriteId, Context)>,
    ) -> Result<(), Violation> {
        let mut groups: Vec<Vec<(WriteId, Context)>> = SHARDS.iter().map(|_| Vec::new()).collect();
        for (id, context) in writes {
            groups[self.oracle.tried(id).item.shard()].push((id, context));
        }
        let parts = groups.iter().filter(|group| !group.is_empty()).count();
        if let Some(process) = &mut self.machines[node].process {
            process.requests.insert(request, Request { client, parts });
        }
        for (shard, group) in groups.into_iter().enumerate().filter(|(_, group)| !group.is_empty()) {
            self.find_coordinator(node, request, shard, group)?;
        }
        Ok(())
    }

    /// The replicas that a node can ask, itself first.
    pub(super) fn reachable(&mut self, node: usize, mut others: Vec<usize>) -> Vec<NodeId> {
        let is_own = others.contains(&node);
        others.retain(|other| *other != node && self.is_linked(node, *other));
        let mut ids: Vec<NodeId> = is_own.then(|| self.node_id(node)).into_iter().collect();
        while !others.is_empty() {
            let next = others.swap_remove(self.random.below(others.len()));
            ids.push(self.node_id(next));
        }
        ids
    }

    fn find_coordinator(
        &mut self,
        node: usize,
        request: RequestNumber,
        shard: usize,
        writes: Vec<(WriteId, Context)>,
    ) -> Result<(), Violation> {
        let candidates = self.reachable(node, self.layout.writers(shard));
        let (core, effect) = Coordination::start(candidates);
        if let Some(process) = &mut self.machines[node].process {
            process.coordinating.insert((request, shard), Coordinating { writes, core });
        }
        self.coordination_steps(node, request, shard, effect)
    }

    pub(super) fn coordination_goes_on(
        &mut self,
        node: usize,
        request: RequestNumber,
        shard: usize,
        outcome: Outcome,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let open = process.and_then(|process| process.coordinating.get_mut(&(request, shard)));
        let Some(open) = open else { return Ok(()) };
        let effect = open.core.step(outcome);
        self.coordination_steps(node, request, shard, effect)
    }

    fn coordination_steps(
        &mut self,
        node: usize,
        request: RequestNumber,
        shard: usize,
        effect: Effect,
    ) -> Result<(), Violation> {
        let own = self.node_id(node);
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let Some(open) = process.coordinating.get(&(request, shard)) else { return Ok(()) };
        let writes = open.writes.clone();
        match effect {
            Effect::Ask(replica) if replica == own => {
                let delay_us = self.hop_us();
                self.inside(node, delay_us, Inside::Coordinate { shard, request, writes });
                Ok(())
            }
            Effect::Ask(replica) => {
                let to = self.node_of(replica);
                if !self.is_linked(node, to) {
                    let outcome = Outcome::NoAnswer(RequestError::NotSent(NotSent::NoLink));
                    return self.coordination_goes_on(node, request, shard, outcome);
                }
                let then = Then::Coordinated { request, shard };
                self.call(node, to, Ask::Coordinate { shard, writes }, then);
                Ok(())
            }
            Effect::Answer(outcome) => {
                process.coordinating.remove(&(request, shard));
                let ids: Vec<WriteId> = writes.iter().map(|(id, _)| *id).collect();
                let fate = match outcome {
                    Ok(()) => Fate::Acknowledged,
                    Err(error) if error.is_certainly_not_stored() => Fate::Refused,
                    Err(_) => Fate::Open,
                };
                self.part_is_answered(node, request, &ids, fate)
            }
        }
    }

    /// Whether a node has a link to another one, as far as it knows.
    pub(super) fn is_linked(&self, node: usize, other: usize) -> bool {
        let is_cut = self.network.is_cut(node, other) || self.network.is_cut(other, node);
        self.machines[other].process.is_some() && !is_cut
    }

    fn part_is_answered(
        &mut self,
        node: usize,
        request: RequestNumber,
        ids: &[WriteId],
        fate: Fate,
    ) -> Result<(), Violation> {
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let Some(open) = process.requests.get_mut(&request) else { return Ok(()) };
        open.parts -= 1;
        let (client, is_over) = (open.client, open.parts == 0);
        if is_over {
            process.requests.remove(&request);
        }
        self.note(
            "node {}, request {}: a part is {?unknown|acknowledged|refused}",
            &[node as u64, request.0, fate as u64],
        );
        for id in ids {
            if fate == Fate::Refused {
                refused::check_answer(&self.oracle, *id)?;
            }
            self.oracle.told(*id, fate);
            if fate == Fate::Acknowledged {
                self.promises.keep(self.oracle.tried(*id).item, *id);
            }
        }
        if is_over {
            self.reply(client, request, Reply::Written);
        }
        Ok(())
    }

    /// The clients of a node that died hear nothing more.
    pub(super) fn lose_connections(&mut self, node: usize) {
        let Some(process) = &mut self.machines[node].process else { return };
        let writes = std::mem::take(&mut process.requests).into_iter();
        let mut lost: Vec<_> = writes.map(|(request, open)| (open.client, request)).collect();
        let reads = std::mem::take(&mut process.reads).into_iter();
        lost.extend(reads.map(|(request, reading)| (reading.client, request)));
        let ranges = std::mem::take(&mut process.ranges).into_iter();
        lost.extend(ranges.map(|(request, ranging)| (ranging.client, request)));
        for (client, request) in lost {
            self.reply(client, request, Reply::ConnectionLost);
        }
    }
}
