//! What the gateway holds of the replicas of all shards: reads and writes that any node can serve.
//!
//! Nothing here decides: the cores of this module say whom to ask and what follows, and this file asks. Every wait on
//! another node has a deadline.

use super::actor::{Layouts, ReplicaService};
use super::coordinator::{self, CoordinateError, Coordination};
use super::counts::{Counts, ReplicaCounts};
use super::item_state::ReplicaItem;
use super::message::{DigestAnswer, Message, StateAnswer, WireWrite, WriteAnswer};
use super::order::nearest_first;
use super::plan::{Consistency, write_plan};
use super::read::{self, ItemRead};
use super::watches::Watches;
use crate::causality::Item;
use crate::ids::{ItemKey, NodeId, Partition, ShardIndex, SortKey};
use crate::layout::{Layout, ReplicaSet};
use crate::limits::{COORDINATE_TIMEOUT_S, HEDGE_MS, HEDGE_MS_DEFAULT, REPLICA_READ_TIMEOUT_S};
use crate::shard::{ItemWrite, Shards, View, WriteError};
use crate::store::{Snapshot, Store};
use crate::transport::{Link, Peers, RequestError, Subsystem};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Too few replicas answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing was read.
    #[error("too few replicas can be reached: try again")]
    Unavailable,
}

/// The replicas of all shards, as one node reaches them. Cheap to clone.
pub struct Replicas<S: Store> {
    pub(super) inner: Arc<Inner<S>>,
}

pub(super) struct Inner<S: Store> {
    pub(super) node: NodeId,
    pub(super) shards: Shards<S>,
    pub(super) peers: Peers,
    consistency: Consistency,
    pub(super) watches: Watches,
    pub(super) runtime: Handle,
    counts: Counts,
}

impl<S: Store> Clone for Replicas<S> {
    fn clone(&self) -> Replicas<S> {
        Replicas { inner: Arc::clone(&self.inner) }
    }
}

