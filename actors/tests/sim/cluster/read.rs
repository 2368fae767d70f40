//! Reads of one item at a quorum of its replicas.

use super::client::Reply;
use super::frame::{Answer, Ask, Then};
use super::invariants::{held, readable};
use super::machine::Inside;
use super::shards::Origin;
use super::world::Cluster;
use crate::invariants::{Violation, tokens};
use crate::keyspace::{ItemIndex, PARTITIONS};
use crate::node::stored_item;
use crate::oracle::{History, Writes};
use crate::token::Token;
use crate::world::RequestNumber;
use troupe_actors::causality::{Context, Item};
use troupe_actors::ids::NodeId;
use troupe_actors::replication::item_state::ReplicaItem;
use troupe_actors::replication::read::{Effect, Event, ItemRead};
use troupe_actors::shard::{ItemState, States};

/// A read of a client.
pub(crate) struct Reading {
    pub(super) client: usize,
    at: ItemIndex,
    /// What clients had been promised when it began.
    promised: Writes,
    core: ItemRead,
    /// What the replicas know that showed their states.
    known: History,
    /// Replicas whose repair the answer waits for.
    repairs: usize,
    /// Those of them that have merged it.
    repaired: usize,
}

/// What is looked at in the own store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    State,
    Hash,
}

impl Cluster {
    pub(super) fn read_begins(
        &mut self,
        node: usize,
        client: usize,
        request: RequestNumber,
        at: ItemIndex,
    ) -> Result<(), Violation> {
        let readers = self.layout.readers(at.shard());
        let quorum = readers.len() / 2 + 1;
        let candidates = self.reachable(node, readers);
        let (core, effects) = ItemRead::start(candidates, quorum);
        let (promised, known) = (self.promises.of(at), History::default());
        if let Some(process) = &mut self.machines[node].process {
            process
                .reads
                .insert(request, Reading { client, at, promised, core, known, repairs: 0, repaired: 0 });
        }
        self.read_does(node, request, effects)
    }

    /// What a replica shows of an item; `None` if it may not vote.
    pub(super) fn show(
        &self,
        node: usize,
        at: ItemIndex,
    ) -> Result<Option<(ReplicaItem, History)>, Violation> {
        let machine = &self.machines[node];
        let Some(process) = &machine.process else { return Ok(None) };
        let core = &process.shards[at.shard()];
        if !core.may_vote() {
            return Ok(None);
        }
        held::check(&self.oracle, &machine.disk, at)?;
        let clock = core.clock().shown();
        let item = stored_item(&machine.disk, at.key()).unwrap_or_default();
        Ok(Some((ReplicaItem { item, clock }, *machine.disk.held.of(at))))
    }

    pub(super) fn look_here(
        &mut self,
        node: usize,
        request: RequestNumber,
        part: Part,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_ref();
        let Some(reading) = process.and_then(|process| process.reads.get(&request)) else { return Ok(()) };
        let shown = self.show(node, reading.at)?;
        let answer = match part {
            Part::State => Answer::State(shown.map(Box::new)),
            Part::Hash => Answer::Hash(shown.map(|(shown, _)| shown.item.state_hash())),
        };
        self.read_hears(node, request, node, Some(answer))
    }

    /// A replica showed something to a read, or does not.
    pub(super) fn read_hears(
        &mut self,
        node: usize,
        request: RequestNumber,
        replica: usize,
        answer: Option<Answer>,
    ) -> Result<(), Violation> {
        let id = self.node_id(replica);
        let (event, known) = match answer {
            Some(Answer::State(Some(shown))) => (Event::State(id, shown.0), shown.1),
            Some(Answer::Hash(Some(hash))) => (Event::Hash(id, hash), History::default()),
            _ => (Event::Failed(id), History::default()),
        };
        let process = self.machines[node].process.as_mut();
        if let Some(reading) = process.and_then(|process| process.reads.get_mut(&request)) {
            reading.known.join(&known);
        }
        self.read_steps(node, request, event)
    }

    pub(super) fn read_steps(
        &mut self,
        node: usize,
        request: RequestNumber,
        event: Event,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(reading) = process.and_then(|process| process.reads.get_mut(&request)) else {
            return Ok(());
        };
        let effects = reading.core.step(event);
        self.read_does(node, request, effects)
    }

