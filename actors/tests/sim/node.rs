//! The shells of one node: they feed the shard cores and the lane's core as the actors do, and carry out what the
//! cores want done.

use crate::control::Control;
use crate::disk::Disk;
use crate::invariants::{Violation, counters, digests, dots, durable, refused};
use crate::keyspace::{ItemIndex, NODE};
use crate::lane::{LaneBatch, Sender};
use crate::mailbox::Lane;
use crate::oracle::{Fate, WriteId};
use crate::polls::{Poll, PollStep};
use crate::scheduler::Channel;
use crate::streams::Stream;
use crate::world::{Message, RequestNumber, World, outcome_number};
use std::collections::BTreeMap;
use troupe_actors::causality::{Item, SeenMarker};
use troupe_actors::ids::ItemKey;
use troupe_actors::shard::{
    Effect, Event, ItemWrite, PollId, RequestId, ShardCore, Watched, WriteError, WritePlan,
};
use troupe_actors::store::lane::Batch;
use troupe_actors::store::lane::{BatchId, PersistError};
use troupe_actors::store::{CommitError, Snapshot, Store, Write};

/// One life of the node, from one start to the next stop or crash.
pub(crate) struct Node {
    pub(crate) shards: Vec<ShardCore>,
    pub(crate) lane: Lane<LaneBatch>,
    pub(crate) control: Control,
    /// What each shard was asked to write.
    pub(crate) writing: BTreeMap<(usize, RequestId), GroupOfWrites>,
    pub(crate) requests_to_shards: u64,
    /// Parts of client requests that shards have not answered yet.
    pub(crate) open_parts: BTreeMap<RequestNumber, usize>,
    pub(crate) polls: BTreeMap<PollId, Poll>,
    pub(crate) polls_made: u64,
    /// Answers that are being read page by page.
    pub(crate) streams: BTreeMap<RequestNumber, Stream>,
    /// Messages inside this node that are under way.
    pub(crate) under_way: u64,
    pub(crate) is_stopping: bool,
}

/// The writes of one request to one shard.
pub(crate) struct GroupOfWrites {
    pub(crate) client: usize,
    pub(crate) request: RequestNumber,
    pub(crate) ids: Vec<WriteId>,
}

/// What goes on inside a node.
pub(crate) enum Inside {
    /// A shard gets writes.
    Write { shard: usize, group: GroupOfWrites, writes: Vec<ItemWrite> },
    /// A shard hears of a commit.
    Persisted { shard: usize, batch: BatchId, outcome: Result<(), PersistError> },
    /// The control plane hears of a commit.
    ControlPersisted(Result<(), PersistError>),
    /// A shard gets a poller.
    Subscribe { shard: usize, poll: PollId, watched: Watched },
    /// A shard loses a poller.
    Unsubscribe { shard: usize, poll: PollId },
    /// A shard is asked what changed in the range of a poll.
    ChangesSince { shard: usize, poll: PollId, marker: SeenMarker },
    /// The lane gets a batch.
    Persist(Batch<LaneBatch>),
    /// The lane works off its mailbox.
    LaneTurn,
    /// The items of a lane's transaction are on disk. Only a store with a mutation stops here.
    ItemsCommitted,
    /// The transaction of a lane is on disk, or will never be.
    Committed,
    /// The lane's thread goes on.
    CommitReturned(Result<(), CommitError>),
    /// The process gives up on its environment.
    Exit,
    /// A read takes its snapshot.
    Read { client: usize, request: RequestNumber, item: ItemIndex },
    /// An answer of several pages takes its next snapshot.
    Page(RequestNumber),
    /// A poll goes on.
    Poll(PollId, PollStep),
}

impl World {
    pub(crate) fn inside(&mut self, delay_us: u64, inside: Inside) {
        if let Some(node) = &mut self.node {
            node.under_way += 1;
            self.scheduler.send(delay_us, Message::Inside(self.lives, inside));
        }
    }

    pub(crate) fn inside_on(&mut self, channel: Channel, delay_us: u64, inside: Inside) {
        if let Some(node) = &mut self.node {
            node.under_way += 1;
            self.scheduler.send_on(channel, delay_us, Message::Inside(self.lives, inside));
        }
    }

    pub(crate) fn node_does(&mut self, life: u64, inside: Inside) -> Result<(), Violation> {
        if life != self.lives {
            return Ok(());
        }
        let Some(node) = &mut self.node else { return Ok(()) };
        node.under_way -= 1;
        match inside {
            Inside::Write { shard, group, writes } => self.shard_writes(shard, group, &writes),
            Inside::Persisted { shard, batch, outcome } => {
                self.unheard -= usize::from(outcome.is_ok());
                self.note(
                    "shard {} hears of batch {}: {?stored|no room|fenced|unknown}",
                    &[shard as u64, batch.0, outcome_number(&outcome)],
                );
                self.shard_steps(shard, Event::Persisted { batch, outcome }, &[])
            }
            Inside::ControlPersisted(outcome) => {
                self.note(
                    "the control plane hears: {?stored|no room|fenced|unknown}",
                    &[outcome_number(&outcome)],
                );
                self.control_hears(outcome)
            }
            Inside::Subscribe { shard, poll, watched } => {
                self.note("shard {} gets poll {}", &[shard as u64, poll.0]);
                self.shard_steps(shard, Event::Subscribe { poll, watched }, &[])?;
                let delay_us = self.hop_us();
                self.inside(delay_us, Inside::Poll(poll, PollStep::Subscribed));
                Ok(())
            }
            Inside::Unsubscribe { shard, poll } => {
                self.note("shard {} loses poll {}", &[shard as u64, poll.0]);
                self.shard_steps(shard, Event::Unsubscribe { poll }, &[])
            }
            Inside::ChangesSince { shard, poll, marker } => {
                self.shard_tells_changes(shard, poll, &marker);
                Ok(())
            }
            Inside::Persist(batch) => {
                self.lane_gets(batch);
                Ok(())
            }
            Inside::LaneTurn => {
                self.lane_turn();
                Ok(())
            }
            Inside::ItemsCommitted => {
                self.items_committed();
                Ok(())
            }
            Inside::Committed => self.committed(),
            Inside::CommitReturned(outcome) => {
                self.commit_returned(outcome);
                Ok(())
            }
            Inside::Exit => self.crash(),
            Inside::Read { client, request, item } => self.read(client, request, item),
            Inside::Page(request) => self.page(request),
            Inside::Poll(poll, step) => self.poll_steps(poll, step),
        }
    }