impl<S: Store> Replicas<S> {
    /// The replicas as `node` reaches them over `peers`, and what it answers to other nodes. Tasks that nobody waits for
    /// run on the present Tokio runtime.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new(
        node: NodeId,
        shards: Shards<S>,
        peers: Peers,
        layouts: Layouts,
        consistency: Consistency,
    ) -> (Replicas<S>, ReplicaService<S>) {
        let runtime = Handle::current();
        let watches = Watches::new(Arc::clone(&peers), runtime.clone());
        let service = ReplicaService::new(
            node,
            shards.clone(),
            layouts,
            Arc::clone(&peers),
            consistency,
            watches.clone(),
            runtime.clone(),
        );
        let inner = Inner { node, shards, peers, consistency, watches, runtime, counts: Counts::default() };
        (Replicas { inner: Arc::new(inner) }, service)
    }

    /// Whether this node is the only one that is asked about a shard: then its store is read directly. Whatever it may have
    /// lost, no other one has it.
    pub fn is_sole(&self, layout: &Layout, shard: ShardIndex) -> bool {
        match layout.write_sets(shard) {
            [set] => *set.nodes == [self.inner.node],
            _ => false,
        }
    }

    /// Writes items of one shard in one transaction, at whichever replica can coordinate them.
    ///
    /// # Errors
    /// [`CoordinateError`] says what may have happened.
    pub async fn write(
        &self,
        layout: &Layout,
        shard: ShardIndex,
        writes: Arc<Vec<ItemWrite>>,
    ) -> Result<(), CoordinateError> {
        self.coordinate(layout, shard, writes, false).await
    }

    /// Whether writes of one shard would be refused as things stand.
    ///
    /// # Errors
    /// As [`Replicas::write`].
    pub async fn check(
        &self,
        layout: &Layout,
        shard: ShardIndex,
        writes: Arc<Vec<ItemWrite>>,
    ) -> Result<(), CoordinateError> {
        self.coordinate(layout, shard, writes, true).await
    }

    async fn coordinate(
        &self,
        layout: &Layout,
        shard: ShardIndex,
        writes: Arc<Vec<ItemWrite>>,
        is_check: bool,
    ) -> Result<(), CoordinateError> {
        let candidates = self.nearest(layout.replicas(shard));
        let (mut coordination, mut effect) = Coordination::start(candidates);
        let mut body = None;
        loop {
            let node = match effect {
                coordinator::Effect::Ask(node) => node,
                coordinator::Effect::Answer(outcome) => {
                    self.inner.counts.written(&outcome);
                    return outcome;
                }
            };
            let outcome = if node == self.inner.node {
                coordinator::Outcome::Own(self.write_here(layout, shard, Arc::clone(&writes), is_check).await)
            } else {
                let body = body.get_or_insert_with(|| coordinate_body(layout, &writes, is_check));
                self.write_at(node, body.clone()).await
            };
            effect = coordination.step(outcome);
        }
    }

    async fn write_here(
        &self,
        layout: &Layout,
        shard: ShardIndex,
        writes: Arc<Vec<ItemWrite>>,
        is_check: bool,
    ) -> Result<(), WriteError> {
        // A layout that does not give this node the shard does not name it as a candidate.
        let plan = write_plan(layout, self.inner.node, shard, self.inner.consistency)
            .map_err(|_| WriteError::NotHere)?;
        let shards = &self.inner.shards;
        if is_check {
            shards.check(shard, writes, plan).await
        } else {
            shards.write(shard, writes, plan).await
        }
    }

    async fn write_at(&self, node: NodeId, body: Bytes) -> coordinator::Outcome {
        let deadline = Duration::from_secs(COORDINATE_TIMEOUT_S);
        let answer = self.inner.peers.request(node, Link::Request, Subsystem::Replication, body, deadline);
        match answer.await.map(|answer| WriteAnswer::decode(&answer)) {
            Ok(Ok(WriteAnswer::Stored)) => coordinator::Outcome::Stored,
            Ok(Ok(WriteAnswer::Refused(refusal))) => coordinator::Outcome::Refused(refusal),
            Ok(Err(_)) => coordinator::Outcome::Refused(super::message::WriteRefusal::Unknown),
            Err(error) => coordinator::Outcome::NoAnswer(error),
        }
    }

    /// An item as a quorum of its replicas holds it; one without a live value does not exist.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn item(
        &self,
        layout: &Layout,
        partition: &Partition,
        sort_key: &SortKey,
    ) -> Result<Item<'static>, ReadError> {
        let key = ItemKey { partition: partition.hash, sort_key: sort_key.clone() };
        let (candidates, quorum) = self.readers(layout, partition.shard());
        let hedge = self.hedge(&candidates);
        let (mut read, mut effects) = ItemRead::start(candidates, quorum);
        let mut pending: FuturesUnordered<BoxFuture<'static, read::Event>> = FuturesUnordered::new();
        let mut own = Vec::new();
        loop {
            for effect in effects {
                match effect {
                    read::Effect::AskState(node) if node == self.inner.node => own.push(self.own_state(&key)),
                    read::Effect::AskHash(node) if node == self.inner.node => own.push(self.own_hash(&key)),
                    read::Effect::AskState(node) => pending.push(self.state_at(node, &key)),
                    read::Effect::AskHash(node) => pending.push(self.hash_at(node, &key)),
                    read::Effect::Hedge => pending.push(Box::pin(async move {
                        tokio::time::sleep(hedge).await;
                        read::Event::Late
                    })),
                    read::Effect::Repair(nodes, item) => {
                        self.inner.counts.repaired(nodes.len());
                        pending.push(self.repair(nodes, partition, sort_key, item));
                    }
                    read::Effect::RepairLater(nodes, item) => {
                        self.inner.counts.repaired(nodes.len());
                        self.inner.runtime.spawn(self.repair(nodes, partition, sort_key, item));
                    }
                    read::Effect::Answer(item) => return Ok(item),
                    read::Effect::Unavailable => {
                        self.inner.counts.no_quorum();
                        return Err(ReadError::Unavailable);
                    }
                }
            }
            let event = match own.pop() {
                Some(event) => event,
                None => pending.next().await.ok_or(ReadError::Unavailable)?,
            };
            let is_late = matches!(event, read::Event::Late);
            effects = read.step(event);
            let asks = |effect: &read::Effect| {
                matches!(effect, read::Effect::AskState(_) | read::Effect::AskHash(_))
            };
            if is_late && effects.iter().any(asks) {
                self.inner.counts.hedged();
            }
        }
    }

    /// What was counted since the start.
    pub fn counts(&self) -> ReplicaCounts {
        self.inner.counts.now()
    }

    fn own_state(&self, key: &ItemKey) -> read::Event {
        let (node, shard) = (self.inner.node, key.partition.shard());
        if !self.inner.shards.may_vote(shard) {
            return read::Event::Failed(node);
        }
        let view = self.inner.shards.view(shard);
        let state = view.and_then(|View { snapshot, clock, .. }| {
            let item = snapshot.item(key)?.map(Item::into_owned).unwrap_or_default();
            Ok(ReplicaItem { item, clock })
        });
        match state {
            Ok(state) => read::Event::State(node, state),
            Err(error) => {
                log::error!("an item is read at other replicas: {error}");
                read::Event::Failed(node)
            }
        }
    }

    fn own_hash(&self, key: &ItemKey) -> read::Event {
        match self.own_state(key) {
            read::Event::State(node, state) => read::Event::Hash(node, state.item.state_hash()),
            event => event,
        }
    }

    fn state_at(&self, node: NodeId, key: &ItemKey) -> BoxFuture<'static, read::Event> {
        let (partition, sort_key) = (key.partition.0, key.sort_key.as_str());
        let answer = self.ask(node, &Message::ItemState { partition, sort_key });
        Box::pin(async move {
            let body = answer.await.ok();
            let answer = body.as_deref().and_then(|body| StateAnswer::decode(body).ok());
            let state = answer.filter(|answer| answer.may_vote).and_then(|answer| {
                let item = match &answer.item {
                    Some(item) => item.open().ok()?.into_owned(),
                    None => Item::empty(),
                };
                Some(ReplicaItem { item, clock: answer.clock.open().ok()? })
            });
            state.map_or(read::Event::Failed(node), |state| read::Event::State(node, state))
        })
    }

    fn hash_at(&self, node: NodeId, key: &ItemKey) -> BoxFuture<'static, read::Event> {
        let (partition, sort_key) = (key.partition.0, key.sort_key.as_str());
        let answer = self.ask(node, &Message::ItemDigest { partition, sort_key });
        Box::pin(async move {
            let answer = answer.await.ok().and_then(|body| DigestAnswer::decode(&body).ok());
            match answer.filter(|answer| answer.may_vote) {
                Some(answer) => read::Event::Hash(node, answer.hash.map_or(0, |hash| hash.0)),
                None => read::Event::Failed(node),
            }
        })
    }

    fn repair(
        &self,
        nodes: Vec<NodeId>,
        partition: &Partition,
        sort_key: &SortKey,
        item: Item<'static>,
    ) -> BoxFuture<'static, read::Event> {
        let states = [(sort_key.clone(), item)];
        let mended = nodes.into_iter().map(|node| self.mend(node, partition, &states));
        let mended = futures_util::future::join_all(mended);
        Box::pin(async move {
            let durable = mended.await.into_iter().filter(|is_durable| *is_durable);
            read::Event::Repaired(durable.count())
        })
    }

    /// Has a replica merge these states.
    pub(super) fn mend(
        &self,
        at: NodeId,
        partition: &Partition,
        states: &[(SortKey, Item<'static>)],
    ) -> BoxFuture<'static, bool> {
        let Inner { node, shards, peers, .. } = &*self.inner;
        super::mend::mend(shards, peers, *node, at, partition, states)
    }

    /// The replicas that a read of the shard may ask, and how many of them it needs.
    pub(super) fn readers(&self, layout: &Layout, shard: ShardIndex) -> (Vec<NodeId>, usize) {
        let ReplicaSet { nodes, quorum } = layout.read_set(shard);
        (self.nearest(nodes), self.quorum_of(*quorum))
    }

    /// How many replicas a read asks of a set with this quorum.
    pub(super) fn quorum_of(&self, quorum: usize) -> usize {
        self.inner.consistency.read_quorum(quorum)
    }

    pub(super) fn nearest(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        nearest_first(self.inner.node, nodes, &self.inner.peers.links())
    }

    /// How long an answer usually takes at most: then another replica is asked as well.
    pub(super) fn hedge(&self, candidates: &[NodeId]) -> Duration {
        let links = self.inner.peers.links();
        let usual = candidates.iter().take(2).filter_map(|node| links.get(node)?.answer_p95_us);
        let usual_ms = usual.max().map_or(HEDGE_MS_DEFAULT, |time_us| time_us.div_ceil(1000));
        Duration::from_millis(usual_ms.clamp(*HEDGE_MS.start(), *HEDGE_MS.end()))
    }

    pub(super) fn ask(
        &self,
        node: NodeId,
        message: &Message<'_>,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let body = Bytes::from(message.encode());
        let deadline = Duration::from_secs(REPLICA_READ_TIMEOUT_S);
        self.inner.peers.request(node, Link::Request, Subsystem::Replication, body, deadline)
    }
}

fn coordinate_body(layout: &Layout, writes: &[ItemWrite], is_check: bool) -> Bytes {
    let version = layout.version().number;
    let writes = writes.iter().map(WireWrite::of).collect();
    let message =
        if is_check { Message::Check { version, writes } } else { Message::Coordinate { version, writes } };
    message.encode().into()
}
