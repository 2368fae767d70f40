//! The shell of a shard: turns messages into events and carries effects out.

use super::{
    BatchId, Changes, Effect, Event, Fence, ItemWrite, PollError, PollId, RequestId, ShardCore, Staged,
    Watched, WriteError, WritePlan,
};
use crate::causality::SeenMarker;
use crate::clock::wall_now;
use crate::ids::{PartitionHash, ShardIndex};
use crate::limits::SHARD_MAILBOX_MAX;
use crate::store::lane::{LaneHandle, Owner, Persist, PersistError, Persisted, Room};
use crate::store::range::KeyRange;
use crate::store::{Snapshot, Store};
use actix::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, mpsc, oneshot};

/// One shard at work.
pub struct ShardActor<S: Store> {
    shard: ShardIndex,
    core: ShardCore,
    parts: ShardParts<S>,
    requests: BTreeMap<RequestId, oneshot::Sender<Result<(), WriteError>>>,
    next_request: RequestId,
    polls: BTreeMap<PollId, Arc<Notify>>,
    /// In the lane, for the batch that is about to be made: a batch that was merged is never turned away.
    room: Option<Room>,
    persisted: mpsc::UnboundedSender<Persisted>,
    /// Taken when the actor starts.
    persisted_stream: Option<mpsc::UnboundedReceiver<Persisted>>,
}

/// What a shard is plugged into.
pub struct ShardParts<S: Store> {
    /// The store that its snapshots come from.
    pub store: Arc<S>,
    /// The lane that commits to that store.
    pub lane: LaneHandle,
    /// The node's gauge of pollers.
    pub poller_gauge: Arc<AtomicUsize>,
}

impl<S: Store> Clone for ShardParts<S> {
    fn clone(&self) -> ShardParts<S> {
        ShardParts {
            store: Arc::clone(&self.store),
            lane: self.lane.clone(),
            poller_gauge: Arc::clone(&self.poller_gauge),
        }
    }
}

impl<S: Store> ShardActor<S> {
    /// A shard around `core`, ready to start.
    pub fn new(shard: ShardIndex, core: ShardCore, parts: ShardParts<S>) -> ShardActor<S> {
        let (persisted, stream) = mpsc::unbounded_channel();
        ShardActor {
            shard,
            core,
            parts,
            requests: BTreeMap::new(),
            next_request: RequestId(0),
            polls: BTreeMap::new(),
            room: None,
            persisted,
            persisted_stream: Some(stream),
        }
    }

    fn step(&mut self, event: Event) {
        for effect in self.core.step(event) {
            self.run(effect);
        }
    }

    fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Persist { batch, fence, writes } => self.persist(batch, fence, writes),
            // No layout names a second replica yet, and no link leads to one: whoever asks for it is told so.
            Effect::Merge { batch, peer, .. } => self.step(Event::Merged { batch, peer, durable: false }),
            Effect::Answer { request, outcome } => {
                if let Some(client) = self.requests.remove(&request) {
                    answer(client, outcome);
                }
            }
            Effect::Wake { poll } => {
                if let Some(signal) = self.polls.get(&poll) {
                    signal.notify_one();
                }
            }
        }
    }

    fn persist(&mut self, batch: BatchId, fence: Fence, writes: Vec<crate::store::Write>) {
        let Some(room) = self.room.take() else { return self.lane_is_gone(batch) };
        let (owner, done) = (Owner::Shard(self.shard), self.persisted.clone());
        if self.parts.lane.send(Persist { owner, fence, batch, writes, room, done }).is_err() {
            self.lane_is_gone(batch);
        }
    }

    fn lane_is_gone(&mut self, batch: BatchId) {
        self.parts.store.end_epoch();
        let outcome = Err(PersistError::Broken("the node is stopping".to_owned()));
        self.step(Event::Persisted { batch, outcome });
    }

    /// Stages writes on what a snapshot shows that is taken now, after every earlier event.
    fn stage(&mut self, writes: &[ItemWrite], plan: WritePlan) -> Result<Staged, WriteError> {
        let snapshot = self.parts.store.snapshot().map_err(WriteError::NotRead)?;
        self.core.stage(wall_now(), writes, plan, &mut |key| snapshot.item(key))
    }

    fn write(&mut self, message: Write) {
        let staged = match self.stage(&message.writes, message.plan) {
            Ok(staged) => staged,
            Err(error) => return answer(message.answer, Err(error)),
        };
        self.room = self.parts.lane.reserve(staged.bytes());
        if self.room.is_none() {
            return answer(message.answer, Err(WriteError::Overloaded));
        }
        let request = self.next_request;
        self.next_request = RequestId(request.0 + 1);
        self.requests.insert(request, message.answer);
        self.step(Event::Write { request, staged });
    }
}

