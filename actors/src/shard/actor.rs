//! The shell of a shard: turns messages into events and carries effects out.

use super::inbox::{ChangesSince, Inbox, Input, PeerAnswered, Request, Subscribe, Turn};
use super::message::{MergeAnswer, MergeRequest};
use super::shown::Shown;
use super::{
    BatchId, Effect, Event, Fence, ItemWrite, PollId, RequestId, ShardCore, Staged, StagedMerge, States,
    WriteError, WritePlan,
};
use crate::clock::wall_now;
use crate::ids::{NodeId, ShardIndex};
use crate::limits::{MERGE_BULK_BYTES_MIN, PEER_TICK_MS, WRITE_TIMEOUT_S};
use crate::store::lane::{LaneHandle, Owner, Persist, PersistError, Persisted, Room};
use crate::store::{Snapshot, Store};
use crate::transport::{Link, Peers, Subsystem};
use actix::prelude::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// One shard at work.
pub(super) struct ShardActor<S: Store> {
    shard: ShardIndex,
    core: ShardCore,
    parts: ShardParts<S>,
    requests: BTreeMap<RequestId, Answer>,
    next_request: RequestId,
    polls: BTreeMap<PollId, Arc<Notify>>,
    /// In the lane, for the batch that is about to be made: a batch that was merged is never turned away.
    room: Option<Room>,
    /// To be scheduled once the event was handled.
    wants_tick: bool,
    persisted: mpsc::UnboundedSender<Persisted>,
    answered: mpsc::UnboundedSender<PeerAnswered>,
    shown: Arc<Shown>,
    turn: Turn,
    /// Taken when the actor starts.
    inbox: Option<Inbox>,
}

/// What a shard is plugged into.
pub(super) struct ShardParts<S: Store> {
    /// The store that its snapshots come from.
    pub(super) store: Arc<S>,
    /// The lane that commits to that store.
    pub(super) lane: LaneHandle,
    /// The way to the other replicas.
    pub(super) peers: Peers,
    /// The node's gauge of pollers.
    pub(super) poller_gauge: Arc<AtomicUsize>,
}

impl<S: Store> Clone for ShardParts<S> {
    fn clone(&self) -> ShardParts<S> {
        ShardParts {
            store: Arc::clone(&self.store),
            lane: self.lane.clone(),
            peers: Arc::clone(&self.peers),
            poller_gauge: Arc::clone(&self.poller_gauge),
        }
    }
}

impl<S: Store> ShardActor<S> {
    /// A shard around `core`, ready to start.
    pub(super) fn new(
        shard: ShardIndex,
        core: ShardCore,
        parts: ShardParts<S>,
        shown: Arc<Shown>,
        requests: mpsc::Receiver<Request>,
    ) -> ShardActor<S> {
        let (persisted, outcomes) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let turn = Turn::default();
        ShardActor {
            shard,
            core,
            parts,
            requests: BTreeMap::new(),
            next_request: RequestId(0),
            polls: BTreeMap::new(),
            room: None,
            wants_tick: false,
            persisted,
            answered,
            shown,
            turn: turn.clone(),
            inbox: Some(Inbox { persisted: outcomes, answered: answers, requests, turn }),
        }
    }

    fn step(&mut self, event: Event) {
        let effects = self.core.step(event);
        self.shown.publish(&self.core);
        for effect in effects {
            self.run(effect);
        }
    }

    fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Persist { batch, fence, writes } => self.persist(batch, fence, writes),
            Effect::SendMerge { batch, peers, states } => self.send_merge(batch, peers, &states),
            Effect::Answer { request, outcome } => {
                if let Some(client) = self.requests.remove(&request) {
                    send(client, outcome);
                }
            }
            Effect::ScheduleTick => self.wants_tick = true,
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

    fn send_merge(&self, batch: BatchId, peers: Vec<NodeId>, states: &States) {
        let body = Bytes::from(MergeRequest::encode(self.shard, states));
        let link = if body.len() < MERGE_BULK_BYTES_MIN { Link::Request } else { Link::Bulk };
        let deadline = Duration::from_secs(WRITE_TIMEOUT_S);
        for peer in peers {
            let asked = self.parts.peers.request(peer, link, Subsystem::Merge, body.clone(), deadline);
            let answered = self.answered.clone();
            actix_rt::spawn(async move {
                let durable = match asked.await {
                    Ok(body) => MergeAnswer::decode(&body) == Ok(MergeAnswer::Stored),
                    Err(_) => false,
                };
                // A shard that has stopped waits for nobody.
                let _ = answered.send(PeerAnswered { batch, peer, durable });
            });
        }
    }

    fn lane_is_gone(&mut self, batch: BatchId) {
        self.parts.store.end_epoch();
        let outcome = Err(PersistError::Stopping);
        self.step(Event::Persisted { batch, outcome });
    }

    /// Stages writes on what a snapshot shows that is taken now, after every earlier event.
    fn stage(&mut self, writes: &[ItemWrite], plan: WritePlan) -> Result<Staged, WriteError> {
        let snapshot = self.parts.store.snapshot().map_err(WriteError::NotRead)?;
        self.core.stage(wall_now(), writes, plan, &mut |key| snapshot.item(key))
    }

