//! The shell that answers other nodes: reads from this node's snapshots, writes and subscriptions through its shards.

use super::message::{
    ChangesAnswer, Message, PageAnswer, PageRows, SubscribeAnswer, WireClock, WireHash, WireRange,
    WireSelection, WireSince, WireWatched, WireWrite, WriteAnswer, WriteRefusal,
};
use super::page::PageLimits;
use super::plan::{Consistency, write_plan};
use super::serve::{self, PageQuestion, ShowError};
use super::watches::Watches;
use crate::causality::SeenMarker;
use crate::ids::{ActorId, ItemKey, NodeId, PartitionHash, SortKey};
use crate::layout::Layout;
use crate::limits::SIGNAL_RETRY_MS;
use crate::shard::{Changes, PollError, Shards, Since, Subscription, Watched};
use crate::store::Store;
use crate::transport::{NotSent, Peers, Refusal, Serve, Subsystem};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// The layout that is in force when it is asked for.
pub type Layouts = Arc<dyn Fn() -> Layout + Send + Sync>;

/// What a node answers to the gateways of others.
pub struct ReplicaService<S: Store> {
    inner: Arc<Inner<S>>,
}

struct Inner<S: Store> {
    node: NodeId,
    shards: Shards<S>,
    layouts: Layouts,
    peers: Peers,
    consistency: Consistency,
    watches: Watches,
    runtime: Handle,
    /// Subscriptions of other nodes, by node and their number.
    served: Mutex<BTreeMap<(NodeId, u64), AbortHandle>>,
}

impl<S: Store> ReplicaService<S> {
    pub(super) fn new(
        node: NodeId,
        shards: Shards<S>,
        layouts: Layouts,
        peers: Peers,
        consistency: Consistency,
        watches: Watches,
        runtime: Handle,
    ) -> ReplicaService<S> {
        let served = Mutex::default();
        ReplicaService {
            inner: Arc::new(Inner { node, shards, layouts, peers, consistency, watches, runtime, served }),
        }
    }
}

impl<S: Store> Serve for ReplicaService<S> {
    fn serve(&self, from: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.answer(from, &body).await.map(Bytes::from) })
    }

    fn told(&self, from: NodeId, body: Bytes) {
        match Message::decode(&body) {
            Ok(Message::Signal { poll }) => self.inner.watches.signalled(from, poll),
            Ok(Message::Unsubscribe { poll }) => self.inner.end(from, poll),
            Ok(message) => log::debug!("{from} told what it should have asked: {message:?}"),
            Err(error) => log::debug!("{from} told something that cannot be read: {error}"),
        }
    }

    fn link(&self, peer: NodeId, is_up: bool) {
        if is_up {
            return;
        }
        self.inner.watches.link_lost(peer);
        let mut served = self.inner.served();
        let gone: Vec<_> = served.range((peer, 0)..=(peer, u64::MAX)).map(|(place, _)| *place).collect();
        for place in gone {
            served.remove(&place).as_ref().map(AbortHandle::abort);
        }
    }
}

impl<S: Store> Inner<S> {
    async fn answer(self: &Arc<Self>, from: NodeId, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let message = Message::decode(body).map_err(|error| refusal(from, &error.into()))?;
        let shards = &self.shards;
        let shown = match message {
            Message::Coordinate { version, writes } => {
                return self.write(from, version, writes, false).await;
            }
            Message::Check { version, writes } => return self.write(from, version, writes, true).await,
            Message::Subscribe { poll, watched } => return self.subscribe(from, poll, watched).await,
            Message::Changes { partition, range, marker } => {
                let partition = PartitionHash(partition);
                return self.changes(from, partition, range, marker).await;
            }
            Message::ItemsPage {
                partition,
                selection,
                items_max,
                bytes_max,
                changed_since: Some(seen),
                ..
            } => {
                let limits = PageLimits {
                    items_max: items_max as usize,
                    bytes_max: bytes_max as usize,
                    ..PageLimits::default()
                };
                let partition = PartitionHash(partition);
                return self.changed_rows(from, partition, selection, &seen, limits).await;
            }
            Message::ItemDigest { partition, sort_key } => item_key(partition, sort_key)
                .and_then(|key| serve::item_digest(shards, &key))
                .map(|answer| answer.encode()),
            Message::ItemState { partition, sort_key } => {
                item_key(partition, sort_key).and_then(|key| serve::item_state(shards, &key))
            }
            Message::ItemsPage { partition, selection, items_max, bytes_max, form, changed_since: None } => {
                selection.open().map_err(ShowError::from).and_then(|selection| {
                    let (items_max, bytes_max) = (items_max as usize, bytes_max as usize);
                    let partition = PartitionHash(partition);
                    let question = PageQuestion { partition, selection, items_max, bytes_max, form };
                    serve::page(shards, &question)
                })
            }
            Message::PartitionsPage { bucket, range, rows_max } => range
                .open()
                .map_err(ShowError::from)
                .and_then(|range| Ok(serve::partitions(shards, bucket, &range, rows_max as usize)?.encode())),
            Message::Unsubscribe { .. } | Message::Signal { .. } => return Err(Refusal::NotServed),
        };
        shown.map_err(|error| refusal(from, &error))
    }

