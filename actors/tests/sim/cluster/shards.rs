//! The shards of a node: what they are asked to write and to merge, and what they want done.

use super::frame::{Answer, Ask, CallNumber, Then};
use super::invariants::acknowledged;
use super::lane::{Change, Stored};
use super::machine::Inside;
use super::world::{Channel, Cluster};
use crate::invariants::{Violation, dots, refused};
use crate::keyspace::{ItemIndex, PARTITIONS, SHARDS};
use crate::node::stored_item;
use crate::oracle::{History, WriteId};
use crate::world::{RequestNumber, outcome_number};
use troupe_actors::causality::{Context, Item, Value};
use troupe_actors::ids::ItemKey;
use troupe_actors::limits::PEER_TICK_MS;
use troupe_actors::replication::coordinator::Outcome;
use troupe_actors::replication::message::WriteRefusal;
use troupe_actors::shard::{Effect, Event, ItemWrite, RequestId, States, WriteError};
use troupe_actors::store::Write;
use troupe_actors::store::lane::{Batch, BatchId, Fence, Owner, PersistError};

/// Who asked for something.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// A client of this node that writes.
    Client(RequestNumber),
    /// A client of this node that reads, and found this replica behind.
    Repair(RequestNumber),
    /// A round of anti-entropy, which is over once it is stored.
    Round(u64),
    /// Another node.
    Node { from: usize, call: CallNumber },
}

/// What a shard was asked for.
pub(crate) struct Writing {
    origin: Origin,
    /// The newest layout version when it began, and the replicas of each that was live.
    pub(super) version: usize,
    sets: Vec<Vec<usize>>,
    /// The writes that it is to mint dots for; `None`: it merges.
    ids: Option<Vec<WriteId>>,
}

/// A batch on its way to the disk.
pub(crate) struct InFlight {
    shard: usize,
    batch: BatchId,
    fence: Fence,
    pub(super) changes: Vec<Change>,
}

impl Cluster {
    /// A shard is asked for writes.
    pub(super) fn coordinate(
        &mut self,
        node: usize,
        shard: usize,
        origin: Origin,
        writes: Vec<(WriteId, Context)>,
    ) -> Result<(), Violation> {
        let now = self.wall(node);
        let ids: Vec<WriteId> = writes.iter().map(|(id, _)| *id).collect();
        let writes: Vec<ItemWrite> =
            writes.into_iter().map(|(id, context)| self.item_write(id, context)).collect();
        let (plan, sets, version) = (self.plan_of(shard), self.layout.sets(shard), self.layout.newest);
        let machine = &mut self.machines[node];
        let Some(process) = &mut machine.process else { return Ok(()) };
        let mut read = |key: &ItemKey| Ok(stored_item(&machine.disk, key));
        let staged = process.shards[shard].stage(now, &writes, plan, &mut read);
        process.requests_to_shards += 1;
        let request = RequestId(process.requests_to_shards);
        let changes = ids.iter().map(|id| Change::Write(*id)).collect();
        process.writing.insert((shard, request), Writing { origin, version, sets, ids: Some(ids) });
        self.note(
            "node {}, shard {}, request {}: {} writes",
            &[node as u64, shard as u64, request.0, writes.len() as u64],
        );
        match staged {
            Ok(staged) => self.shard_steps(node, shard, Event::Write { request, staged }, changes),
            Err(error) => self.shard_answers(node, shard, request, Err(error)),
        }
    }

