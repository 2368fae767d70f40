//! Rounds of anti-entropy: two replicas of a shard show each other what they hold, and merge what differs.

use super::frame::{Answer, Ask, CallNumber, Then};
use super::shards::Origin;
use super::world::{Cluster, Message};
use crate::invariants::Violation;
use crate::keyspace::{ItemIndex, PARTITIONS, SHARDS};
use crate::node::stored_item;
use crate::oracle::History;
use crate::shape::Part;
use std::collections::BTreeSet;
use troupe_actors::ids::NodeId;
use troupe_actors::shard::{Event, ItemState, Moment, PeerSide, RoundEnd, States};

/// Everything that a replica holds of a shard, and how it stood when it was looked at.
#[derive(Clone)]
pub(crate) struct Side {
    pub(super) peer: PeerSide,
    pub(super) states: States,
    pub(super) known: Vec<(ItemIndex, History)>,
}

/// How it stood at one of the replicas when a round began.
#[derive(Clone, Copy)]
pub(crate) struct Began {
    moment: Moment,
    /// No write was under way that went by older layout versions alone.
    is_after_acks: bool,
}

/// A round, at one of its replicas: what the other one showed is on its way to the disk.
pub(crate) struct Round {
    began: Began,
    with: PeerSide,
    /// What the other replica knew when it began.
    known: Vec<(ItemIndex, History)>,
}

impl Cluster {
    /// Some replica compares a shard with another one, in a while.
    pub(super) fn plan_round(&mut self) {
        if self.random.percent(self.habits.round_percent()) && self.shape.has(Part::Rounds) {
            let delay_us = self.random.between(1, 100_000);
            self.scheduler.send(delay_us, Message::Round);
        }
    }

    pub(super) fn any_round(&mut self) {
        let shard = self.random.below(SHARDS.len());
        let replicas = self.layout.replicas(shard);
        let (node, peer) = (*self.random.pick(&replicas), *self.random.pick(&replicas));
        if node != peer && self.machines[node].process.is_some() && self.is_linked(node, peer) {
            self.round_begins(node, peer, shard);
        }
    }

    pub(super) fn round_begins(&mut self, node: usize, peer: usize, shard: usize) {
        let Some(process) = &self.machines[node].process else { return };
        let began = process.shards[shard].clock().moment();
        let Some(side) = self.side(node, shard) else { return };
        let began = Began { moment: began, is_after_acks: self.all_have_moved() };
        self.note("node {} compares shard {} with node {}", &[node as u64, shard as u64, peer as u64]);
        self.call(node, peer, Ask::Compare { shard, side: Box::new(side) }, Then::Compared { shard, began });
    }

    /// What a replica holds at this moment, and says of itself.
    fn side(&self, node: usize, shard: usize) -> Option<Side> {
        let machine = &self.machines[node];
        let core = &machine.process.as_ref()?.shards[shard];
        let clock = core.clock();
        let peer = PeerSide {
            peer: machine.id,
            actor: clock.actor(),
            committed: clock.committed(),
            is_complete: core.may_vote(),
        };
        let items: Vec<ItemIndex> = ItemIndex::all().filter(|at| at.shard() == shard).collect();
        let state = |at: &ItemIndex| {
            let item = stored_item(&machine.disk, at.key()).unwrap_or_default();
            let partition = PARTITIONS[at.partition()].clone();
            ItemState::new(partition, at.key().sort_key.clone(), item.encode().into())
        };
        let states = States { clock: clock.shown(), items: items.iter().filter_map(state).collect() };
        let known = items.into_iter().map(|at| (at, *machine.disk.held.of(at))).collect();
        Some(Side { peer, states, known })
    }

    /// Another replica shows what it holds.
    pub(super) fn asked_to_compare(
        &mut self,
        node: usize,
        from: usize,
        call: CallNumber,
        shard: usize,
        theirs: Side,
    ) -> Result<(), Violation> {
        let Some(process) = &self.machines[node].process else { return Ok(()) };
        let moment = process.shards[shard].clock().moment();
        let began = Began { moment, is_after_acks: self.all_have_moved() };
        if let Some(own) = self.side(node, shard) {
            self.answer_call(node, from, call, Answer::Compared(Box::new(own)));
        }
        self.take_side(node, shard, began, theirs)
    }

    /// Merges what another replica showed.
    pub(super) fn take_side(
        &mut self,
        node: usize,
        shard: usize,
        began: Began,
        theirs: Side,
    ) -> Result<(), Violation> {
        let Side { peer, mut states, known } = theirs;
        let disk = &self.machines[node].disk;
        let own_hash = |key| stored_item(disk, &key).unwrap_or_default().state_hash();
        states.items.retain(|state| own_hash(state.key()) != state.item().state_hash());
        let differs = |at: ItemIndex| states.items.iter().any(|state| state.key() == *at.key());
        let differing = known.iter().copied().filter(|(at, _)| differs(*at)).collect();
        self.rounds_made += 1;
        let round = self.rounds_made;
        if let Some(process) = &mut self.machines[node].process {
            process.rounds.insert(round, Round { began, with: peer, known });
        }
        self.merge(node, shard, Origin::Round(round), &states, differing)
    }

    /// What the other replica showed is stored here.
    pub(super) fn round_is_stored(&mut self, node: usize, shard: usize, round: u64) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(round) = process.and_then(|process| process.rounds.remove(&round)) else { return Ok(()) };
        // Of items that were equal, the clock is going to say what the other replica knows to be dead.
        for (at, known) in &round.known {
            self.machines[node].disk.held.join(*at, known);
        }
        self.note("node {}, shard {}: what a round brought is stored", &[node as u64, shard as u64]);
        let others = self.layout.replicas(shard).into_iter().filter(|replica| *replica != node);
        let others: BTreeSet<NodeId> = others.map(|replica| self.node_id(replica)).collect();
        let Began { moment, is_after_acks } = round.began;
        let end = RoundEnd { began: moment, side: round.with, others, is_after_acks };
        self.shard_steps(node, shard, Event::RoundStored(end), Vec::new())?;
        let process = self.machines[node].process.as_ref();
        if process.is_some_and(|process| process.shards[shard].has_row_to_store()) {
            self.shard_steps(node, shard, Event::StoreRow, Vec::new())?;
        }
        self.remembers(node);
        let process = self.machines[node].process.as_ref();
        if process.is_some_and(|process| process.shards[shard].may_vote()) {
            self.layout.gaining.remove(&(node, shard));
        }
        Ok(())
    }
}