    /// Coordinates writes of another node's client, by this node's own layout.
    async fn write(
        &self,
        from: NodeId,
        version: u64,
        writes: Vec<WireWrite<'_>>,
        is_check: bool,
    ) -> Result<Vec<u8>, Refusal> {
        let (shard, writes) = WireWrite::open_all(writes).map_err(|error| refusal(from, &error.into()))?;
        let writes = Arc::new(writes);
        // Held until the write has ended: the layout knows by it that the write may be under way.
        let layout = (self.layouts)();
        let plan = write_plan(&layout, self.node, shard, self.consistency);
        let (true, Ok(plan)) = (layout.version().number >= version, plan) else {
            return Ok(WriteAnswer::Refused(WriteRefusal::NotCoordinator).encode());
        };
        let outcome = if is_check {
            self.shards.check(shard, writes, plan).await
        } else {
            self.shards.write(shard, writes, plan).await
        };
        drop(layout);
        Ok(match outcome {
            Ok(()) => WriteAnswer::Stored,
            Err(error) => {
                let refusal = WriteRefusal::of(&error);
                if matches!(refusal, WriteRefusal::NotRead) {
                    log::error!("a write of {from} was refused: {error}");
                }
                WriteAnswer::Refused(refusal)
            }
        }
        .encode())
    }

    async fn changes(
        &self,
        from: NodeId,
        partition: PartitionHash,
        range: WireRange<'_>,
        marker: Vec<(ActorId, u64)>,
    ) -> Result<Vec<u8>, Refusal> {
        let range = range.open().map_err(|error| refusal(from, &error.into()))?;
        let marker = SeenMarker { seen: marker };
        let changes = self.shards.changes(partition, range, marker).await;
        let Changes { marker, since, .. } = changes.map_err(|error| refusal(from, &error.into()))?;
        let since = match &since {
            Since::Everything => WireSince::Everything,
            Since::Recent(keys) => WireSince::Recent(keys.iter().map(|key| key.as_str().into()).collect()),
            Since::Unseen => WireSince::Unseen,
        };
        let (may_vote, reach) = (self.shards.may_vote(partition.shard()), marker.seen.first().copied());
        Ok(ChangesAnswer { may_vote, reach, since }.encode())
    }

    async fn changed_rows(
        &self,
        from: NodeId,
        partition: PartitionHash,
        selection: WireSelection<'_>,
        seen: &[(ActorId, u64)],
        limits: PageLimits,
    ) -> Result<Vec<u8>, Refusal> {
        let selection = selection.open().map_err(|error| refusal(from, &error.into()))?;
        let page = serve::changed_rows(&self.shards, partition, &selection, seen, limits).await;
        let page = page.map_err(|error| refusal(from, &error))?;
        let rows = page.rows.iter().map(|(key, hash)| (key.as_str(), WireHash(*hash))).collect();
        let answer = PageAnswer {
            may_vote: self.shards.may_vote(partition.shard()),
            clock: WireClock::default(),
            upto: page.upto.as_deref().map(Cow::Borrowed),
            rows: PageRows::Hashes(rows),
        };
        Ok(answer.encode())
    }

    async fn subscribe(
        self: &Arc<Self>,
        from: NodeId,
        poll: u64,
        watched: WireWatched<'_>,
    ) -> Result<Vec<u8>, Refusal> {
        let watched = watched.open().map_err(|error| refusal(from, &error.into()))?;
        let shard = match &watched {
            Watched::Item(key) => key.partition.shard(),
            Watched::Range(partition, _) => partition.shard(),
        };
        let subscription = match watched {
            Watched::Item(key) => self.shards.subscribe_item(key).await,
            Watched::Range(partition, range) => self.shards.subscribe_range(partition, range).await,
        };
        let answer = match subscription {
            Ok(subscription) => {
                let task = self.runtime.spawn(signal(Arc::clone(self), from, poll, subscription));
                let earlier = self.served().insert((from, poll), task.abort_handle());
                earlier.as_ref().map(AbortHandle::abort);
                SubscribeAnswer::Subscribed { may_vote: self.shards.may_vote(shard) }
            }
            Err(PollError::TooMany) => SubscribeAnswer::TooMany,
            Err(PollError::Stopping) => SubscribeAnswer::Stopping,
        };
        Ok(answer.encode())
    }

    fn end(&self, from: NodeId, poll: u64) {
        self.served().remove(&(from, poll)).as_ref().map(AbortHandle::abort);
    }

    fn served(&self) -> MutexGuard<'_, BTreeMap<(NodeId, u64), AbortHandle>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signals every commit. Where there is no room for a signal it is sent later, one for all commits until then; without a
/// link the other node knows that it hears nothing.
async fn signal<S: Store>(inner: Arc<Inner<S>>, to: NodeId, poll: u64, subscription: Subscription) {
    loop {
        subscription.changed().await;
        let body = Bytes::from(Message::Signal { poll }.encode());
        while let Err(error) = inner.peers.tell(to, Subsystem::Replication, body.clone()) {
            match error {
                NotSent::QueueFull => tokio::time::sleep(Duration::from_millis(SIGNAL_RETRY_MS)).await,
                NotSent::NoLink | NotSent::TooLong | NotSent::Stopping => break,
            }
        }
    }
}

fn item_key(partition: [u8; 16], sort_key: &str) -> Result<ItemKey, ShowError> {
    let sort_key = SortKey::new(sort_key).map_err(|_| super::message::MessageError::Malformed)?;
    Ok(ItemKey { partition: PartitionHash(partition), sort_key })
}

fn refusal(from: NodeId, error: &ShowError) -> Refusal {
    match error {
        ShowError::Message(error) => {
            log::debug!("a question of {from} cannot be read: {error}");
            Refusal::Malformed
        }
        ShowError::Poll(_) => Refusal::Stopping,
        ShowError::Store(error) => {
            log::error!("nothing can be shown to {from}: {error}");
            Refusal::Failed
        }
    }
}