/// The client may have hung up; its write stands all the same.
fn answer(client: oneshot::Sender<Result<(), WriteError>>, outcome: Result<(), WriteError>) {
    let _ = client.send(outcome);
}

impl<S: Store> Actor for ShardActor<S> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(SHARD_MAILBOX_MAX);
        if let Some(mut persisted) = self.persisted_stream.take() {
            ctx.add_stream(futures_util::stream::poll_fn(move |task| persisted.poll_recv(task)));
        }
    }
}

impl<S: Store> StreamHandler<Persisted> for ShardActor<S> {
    fn handle(&mut self, persisted: Persisted, _: &mut Context<Self>) {
        let Persisted { batch, outcome, room } = persisted;
        self.step(Event::Persisted { batch, outcome });
        drop(room);
    }

    fn finished(&mut self, _: &mut Context<Self>) {
        // The actor holds a sender itself: the stream ends with the actor.
    }
}

/// Write items of one shard, all in one transaction.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Write {
    pub(super) writes: Arc<Vec<ItemWrite>>,
    pub(super) plan: WritePlan,
    pub(super) answer: oneshot::Sender<Result<(), WriteError>>,
}

impl<S: Store> Handler<Write> for ShardActor<S> {
    type Result = ();

    fn handle(&mut self, message: Write, _: &mut Context<Self>) {
        self.write(message);
    }
}

/// Ask whether writes would be refused, without writing.
#[derive(Message)]
#[rtype(result = "Result<(), WriteError>")]
pub(super) struct Check {
    pub(super) writes: Arc<Vec<ItemWrite>>,
    pub(super) plan: WritePlan,
}

impl<S: Store> Handler<Check> for ShardActor<S> {
    type Result = Result<(), WriteError>;

    fn handle(&mut self, message: Check, _: &mut Context<Self>) -> Result<(), WriteError> {
        let snapshot = self.parts.store.snapshot().map_err(WriteError::NotRead)?;
        self.core.check(wall_now(), &message.writes, &message.plan, &mut |key| snapshot.item(key))
    }
}

/// Have `signal` notified by every commit to what is watched.
#[derive(Message)]
#[rtype(result = "Result<(), PollError>")]
pub(super) struct Subscribe {
    pub(super) poll: PollId,
    pub(super) watched: Watched,
    pub(super) signal: Arc<Notify>,
}

impl<S: Store> Handler<Subscribe> for ShardActor<S> {
    type Result = Result<(), PollError>;

    fn handle(&mut self, message: Subscribe, _: &mut Context<Self>) -> Result<(), PollError> {
        self.core.admit_poller()?;
        self.polls.insert(message.poll, message.signal);
        self.parts.poller_gauge.fetch_add(1, Ordering::Relaxed);
        self.step(Event::Subscribe { poll: message.poll, watched: message.watched });
        Ok(())
    }
}

/// Forget a poller.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Unsubscribe {
    pub(super) poll: PollId,
}

impl<S: Store> Handler<Unsubscribe> for ShardActor<S> {
    type Result = ();

    fn handle(&mut self, message: Unsubscribe, _: &mut Context<Self>) {
        if self.polls.remove(&message.poll).is_some() {
            self.parts.poller_gauge.fetch_sub(1, Ordering::Relaxed);
            self.step(Event::Unsubscribe { poll: message.poll });
        }
    }
}

/// Ask what changed in a range since a marker.
#[derive(Message)]
#[rtype(result = "Changes")]
pub(super) struct ChangesSince {
    pub(super) partition: PartitionHash,
    pub(super) range: KeyRange,
    pub(super) marker: SeenMarker,
}

impl<S: Store> Handler<ChangesSince> for ShardActor<S> {
    type Result = MessageResult<ChangesSince>;

    fn handle(&mut self, message: ChangesSince, _: &mut Context<Self>) -> MessageResult<ChangesSince> {
        MessageResult(self.core.changes(message.partition, &message.range, &message.marker))
    }
}