    /// A shard is asked to merge what another replica holds.
    pub(super) fn merge(
        &mut self,
        node: usize,
        shard: usize,
        origin: Origin,
        states: &States,
        known: Vec<(ItemIndex, History)>,
    ) -> Result<(), Violation> {
        let now = self.wall(node);
        let heard = |(at, theirs)| Change::Join(at, Box::new(self.heard(node, states, at, theirs)));
        let changes = known.into_iter().map(heard).collect();
        let machine = &mut self.machines[node];
        let Some(process) = &mut machine.process else { return Ok(()) };
        let mut read = |key: &ItemKey| Ok(stored_item(&machine.disk, key));
        let staged = process.shards[shard].stage_merge(now, states, &mut read);
        process.requests_to_shards += 1;
        let request = RequestId(process.requests_to_shards);
        let version = self.layout.newest;
        process.writing.insert((shard, request), Writing { origin, version, sets: Vec::new(), ids: None });
        self.note(
            "node {}, shard {}, request {}: {} states to merge",
            &[node as u64, shard as u64, request.0, states.items.len() as u64],
        );
        match staged {
            Ok(staged) => self.shard_steps(node, shard, Event::Merge { request, staged }, changes),
            Err(error) => self.shard_answers(node, shard, request, Err(error)),
        }
    }

    fn item_write(&self, id: WriteId, context: Context) -> ItemWrite {
        let tried = self.oracle.tried(id);
        let value = tried.value.clone().map_or(Value::Tombstone, |bytes| Value::Bytes(bytes.into()));
        let partition = PARTITIONS[tried.item.partition()].clone();
        ItemWrite { partition, sort_key: tried.item.key().sort_key.clone(), context, value }
    }

    pub(super) fn shard_hears(
        &mut self,
        node: usize,
        shard: usize,
        batch: BatchId,
        outcome: Result<(), PersistError>,
    ) -> Result<(), Violation> {
        self.note(
            "node {}, shard {} hears of batch {}: {?stored|no room|fenced|unknown}",
            &[node as u64, shard as u64, batch.0, outcome_number(&outcome)],
        );
        if let Some(process) = &mut self.machines[node].process {
            let ended = process.in_flight.iter().position(|sent| (sent.shard, sent.batch) == (shard, batch));
            let ended = ended.map(|at| process.in_flight.remove(at));
            if let (Some(ended), Err(_)) = (ended, &outcome) {
                // What was built on it goes with it.
                process.in_flight.retain(|sent| sent.shard != shard || sent.fence > ended.fence);
            }
        }
        self.shard_steps(node, shard, Event::Persisted { batch, outcome }, Vec::new())
    }

    /// What a replica makes of another one's knowledge. Of an actor that one of them has closed, what is unknown there is
    /// dead: it came too late.
    fn heard(&self, node: usize, states: &States, at: ItemIndex, theirs: History) -> History {
        let Some(process) = &self.machines[node].process else { return theirs };
        let ours = self.known_to_shard(node, at);
        let own_clock = process.shards[at.shard()].clock().strips_by();
        let mut their_clock = states.clock.clone();
        let sent = states.items.iter().filter(|state| state.key() == *at.key());
        for state in sent {
            state.item().branches().iter().for_each(|branch| {
                their_clock.raise(branch.actor, branch.seen);
            });
        }
        let mut heard = theirs;
        heard.bury(&self.oracle, &ours.known, own_clock);
        let mut own = ours;
        own.bury(&self.oracle, &theirs.known, &their_clock);
        heard.join(&own);
        heard
    }

    /// Feeds a shard's core and carries out what it wants done. `changes` is what the event brought.
    pub(super) fn shard_steps(
        &mut self,
        node: usize,
        shard: usize,
        event: Event,
        changes: Vec<Change>,
    ) -> Result<(), Violation> {
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let mut changes = Some(changes);
        for effect in process.shards[shard].step(event) {
            match effect {
                Effect::Persist { batch, fence, writes } => {
                    let changes = changes.take().unwrap_or_default();
                    self.check_minting(&writes, &changes)?;
                    self.explain(batch, &changes);
                    self.persist(node, shard, fence, Stored { shard, batch, changes, writes });
                }
                Effect::SendMerge { batch, peers, states } => {
                    let known = self.known_of(node, &states);
                    for peer in peers {
                        let ask = Ask::Merge { shard, states: states.clone(), known: known.clone() };
                        self.call(node, self.node_of(peer), ask, Then::Merged { shard, batch });
                    }
                }
                Effect::ScheduleTick => self.inside(node, 1000 * PEER_TICK_MS, Inside::Tick(shard)),
                Effect::Answer { request, outcome } => self.shard_answers(node, shard, request, outcome)?,
                Effect::Wake { .. } => {}
            }
        }
        Ok(())
    }

