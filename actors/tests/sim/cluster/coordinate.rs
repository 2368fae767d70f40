//! The shards of a node: what they are asked to write, and what they want done.

use super::frame::{Answer, CallNumber};
use super::invariants::acknowledged;
use super::lane::{Change, Stored};
use super::machine::Inside;
use super::world::{Channel, Cluster};
use crate::invariants::{Violation, dots, refused};
use crate::keyspace::{ItemIndex, NODE, PARTITIONS, SHARDS};
use crate::node::stored_item;
use crate::oracle::{Fate, WriteId};
use crate::world::{RequestNumber, outcome_number};
use troupe_actors::causality::{Context, Item, Value};
use troupe_actors::ids::ItemKey;
use troupe_actors::limits::PEER_TICK_MS;
use troupe_actors::shard::{Effect, Event, ItemWrite, RequestId, WriteError, WritePlan};
use troupe_actors::store::Write;
use troupe_actors::store::lane::{Batch, BatchId, Fence, Owner, PersistError};

/// Who asked for writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// A client of this node.
    Client(RequestNumber),
    /// The gateway of another one.
    Node { from: usize, call: CallNumber },
}

/// Writes that a shard was asked for.
pub(crate) struct Writing {
    origin: Origin,
    ids: Vec<WriteId>,
}

/// A batch on its way to the disk.
pub(crate) struct InFlight {
    shard: usize,
    batch: BatchId,
    fence: Fence,
}

impl Cluster {
    /// The nodes that hold a shard.
    pub(super) fn replicas(&self, shard: usize) -> Vec<usize> {
        vec![shard % self.machines.len()]
    }

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
        let plan = WritePlan::sole_replica(NODE);
        let machine = &mut self.machines[node];
        let Some(process) = &mut machine.process else { return Ok(()) };
        let mut read = |key: &ItemKey| Ok(stored_item(&machine.disk, key));
        let staged = process.shards[shard].stage(now, &writes, plan, &mut read);
        process.requests_to_shards += 1;
        let request = RequestId(process.requests_to_shards);
        let changes = ids.iter().map(|id| Change::Write(*id)).collect();
        process.writing.insert((shard, request), Writing { origin, ids });
        self.note(
            "node {}, shard {}, request {}: {} writes",
            &[node as u64, shard as u64, request.0, writes.len() as u64],
        );
        match staged {
            Ok(staged) => self.shard_steps(node, shard, Event::Write { request, staged }, changes),
            Err(error) => self.shard_answers(node, shard, request, &Err(error)),
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
                    self.persist(node, shard, fence, Stored { shard, batch, changes, writes });
                }
                Effect::SendMerge { .. } => {
                    let what = "there is no other replica".to_owned();
                    return Err(Violation { invariant: "nothing is sent to nobody", what });
                }
                Effect::ScheduleTick => self.inside(node, 1000 * PEER_TICK_MS, Inside::Tick(shard)),
                Effect::Answer { request, outcome } => self.shard_answers(node, shard, request, &outcome)?,
                Effect::Wake { .. } => {}
            }
        }
        Ok(())
    }

    fn persist(&mut self, node: usize, shard: usize, fence: Fence, payload: Stored) {
        if let Some(process) = &mut self.machines[node].process {
            process.in_flight.push(InFlight { shard, batch: payload.batch, fence });
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

    fn shard_answers(
        &mut self,
        node: usize,
        shard: usize,
        request: RequestId,
        outcome: &Result<(), WriteError>,
    ) -> Result<(), Violation> {
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let Some(Writing { origin, ids }) = process.writing.remove(&(shard, request)) else {
            let what = format!("{request:?} of shard {shard}");
            return Err(Violation { invariant: "a request is answered once", what });
        };
        let fate = fate(outcome);
        for id in &ids {
            match fate {
                Fate::Acknowledged => acknowledged::check(self, shard, *id)?,
                Fate::Refused => refused::check_answer(&self.oracle, *id)?,
                Fate::Open => {}
            }
        }
        match origin {
            Origin::Client(request) => self.part_is_answered(node, request, &ids, fate),
            Origin::Node { from, call } => {
                self.answer_call(node, from, call, Answer::Coordinated(fate));
                Ok(())
            }
        }
    }
}

/// What a client may conclude from a shard's answer.
fn fate(outcome: &Result<(), WriteError>) -> Fate {
    match outcome {
        Ok(()) => Fate::Acknowledged,
        Err(WriteError::Unknown(_)) => Fate::Open,
        Err(
            WriteError::TooManyConcurrentValues { .. }
            | WriteError::TooManyConcurrentBytes { .. }
            | WriteError::BatchTooLarge { .. }
            | WriteError::InsufficientStorage(_)
            | WriteError::Overloaded
            | WriteError::NotRead(_)
            | WriteError::NotHere
            | WriteError::Stopping,
        ) => Fate::Refused,
    }
}