    fn read_does(
        &mut self,
        node: usize,
        request: RequestNumber,
        effects: Vec<Effect>,
    ) -> Result<(), Violation> {
        for effect in effects {
            match effect {
                Effect::AskState(replica) => self.read_asks(node, request, replica, Part::State)?,
                Effect::AskHash(replica) => self.read_asks(node, request, replica, Part::Hash)?,
                Effect::Hedge => {
                    let delay_us = self.random.between(200, 50_000);
                    self.inside(node, delay_us, Inside::Late { request });
                }
                Effect::Repair(replicas, item) => {
                    let process = self.machines[node].process.as_mut();
                    if let Some(reading) = process.and_then(|process| process.reads.get_mut(&request)) {
                        reading.repairs = replicas.len();
                    }
                    self.repair(node, request, &replicas, &item)?;
                }
                Effect::RepairLater(replicas, item) => self.repair(node, request, &replicas, &item)?,
                Effect::Answer(item) => self.read_ends(node, request, &item)?,
                Effect::Unavailable => self.read_fails(node, request),
            }
        }
        Ok(())
    }

    fn read_asks(
        &mut self,
        node: usize,
        request: RequestNumber,
        replica: NodeId,
        part: Part,
    ) -> Result<(), Violation> {
        let to = self.node_of(replica);
        let process = self.machines[node].process.as_ref();
        let Some(at) = process.and_then(|process| process.reads.get(&request)).map(|reading| reading.at)
        else {
            return Ok(());
        };
        if to == node {
            let delay_us = self.hop_us();
            self.inside(node, delay_us, Inside::Look { request, part });
            return Ok(());
        }
        if !self.is_linked(node, to) {
            return self.read_steps(node, request, Event::Failed(replica));
        }
        let ask = match part {
            Part::State => Ask::State(at),
            Part::Hash => Ask::Hash(at),
        };
        self.call(node, to, ask, Then::Read { request });
        Ok(())
    }

    /// Replicas that are behind merge what a read has found.
    fn repair(
        &mut self,
        node: usize,
        request: RequestNumber,
        replicas: &[NodeId],
        item: &Item<'static>,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_ref();
        let Some(reading) = process.and_then(|process| process.reads.get(&request)) else { return Ok(()) };
        let (at, known) = (reading.at, vec![(reading.at, reading.known)]);
        let partition = PARTITIONS[at.partition()].clone();
        let state = ItemState::new(partition, at.key().sort_key.clone(), item.encode().into());
        let states = States { clock: Context::empty(), items: state.into_iter().collect() };
        for replica in replicas {
            let to = self.node_of(*replica);
            if to == node {
                self.merge(node, at.shard(), Origin::Repair(request), &states, known.clone())?;
            } else {
                let ask = Ask::Merge { shard: at.shard(), states: states.clone(), known: known.clone() };
                self.call(node, to, ask, Then::Repaired { request });
            }
        }
        Ok(())
    }

    /// A replica merged what a read had found, or did not.
    pub(super) fn repaired(
        &mut self,
        node: usize,
        request: RequestNumber,
        is_durable: bool,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(reading) = process.and_then(|process| process.reads.get_mut(&request)) else {
            return Ok(());
        };
        reading.repaired += usize::from(is_durable);
        reading.repairs = reading.repairs.saturating_sub(1);
        let repaired = reading.repaired;
        if reading.repairs > 0 {
            return Ok(());
        }
        self.read_steps(node, request, Event::Repaired(repaired))
    }

    fn read_ends(
        &mut self,
        node: usize,
        request: RequestNumber,
        item: &Item<'static>,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(reading) = process.and_then(|process| process.reads.remove(&request)) else { return Ok(()) };
        let Reading { client, at, promised, known, .. } = reading;
        let live = readable::shown(&self.oracle, at, item)?;
        self.note(
            "node {}: item {} is read: {} values",
            &[node as u64, at.0 as u64, item.sibling_count() as u64],
        );
        self.trace.explain(|| format!("{live:?}"));
        readable::check(&self.oracle, at, &promised, &live)?;
        self.promises.keep_all(at, &live);
        let token = Token::of(item, &self.oracle, &known.known);
        tokens::check(&self.oracle, at, &token, &known.known, &live)?;
        self.reply(client, request, Reply::Item(at, token));
        Ok(())
    }

    fn read_fails(&mut self, node: usize, request: RequestNumber) {
        let process = self.machines[node].process.as_mut();
        if let Some(reading) = process.and_then(|process| process.reads.remove(&request)) {
            self.reply(reading.client, request, Reply::Unavailable);
        }
    }
}
