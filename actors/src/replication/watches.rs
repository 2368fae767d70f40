//! The pollers of this node that wait for other replicas: the table of subscriptions, and how each poller is woken.

use super::message::{Message, SubscribeAnswer, WireWatched};
use super::subscriptions::{Effect, Subscriptions, Waiter};
use crate::ids::NodeId;
use crate::limits::SUBSCRIBE_TIMEOUT_MS;
use crate::transport::{Link, Peers, Subsystem};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The pollers of one node. Clones are the same.
#[derive(Clone)]
pub(super) struct Watches {
    table: Arc<Mutex<Table>>,
    peers: Peers,
    runtime: Handle,
}

#[derive(Default)]
struct Table {
    subscriptions: Subscriptions,
    waiters: BTreeMap<Waiter, Arc<Ears>>,
}

/// What one poller hears of one replica.
#[derive(Debug, Default)]
struct Ears {
    heard: Mutex<Heard>,
    /// One for all replicas that the poller waits for.
    bell: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    is_subscribed: bool,
    is_signalled: bool,
    is_lost: bool,
}

/// One poller's place at one replica; dropping it frees the place.
pub(super) struct Place {
    waiter: Waiter,
    ears: Arc<Ears>,
    watches: Watches,
}

impl Watches {
    /// Pollers that reach other replicas over `peers`.
    pub(super) fn new(peers: Peers, runtime: Handle) -> Watches {
        Watches { table: Arc::default(), peers, runtime }
    }

    /// Asks `peer` to ring `bell` at each commit. Whether it does is heard later.
    pub(super) fn join(&self, peer: NodeId, watched: WireWatched<'static>, bell: &Arc<Notify>) -> Place {
        let ears = Arc::new(Ears { heard: Mutex::default(), bell: Arc::clone(bell) });
        let mut table = self.lock();
        let (waiter, effect) = table.subscriptions.join(peer, watched.clone());
        table.waiters.insert(waiter, Arc::clone(&ears));
        drop(table);
        match effect {
            Some(Effect::Subscribe { peer, poll }) => self.subscribe(peer, poll, watched),
            Some(effect) => self.run([effect]),
            None => {}
        }
        Place { waiter, ears, watches: self.clone() }
    }

    /// A replica signalled a commit.
    pub(super) fn signalled(&self, peer: NodeId, poll: u64) {
        let effects = self.lock().subscriptions.signalled(peer, poll);
        self.run(effects);
    }

    /// The link to a replica went down.
    pub(super) fn link_lost(&self, peer: NodeId) {
        let effects = self.lock().subscriptions.link_lost(peer);
        self.run(effects);
    }

    /// A task of its own: other pollers may share the subscription by the time that this one hangs up.
    fn subscribe(&self, peer: NodeId, poll: u64, watched: WireWatched<'static>) {
        let body = Bytes::from(Message::Subscribe { poll, watched }.encode());
        let deadline = Duration::from_millis(SUBSCRIBE_TIMEOUT_MS);
        let answer = self.peers.request(peer, Link::Request, Subsystem::Replication, body, deadline);
        let watches = self.clone();
        self.runtime.spawn(async move {
            let answer = answer.await.ok().and_then(|body| SubscribeAnswer::decode(&body).ok());
            // A replica without a vote may miss what was acknowledged without it.
            let is_subscribed = answer == Some(SubscribeAnswer::Subscribed { may_vote: true });
            let effects = watches.lock().subscriptions.answered(poll, is_subscribed);
            if effects.is_empty() || !is_subscribed {
                watches.unsubscribe(peer, poll);
            }
            watches.run(effects);
        });
    }

    fn unsubscribe(&self, peer: NodeId, poll: u64) {
        let body = Bytes::from(Message::Unsubscribe { poll }.encode());
        // Where it does not arrive the replica signals in vain, until the link ends.
        let _ = self.peers.tell(peer, Subsystem::Replication, body);
    }

    fn run(&self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            match effect {
                Effect::Subscribed(waiter) => self.tell(waiter, |heard| heard.is_subscribed = true),
                Effect::Wake(waiter) => self.tell(waiter, |heard| heard.is_signalled = true),
                Effect::Lost(waiter) => self.tell(waiter, |heard| heard.is_lost = true),
                Effect::Unsubscribe { peer, poll } => self.unsubscribe(peer, poll),
                // Only joining asks for it, and sees to it.
                Effect::Subscribe { .. } => {}
            }
        }
    }

    fn tell(&self, waiter: Waiter, change: impl FnOnce(&mut Heard)) {
        let ears = self.lock().waiters.get(&waiter).cloned();
        if let Some(ears) = ears {
            change(&mut ears.heard.lock().unwrap_or_else(PoisonError::into_inner));
            ears.bell.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the replica rings at each commit.
    pub(super) fn is_subscribed(&self) -> bool {
        let heard = self.heard();
        heard.is_subscribed && !heard.is_lost
    }

    /// Whether the replica rings no more, or never did.
    pub(super) fn is_lost(&self) -> bool {
        self.heard().is_lost
    }

    /// Whether it rang since the last call.
    pub(super) fn take_signal(&self) -> bool {
        let mut heard = self.ears.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard.is_signalled)
    }

    fn heard(&self) -> Heard {
        *self.ears.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.watches.lock();
        table.waiters.remove(&self.waiter);
        let effect = table.subscriptions.leave(self.waiter);
        drop(table);
        self.watches.run(effect);
    }
}
