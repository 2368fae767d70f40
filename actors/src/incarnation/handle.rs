use super::core::Event;
use super::message::Message;
use super::standing::Standing;
use crate::ids::NodeId;
use crate::limits::MEMBERSHIP_INBOX_MAX;
use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What is known of this node's memory at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Whether the node counts.
    pub standing: Standing,
    /// The id of its life: what other nodes bind to that holds only as long as it has its memory.
    pub life: u64,
    /// The peers that answered since this start. A comparison with one of them counts towards the end of a loss if it began
    /// afterwards: they have voided what an earlier life of this node acknowledged.
    pub answered: BTreeSet<NodeId>,
}

/// The watch over this node's memory, for the rest of the node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Incarnation {
    pub(super) shown: Arc<ArcSwap<Shown>>,
    pub(super) events: mpsc::Sender<Event>,
}

impl Incarnation {
    /// What is known as of now.
    pub fn shown(&self) -> Arc<Shown> {
        self.shown.load_full()
    }

    /// Whether this node counts towards the quorum of a read.
    pub fn may_vote(&self) -> bool {
        self.shown.load().standing.may_vote()
    }

    /// The live layout versions changed: see [`Event::Replicas`].
    pub async fn set_replicas(&self, replicas: BTreeSet<BTreeSet<NodeId>>) {
        // Without an actor the node is stopping.
        let _ = self.events.send(Event::Replicas(replicas)).await;
    }

    /// An operator, told what may be missing, says not to wait any longer.
    pub async fn trust(&self) {
        let _ = self.events.send(Event::Trusted).await;
    }
}

/// What came and was not taken in yet.
#[derive(Debug)]
pub struct IncarnationInbox {
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) sender: mpsc::Sender<Event>,
}

/// Where what peers say is put, made before the transport that brings it.
#[derive(Clone, Debug)]
pub struct IncarnationPort(mpsc::Sender<Event>);

/// Both ends of what waits for the actor.
pub fn inbox() -> (IncarnationPort, IncarnationInbox) {
    let (sender, events) = mpsc::channel(MEMBERSHIP_INBOX_MAX);
    (IncarnationPort(sender.clone()), IncarnationInbox { events, sender })
}

impl IncarnationPort {
    /// A peer told something. Without room it is lost: it asks again.
    pub fn told(&self, from: NodeId, message: Message) {
        let _ = self.0.try_send(Event::Told { from, message });
    }

    /// A link came or went. Without room it is found a second later.
    pub fn link(&self, peer: NodeId, is_up: bool) {
        let _ = self.0.try_send(if is_up { Event::LinkUp(peer) } else { Event::LinkDown(peer) });
    }
}

/// What the shards and their comparisons have to know of lost memories.
pub trait Remembering: Send + Sync + 'static {
    /// `peer` may have lost its memory: what it acknowledged of writes that are not answered yet is void once this returns.
    fn peer_is_reborn(&self, peer: NodeId) -> BoxFuture<'static, ()>;

    /// This node lost its memory: every shard has to be compared with all other replicas, by comparisons that begin after this
    /// returns.
    fn lost_memory(&self) -> BoxFuture<'static, ()>;

    /// An operator says not to wait for the comparisons that [`Remembering::lost_memory`] began.
    fn stop_waiting(&self) -> BoxFuture<'static, ()>;

    /// Whether the comparisons that [`Remembering::lost_memory`] began are over.
    fn is_complete(&self) -> bool;
}