    fn shard_writes(
        &mut self,
        shard: usize,
        group: GroupOfWrites,
        writes: &[ItemWrite],
    ) -> Result<(), Violation> {
        let now = self.wall();
        let Some(node) = &mut self.node else { return Ok(()) };
        let plan = WritePlan::sole_replica(NODE);
        let mut read = |key: &ItemKey| Ok(stored_item(&self.disk, key));
        let staged = node.shards[shard].stage(now, writes, plan, &mut read);
        node.requests_to_shards += 1;
        let request = RequestId(node.requests_to_shards);
        let ids = group.ids.clone();
        node.writing.insert((shard, request), group);
        self.note("shard {}, request {}: {} writes", &[shard as u64, request.0, ids.len() as u64]);
        match staged {
            Ok(staged) => self.shard_steps(shard, Event::Write { request, staged }, &ids),
            Err(error) => self.answer(shard, request, &Err(error)),
        }
    }

    /// Feeds a shard's core and carries out what it wants done. `ids` are the writes that the event brought.
    fn shard_steps(&mut self, shard: usize, event: Event, ids: &[WriteId]) -> Result<(), Violation> {
        let Some(node) = &mut self.node else { return Ok(()) };
        for effect in node.shards[shard].step(event) {
            match effect {
                Effect::Persist { batch, fence, writes } => {
                    self.check_minting(&writes, ids)?;
                    let from = Sender::Shard(shard);
                    let payload = LaneBatch { from, batch, ids: ids.to_vec(), writes };
                    self.persist(shard, fence, payload);
                }
                Effect::SendMerge { .. } | Effect::ScheduleTick => {
                    let what = "there is no other replica".to_owned();
                    return Err(Violation { invariant: "nothing is sent to nobody", what });
                }
                Effect::Answer { request, outcome } => self.answer(shard, request, &outcome)?,
                Effect::Wake { poll } => self.wake(poll),
            }
        }
        Ok(())
    }

    fn check_minting(&mut self, writes: &[Write], ids: &[WriteId]) -> Result<(), Violation> {
        for write in writes {
            let Write::PutItem { partition, sort_key, row, .. } = write else { continue };
            let key = ItemKey { partition: partition.hash, sort_key: sort_key.clone() };
            let item = row.item();
            let (Some(at), Some(item)) = (ItemIndex::of(&key), Item::decode(&item)) else {
                let what = format!("{write:?}");
                return Err(Violation { invariant: "a shard stores items that were written", what });
            };
            let minted: Vec<WriteId> =
                ids.iter().copied().filter(|id| self.oracle.tried(*id).item == at).collect();
            dots::check(&mut self.oracle, at, &item, &minted)?;
        }
        Ok(())
    }

    fn answer(
        &mut self,
        shard: usize,
        request: RequestId,
        outcome: &Result<(), WriteError>,
    ) -> Result<(), Violation> {
        let Some(node) = &mut self.node else { return Ok(()) };
        let Some(group) = node.writing.remove(&(shard, request)) else {
            let what = format!("{request:?} of shard {shard}");
            return Err(Violation { invariant: "a request is answered once", what });
        };
        let fate = match outcome {
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
        };
        self.note(
            "request {}, part {}: {?unknown|acknowledged|refused}",
            &[group.request.0, request.0, fate as u64],
        );
        for &id in &group.ids {
            match fate {
                Fate::Acknowledged => durable::check(&self.oracle, &self.disk.held, id)?,
                Fate::Refused => refused::check_answer(&self.oracle, id)?,
                Fate::Open => {}
            }
            self.oracle.told(id, fate);
        }
        if fate != Fate::Acknowledged {
            // A deletion that was refused reads no further.
            self.forget_stream(group.request);
        }
        self.part_is_answered(group.client, group.request);
        Ok(())
    }

    pub(crate) fn check_counters(&self) -> Result<(), Violation> {
        match self.disk.store.snapshot() {
            Ok(snapshot) => counters::check(&self.oracle, &self.disk.held, &snapshot)?,
            Err(error) => {
                return Err(Violation { invariant: "a store can be read", what: error.to_string() });
            }
        }
        digests::check(&*self.disk.store)
    }
}

impl Node {
    /// Whether everything that was asked of the node is done.
    pub(crate) fn is_drained(&self) -> bool {
        self.under_way == 0 && self.lane.is_idle()
    }
}

pub(crate) fn stored_item(disk: &Disk, key: &ItemKey) -> Option<Item<'static>> {
    let snapshot = disk.store.snapshot().ok()?;
    let item = snapshot.item(key).ok()??;
    Some(item.into_owned())
}