    fn schedule_tick(&mut self, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.wants_tick) {
            ctx.run_later(Duration::from_millis(PEER_TICK_MS), |shard, ctx| {
                shard.step(Event::Tick);
                shard.schedule_tick(ctx);
            });
        }
    }

    fn handle_request(&mut self, request: Request) {
        match request {
            Request::Write { writes, plan, answer } => self.write(&writes, plan, answer),
            Request::Check { writes, plan, answer } => send(answer, self.check(&writes, &plan)),
            Request::Merge { states, answer } => self.merge(&states, answer),
            Request::Remove { why, rows, answer } => {
                let staged = match self.parts.store.snapshot() {
                    Ok(snapshot) => {
                        self.core.stage_removal(wall_now(), why, &rows, &mut |key| snapshot.item(key))
                    }
                    Err(error) => Err(WriteError::NotRead(error)),
                };
                self.take_effect(staged, answer);
            }
            Request::Replica(event) => {
                let (event, answer) = *event;
                self.step(event);
                self.store_row();
                send(answer, ());
            }
            Request::Subscribe(subscribe) => self.subscribe(*subscribe),
            Request::Unsubscribe(poll) => self.unsubscribe(poll),
            Request::Changes(question) => {
                let ChangesSince { partition, range, marker, answer } = *question;
                send(answer, self.core.changes(partition, &range, &marker));
            }
        }
    }

    fn write(&mut self, writes: &[ItemWrite], plan: WritePlan, answer: Answer) {
        let staged = match self.stage(writes, plan) {
            Ok(staged) => staged,
            Err(error) => return send(answer, Err(error)),
        };
        self.turn.spend(staged.bytes());
        self.room = self.parts.lane.reserve(staged.bytes());
        if self.room.is_none() {
            return send(answer, Err(WriteError::Overloaded));
        }
        let request = self.register(answer);
        self.step(Event::Write { request, staged });
    }

    fn merge(&mut self, states: &States, answer: Answer) {
        let staged = match self.parts.store.snapshot() {
            Ok(snapshot) => self.core.stage_merge(wall_now(), states, &mut |key| snapshot.item(key)),
            Err(error) => Err(WriteError::NotRead(error)),
        };
        self.take_effect(staged, answer);
    }

    fn take_effect(&mut self, staged: Result<StagedMerge, WriteError>, answer: Answer) {
        let staged = match staged {
            Ok(staged) => staged,
            Err(error) => return send(answer, Err(error)),
        };
        self.turn.spend(staged.bytes());
        if staged.is_batch() {
            self.room = self.parts.lane.reserve(staged.bytes());
            if self.room.is_none() {
                return send(answer, Err(WriteError::Overloaded));
            }
        }
        let request = self.register(answer);
        self.step(Event::Merge { request, staged });
    }

    /// What was learned of other replicas goes to the disk by itself if there is room in the lane, or with the next batch.
    fn store_row(&mut self) {
        if self.core.has_row_to_store() {
            self.room = self.parts.lane.reserve(0);
            if self.room.is_some() {
                self.step(Event::StoreRow);
            }
        }
    }

    fn register(&mut self, answer: Answer) -> RequestId {
        let request = self.next_request;
        self.next_request = RequestId(request.0 + 1);
        self.requests.insert(request, answer);
        request
    }

    fn check(&mut self, writes: &[ItemWrite], plan: &WritePlan) -> Result<(), WriteError> {
        let snapshot = self.parts.store.snapshot().map_err(WriteError::NotRead)?;
        self.core.check(wall_now(), writes, plan, &mut |key| snapshot.item(key))
    }

    fn subscribe(&mut self, subscribe: Subscribe) {
        let Subscribe { poll, watched, signal, answer } = subscribe;
        let admitted = self.core.admit_poller();
        if admitted.is_ok() {
            self.polls.insert(poll, signal);
            self.parts.poller_gauge.fetch_add(1, Ordering::Relaxed);
            self.step(Event::Subscribe { poll, watched });
        }
        send(answer, admitted);
    }

    fn unsubscribe(&mut self, poll: PollId) {
        if self.polls.remove(&poll).is_some() {
            self.parts.poller_gauge.fetch_sub(1, Ordering::Relaxed);
            self.step(Event::Unsubscribe { poll });
        }
    }
}

type Answer = oneshot::Sender<Result<(), WriteError>>;

/// Whoever asked may have hung up; a write stands all the same.
fn send<T>(answer: oneshot::Sender<T>, outcome: T) {
    let _ = answer.send(outcome);
}

impl<S: Store> Actor for ShardActor<S> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(inbox) = self.inbox.take() {
            ctx.add_stream(inbox);
        }
    }
}

impl<S: Store> StreamHandler<Input> for ShardActor<S> {
    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Persisted(Persisted { batch, outcome, room }) => {
                self.step(Event::Persisted { batch, outcome });
                drop(room);
            }
            Input::PeerAnswered(PeerAnswered { batch, peer, durable }) => {
                self.step(Event::PeerAnswered { batch, peer, durable });
            }
            Input::Request(request) => self.handle_request(request),
        }
        self.schedule_tick(ctx);
    }

    fn finished(&mut self, _: &mut Context<Self>) {
        // The actor holds a sender itself: the stream ends with the actor.
    }
}
