use super::core::Event;
use super::members::Members;
use super::message::Message;
use crate::ids::NodeId;
use crate::incarnation::IncarnationPort;
use crate::limits::MEMBERSHIP_INBOX_MAX;
use crate::transport::{Refusal, Serve};
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Who is up, for the rest of the node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Membership {
    pub(super) members: Arc<ArcSwap<Members>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) started: Instant,
}

impl Membership {
    /// The other nodes as of now.
    pub fn members(&self) -> Arc<Members> {
        self.members.load_full()
    }

    /// How long ago that was which a member is [`Member::since`](super::Member::since).
    pub fn ago(&self, since: Duration) -> Duration {
        self.started.elapsed().saturating_sub(since)
    }

    /// Tells the others that this node stops. Returns once the messages are with the transport.
    pub async fn leave(&self) {
        if self.events.send(Event::Leave).await.is_ok() {
            // The actor closes its inbox once it has left.
            self.events.closed().await;
        }
    }
}

/// What the transport is given to deliver to: see [`inbox`].
#[derive(Debug)]
pub struct MembershipService {
    events: mpsc::Sender<Event>,
    /// Where messages about memories go.
    incarnation: OnceLock<IncarnationPort>,
    has_missed_links: Arc<AtomicBool>,
}

/// What came and was not taken in yet.
#[derive(Debug)]
pub struct MembershipInbox {
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) sender: mpsc::Sender<Event>,
    /// A link came or went while the inbox was full: the links have to be looked at anew.
    pub(super) has_missed_links: Arc<AtomicBool>,
}

/// Both ends of what waits for the membership actor, made before the transport that fills it and that the actor needs.
pub fn inbox() -> (Arc<MembershipService>, MembershipInbox) {
    let (sender, events) = mpsc::channel(MEMBERSHIP_INBOX_MAX);
    let has_missed_links = Arc::new(AtomicBool::new(false));
    let service = MembershipService {
        events: sender.clone(),
        incarnation: OnceLock::new(),
        has_missed_links: Arc::clone(&has_missed_links),
    };
    (Arc::new(service), MembershipInbox { events, sender, has_missed_links })
}

impl MembershipService {
    /// Hands what peers tell of memories on to `port`. Until then it is lost, and told again.
    pub fn hand_on(&self, port: IncarnationPort) {
        // There is one watch over a node's memory.
        let _ = self.incarnation.set(port);
    }
}

impl Serve for MembershipService {
    fn serve(&self, _: NodeId, _: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        Box::pin(std::future::ready(Err(Refusal::NotServed)))
    }

    fn told(&self, from: NodeId, body: Bytes) {
        let event = match Message::decode(&body) {
            Ok(Message::Gossip { wall_ms, packet }) => Event::Gossip { from, wall_ms, packet },
            Ok(Message::About(about)) => Event::About { from, about },
            Ok(Message::Incarnation(message)) => {
                if let Some(port) = self.incarnation.get() {
                    port.told(from, message);
                }
                return;
            }
            Err(error) => {
                log::debug!("from node {from}: {error}");
                return;
            }
        };
        // What finds no room is lost, as anything on the network may be.
        let _ = self.events.try_send(event);
    }

    fn link(&self, peer: NodeId, is_up: bool) {
        if let Some(port) = self.incarnation.get() {
            port.link(peer, is_up);
        }
        let event = if is_up { Event::LinkUp(peer) } else { Event::LinkDown(peer) };
        if self.events.try_send(event).is_err() {
            self.has_missed_links.store(true, Ordering::Release);
        }
    }
}
