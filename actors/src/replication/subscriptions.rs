//! Which pollers of this node wait for commits at which other replicas: one subscription for each replica and key, shared
//! by all who wait for the same.

use super::message::WireWatched;
use crate::ids::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// One poller's part in a subscription.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Waiter(pub u64);

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Subscribe at a replica, then report [`Subscriptions::answered`]. The waiter that asked is told with the others.
    Subscribe {
        /// Which replica.
        peer: NodeId,
        /// Under which number: never used again.
        poll: u64,
    },
    /// Nobody waits there any more.
    Unsubscribe {
        /// Which replica.
        peer: NodeId,
        /// Which subscription.
        poll: u64,
    },
    /// The waiter is subscribed: every commit from now on wakes it.
    Subscribed(Waiter),
    /// There was a commit.
    Wake(Waiter),
    /// The replica signals no more, or never did.
    Lost(Waiter),
}

/// What is waited for at one replica.
type Place = (NodeId, WireWatched<'static>);

#[derive(Debug)]
struct Shared {
    place: Place,
    is_subscribed: bool,
    waiters: BTreeSet<Waiter>,
}

/// The subscriptions of one node at others.
#[derive(Debug, Default)]
pub struct Subscriptions {
    next_poll: u64,
    next_waiter: u64,
    shared: BTreeMap<u64, Shared>,
    by_place: BTreeMap<Place, u64>,
    of_waiter: BTreeMap<Waiter, u64>,
}

impl Subscriptions {
    /// A poller wants to be woken by commits at `peer`.
    pub fn join(&mut self, peer: NodeId, watched: WireWatched<'static>) -> (Waiter, Option<Effect>) {
        let waiter = Waiter(self.next_waiter);
        self.next_waiter += 1;
        let place = (peer, watched);
        let known = self.by_place.get(&place).copied();
        let poll = known.unwrap_or(self.next_poll);
        self.of_waiter.insert(waiter, poll);
        if let Some(shared) = self.shared.get_mut(&poll) {
            shared.waiters.insert(waiter);
            return (waiter, shared.is_subscribed.then_some(Effect::Subscribed(waiter)));
        }
        self.next_poll += 1;
        self.by_place.insert(place.clone(), poll);
        let waiters = BTreeSet::from([waiter]);
        self.shared.insert(poll, Shared { place, is_subscribed: false, waiters });
        (waiter, Some(Effect::Subscribe { peer, poll }))
    }

    /// A replica answered to [`Effect::Subscribe`], or did not.
    pub fn answered(&mut self, poll: u64, is_subscribed: bool) -> Vec<Effect> {
        if !is_subscribed {
            return self.end(poll);
        }
        let Some(shared) = self.shared.get_mut(&poll) else { return Vec::new() };
        shared.is_subscribed = true;
        shared.waiters.iter().copied().map(Effect::Subscribed).collect()
    }

    /// A replica signalled a commit.
    pub fn signalled(&self, peer: NodeId, poll: u64) -> Vec<Effect> {
        let shared = self.shared.get(&poll).filter(|shared| shared.place.0 == peer);
        shared.into_iter().flat_map(|shared| &shared.waiters).copied().map(Effect::Wake).collect()
    }

    /// The link to a replica is lost, and with it what the replica was to signal.
    pub fn link_lost(&mut self, peer: NodeId) -> Vec<Effect> {
        let lost = self.shared.iter().filter(|(_, shared)| shared.place.0 == peer);
        let lost: Vec<u64> = lost.map(|(poll, _)| *poll).collect();
        lost.into_iter().flat_map(|poll| self.end(poll)).collect()
    }

    /// A poller waits no more.
    pub fn leave(&mut self, waiter: Waiter) -> Option<Effect> {
        let poll = self.of_waiter.remove(&waiter)?;
        let shared = self.shared.get_mut(&poll)?;
        shared.waiters.remove(&waiter);
        if !shared.waiters.is_empty() {
            return None;
        }
        let peer = shared.place.0;
        self.end(poll);
        Some(Effect::Unsubscribe { peer, poll })
    }

    fn end(&mut self, poll: u64) -> Vec<Effect> {
        let Some(shared) = self.shared.remove(&poll) else { return Vec::new() };
        self.by_place.remove(&shared.place);
        shared.waiters.iter().for_each(|waiter| _ = self.of_waiter.remove(waiter));
        shared.waiters.into_iter().map(Effect::Lost).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    fn item(key: &str) -> WireWatched<'static> {
        WireWatched::Item { partition: [1; 16], sort_key: key.to_owned().into() }
    }

    #[test]
    fn pollers_of_the_same_item_share_one_subscription_at_each_replica() {
        let mut subscriptions = Subscriptions::default();
        let (first, effect) = subscriptions.join(node(1), item("a"));
        assert_eq!(effect, Some(Effect::Subscribe { peer: node(1), poll: 0 }));
        let (second, effect) = subscriptions.join(node(1), item("a"));
        assert_eq!(effect, None, "the answer to the first is the answer to both");
        assert_eq!(subscriptions.answered(0, true), [Effect::Subscribed(first), Effect::Subscribed(second)]);
        let (third, effect) = subscriptions.join(node(1), item("a"));
        assert_eq!(effect, Some(Effect::Subscribed(third)));
        let (_, effect) = subscriptions.join(node(2), item("a"));
        assert_eq!(effect, Some(Effect::Subscribe { peer: node(2), poll: 1 }));
        assert_eq!(
            subscriptions.signalled(node(1), 0),
            [Effect::Wake(first), Effect::Wake(second), Effect::Wake(third)]
        );
        assert_eq!(subscriptions.signalled(node(2), 0), [], "a number is the replica's own");
        assert_eq!((subscriptions.leave(first), subscriptions.leave(second)), (None, None));
        assert_eq!(subscriptions.leave(third), Some(Effect::Unsubscribe { peer: node(1), poll: 0 }));
        assert_eq!(subscriptions.signalled(node(1), 0), []);
    }

    #[test]
    fn a_lost_link_and_a_refusal_are_told_to_all_who_wait() {
        let mut subscriptions = Subscriptions::default();
        let (first, _) = subscriptions.join(node(1), item("a"));
        let (second, _) = subscriptions.join(node(1), item("b"));
        subscriptions.answered(0, true);
        assert_eq!(subscriptions.answered(1, false), [Effect::Lost(second)]);
        assert_eq!(subscriptions.link_lost(node(2)), []);
        assert_eq!(subscriptions.link_lost(node(1)), [Effect::Lost(first)]);
        assert_eq!(subscriptions.answered(0, true), [], "an answer that is late is nobody's");
        assert_eq!(subscriptions.leave(first), None);
        let (_, effect) = subscriptions.join(node(1), item("a"));
        assert_eq!(effect, Some(Effect::Subscribe { peer: node(1), poll: 2 }));
    }
}