    fn explain(&mut self, batch: BatchId, changes: &[Change]) {
        let oracle = &self.oracle;
        self.trace.explain(|| {
            let names = changes.iter().map(|change| match change {
                Change::Write(id) => format!("{id:?} is {:?}", oracle.tried(*id).dot),
                Change::Join(at, history) => format!("{at:?}: {history:?}"),
            });
            format!("batch {}: {}", batch.0, names.collect::<Vec<_>>().join(", "))
        });
    }

    fn persist(&mut self, node: usize, shard: usize, fence: Fence, payload: Stored) {
        if let Some(process) = &mut self.machines[node].process {
            let (batch, changes) = (payload.batch, payload.changes.clone());
            process.in_flight.push(InFlight { shard, batch, fence, changes });
        }
        let batch = Batch {
            owner: Owner::Shard(SHARDS[shard]),
            fence,
            order: 0,
            grows: payload.writes.iter().any(Write::grows),
            bytes: payload.writes.iter().map(Write::bytes).sum(),
            payload,
        };
        let delay_us = self.hop_us();
        self.inside_on(Channel::ShardToLane { node, shard }, node, delay_us, Inside::Persist(batch));
    }

    fn check_minting(&mut self, writes: &[Write], changes: &[Change]) -> Result<(), Violation> {
        for write in writes {
            let Write::PutItem { partition, sort_key, row, .. } = write else { continue };
            let key = ItemKey { partition: partition.hash, sort_key: sort_key.clone() };
            let item = row.item();
            let (Some(at), Some(item)) = (ItemIndex::of(&key), Item::decode(&item)) else {
                let what = format!("{write:?}");
                return Err(Violation { invariant: "a shard stores items that were written", what });
            };
            let minted = changes.iter().filter_map(Change::minted);
            let minted: Vec<WriteId> = minted.filter(|id| self.oracle.tried(*id).item == at).collect();
            dots::check(&mut self.oracle, at, &item, &minted)?;
        }
        Ok(())
    }

    /// What the oracle says the states know that a shard sends out: everything that it handed to the lane is in them.
    fn known_of(&self, node: usize, states: &States) -> Vec<(ItemIndex, History)> {
        let items = states.items.iter().filter_map(|state| ItemIndex::of(&state.key()));
        items.map(|at| (at, self.known_to_shard(node, at))).collect()
    }

    fn shard_answers(
        &mut self,
        node: usize,
        shard: usize,
        request: RequestId,
        outcome: Result<(), WriteError>,
    ) -> Result<(), Violation> {
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let Some(Writing { origin, sets, ids, .. }) = process.writing.remove(&(shard, request)) else {
            let what = format!("{request:?} of shard {shard}");
            return Err(Violation { invariant: "a request is answered once", what });
        };
        for id in ids.iter().flatten() {
            match &outcome {
                Ok(()) => acknowledged::check(self, &sets, *id)?,
                Err(error) if error.is_certainly_not_stored() => refused::check_answer(&self.oracle, *id)?,
                Err(_) => {}
            }
        }
        match origin {
            Origin::Client(request) => self.coordination_goes_on(node, request, shard, Outcome::Own(outcome)),
            Origin::Repair(request) => self.repaired(node, request, outcome.is_ok()),
            Origin::Round(round) if outcome.is_ok() => self.round_is_stored(node, shard, round),
            Origin::Round(_) => Ok(()),
            Origin::Node { from, call } => {
                let answer = match (ids, outcome) {
                    (None, outcome) => Answer::Merged(outcome.is_ok()),
                    (Some(_), outcome) => {
                        Answer::Coordinated(outcome.map_err(|error| WriteRefusal::of(&error)))
                    }
                };
                self.answer_call(node, from, call, answer);
                Ok(())
            }
        }
    }
}
