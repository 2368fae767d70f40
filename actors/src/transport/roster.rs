//! Which peers there are, where to connect to them and when, and which of two connections stays.
//!
//! ```text
//! address ──▶ due ──▶ dialed ──▶ link up ──▶ link down ─┐
//!                └──▶ failed: later ◀───────────────────┘
//! ```
//!
//! Of two links that both sides made at once, the one that the node with the smaller id made stays; both sides decide so by
//! themselves. A newer run of the peer replaces what is left of its older one.

use super::hello::Goodbye;
use super::{Link, LinkState};
use crate::ids::NodeId;
use crate::limits::{DIAL_COURTESY_MS, DIAL_PAUSE_MS, PEER_ADDR_BYTES_MAX, PEER_ADDRS_MAX};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A connection to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Dial {
    /// Where to.
    pub(crate) addr: String,
    /// Who has to be there.
    pub(crate) expects: Option<NodeId>,
    /// What for.
    pub(crate) link: Link,
}

/// A link that has said its hellos.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Up {
    /// Tells links of this process apart.
    pub(crate) serial: u64,
    /// Who connected.
    pub(crate) dialer: NodeId,
    /// The peer's run.
    pub(crate) boot: u64,
}

/// An address.
struct Target {
    /// Who has to be there, as somebody said.
    pinned: Option<NodeId>,
    /// Who was there last.
    learned: Option<NodeId>,
    attempts: [Attempt; 2],
    problem: Option<String>,
}

#[derive(Clone, Copy)]
struct Attempt {
    is_under_way: bool,
    failures: u32,
    due: Instant,
}

impl Target {
    fn node(&self) -> Option<NodeId> {
        self.pinned.or(self.learned)
    }
}

#[derive(Default)]
struct Peer {
    links: [Option<Up>; 2],
    state: LinkState,
}

/// Peers and addresses.
pub(crate) struct Roster {
    own: NodeId,
    targets: BTreeMap<String, Target>,
    peers: BTreeMap<NodeId, Peer>,
    removed: BTreeSet<NodeId>,
}

impl Roster {
    /// The roster of node `own`, which does not speak to nodes that were `removed`.
    pub(crate) fn new(own: NodeId, removed: BTreeSet<NodeId>) -> Roster {
        Roster { own, targets: BTreeMap::new(), peers: BTreeMap::new(), removed }
    }

    /// Has `addr` be connected to, where `node` was last heard of, if that is known. Whether the address was new.
    pub(crate) fn learn(&mut self, now: Instant, addr: &str, node: Option<NodeId>) -> bool {
        if let Some(target) = self.targets.get_mut(addr) {
            target.learned = node.or(target.learned);
            return false;
        }
        let is_removed = node.is_some_and(|node| self.removed.contains(&node));
        let is_of_use = node != Some(self.own) && !is_removed && addr.len() <= PEER_ADDR_BYTES_MAX;
        if !is_of_use || self.targets.len() >= PEER_ADDRS_MAX {
            return false;
        }
        let attempt = Attempt { is_under_way: false, failures: 0, due: now };
        let target = Target { pinned: None, learned: node, attempts: [attempt; 2], problem: None };
        self.targets.insert(addr.to_owned(), target);
        if let Some(node) = node {
            self.peers.entry(node).or_default().state.addr.get_or_insert_with(|| addr.to_owned());
        }
        true
    }

    /// Takes nobody but `node` at `addr`, which is known.
    pub(crate) fn pin(&mut self, addr: &str, node: NodeId) {
        if let Some(target) = self.targets.get_mut(addr) {
            target.pinned = Some(node);
        }
    }

    /// Connects to `addr` as soon as it can, and forgets what was wrong with it.
    pub(crate) fn try_again(&mut self, now: Instant, addr: &str) {
        if let Some(target) = self.targets.get_mut(addr) {
            target.problem = None;
            target.attempts.iter_mut().for_each(|attempt| attempt.due = now);
        }
    }

    /// What became of `addr`: who is linked there, or what was wrong; `None` while it is tried.
    pub(crate) fn outcome(&self, addr: &str) -> Option<Result<NodeId, String>> {
        let Some(target) = self.targets.get(addr) else {
            return Some(
                Err("the address is not taken in: it is too long, or there are too many".to_owned()),
            );
        };
        if let Some(problem) = &target.problem {
            return Some(Err(problem.clone()));
        }
        let node = target.node()?;
        if node == self.own {
            return Some(Err("the address is this node's own".to_owned()));
        }
        let is_up = self.peers.get(&node).is_some_and(|peer| peer.links[Link::Request as usize].is_some());
        is_up.then_some(Ok(node))
    }

    /// Speaks to `node` again although it was removed.
    pub(crate) fn take_in(&mut self, node: NodeId) {
        self.removed.remove(&node);
    }

    /// Speaks to `node` no more. The serials of its links, which are to be ended.
    pub(crate) fn remove(&mut self, node: NodeId) -> Vec<u64> {
        self.removed.insert(node);
        self.targets.retain(|_, target| target.node() != Some(node));
        let links = self.peers.get(&node).map_or([None, None], |peer| peer.links);
        links.into_iter().flatten().map(|up| up.serial).collect()
    }

    /// What is to be connected now. Each is followed by [`Roster::dialed`] or [`Roster::failed`].
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Dial> {
        let mut busy = BTreeSet::new();
        for target in self.targets.values() {
            let links = Link::ALL.into_iter().filter(|link| target.attempts[*link as usize].is_under_way);
            busy.extend(links.filter_map(|link| Some((target.node()?, link))));
        }
        let mut dials = Vec::new();
        for (addr, target) in &mut self.targets {
            let node = target.node();
            for link in Link::ALL {
                let attempt = &mut target.attempts[link as usize];
                let is_wanted = match node {
                    Some(node) => {
                        let links = self.peers.get(&node).map_or([None, None], |peer| peer.links);
                        node != self.own
                            && !self.removed.contains(&node)
                            && is_missing(self.own, &links, link)
                    }
                    None => link == Link::Request,
                };
                if !is_wanted || attempt.is_under_way || attempt.due > now {
                    continue;
                }
                // One address of a node at a time.
                if node.is_none_or(|node| busy.insert((node, link))) {
                    attempt.is_under_way = true;
                    dials.push(Dial { addr: addr.clone(), expects: target.pinned, link });
                }
            }
        }
        dials
    }

    /// The node `peer` was found at the address of `dial`. Whether a link to it is of use.
    pub(crate) fn found(&mut self, dial: &Dial, peer: NodeId) -> bool {
        if let Some(target) = self.targets.get_mut(&dial.addr) {
            target.learned = Some(peer);
        }
        let is_linked = |peer: &Peer| peer.links[dial.link as usize].is_some_and(|up| up.dialer <= self.own);
        peer != self.own && !self.removed.contains(&peer) && !self.peers.get(&peer).is_some_and(is_linked)
    }

    /// A connection was made, or was of no use.
    pub(crate) fn dialed(&mut self, dial: &Dial) {
        if let Some(target) = self.targets.get_mut(&dial.addr) {
            let attempt = &mut target.attempts[dial.link as usize];
            (attempt.is_under_way, attempt.failures) = (false, 0);
            target.problem = None;
        }
    }

    /// A connection was not made, because of `problem`. `chance` is drawn anew. Whether the problem is a new one.
    pub(crate) fn failed(&mut self, now: Instant, dial: &Dial, problem: String, chance: u32) -> bool {
        let Some(target) = self.targets.get_mut(&dial.addr) else { return false };
        let attempt = &mut target.attempts[dial.link as usize];
        attempt.is_under_way = false;
        attempt.due = now + pause(attempt.failures, chance);
        attempt.failures = attempt.failures.saturating_add(1);
        let is_news = target.problem.as_ref() != Some(&problem);
        target.problem = Some(problem);
        is_news
    }

    /// A link to `peer` has said its hellos. The serial of the link that it replaces, if it does.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(crate) fn link_up(&mut self, peer: NodeId, link: Link, up: Up) -> Result<Option<u64>, Goodbye> {
        if self.removed.contains(&peer) {
            return Err(Goodbye::Removed);
        }
        let present = &mut self.peers.entry(peer).or_default().links[link as usize];
        if present.is_some_and(|present| !replaces(self.own, peer, present, up)) {
            return Err(Goodbye::Linked);
        }
        Ok(present.replace(up).map(|replaced| replaced.serial))
    }

    /// A link is over. Whether it was the present one.
    pub(crate) fn link_down(&mut self, now: Instant, peer: NodeId, link: Link, serial: u64) -> bool {
        let Some(entry) = self.peers.get_mut(&peer) else { return false };
        let present = &mut entry.links[link as usize];
        if present.is_none_or(|present| present.serial != serial) {
            return false;
        }
        *present = None;
        let courtesy_ms = if peer < self.own { DIAL_COURTESY_MS } else { 0 };
        let due = now + Duration::from_millis(courtesy_ms);
        for target in self.targets.values_mut().filter(|target| target.node() == Some(peer)) {
            let attempt = &mut target.attempts[link as usize];
            attempt.due = attempt.due.max(due);
        }
        true
    }

    /// Changes what is shown of `peer`, if it is known.
    pub(crate) fn note(&mut self, peer: NodeId, change: impl FnOnce(&mut LinkState)) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            change(&mut peer.state);
        }
    }

    /// What is shown of every peer.
    pub(crate) fn states(&self) -> BTreeMap<NodeId, LinkState> {
        let peers = self.peers.iter().filter(|(node, _)| !self.removed.contains(node));
        let states = peers.map(|(node, peer)| {
            let is_up = peer.links[Link::Request as usize].is_some();
            (*node, LinkState { is_up, ..peer.state.clone() })
        });
        states.collect()
    }

    /// Addresses and who is there, where that is known.
    pub(crate) fn addrs(&self) -> Vec<(NodeId, String)> {
        let known = self.targets.iter().filter_map(|(addr, target)| Some((target.node()?, addr.clone())));
        known.filter(|(node, _)| *node != self.own).collect()
    }

    /// Nodes that were removed.
    pub(crate) fn removed(&self) -> &BTreeSet<NodeId> {
        &self.removed
    }
}

/// Whether node `own` is to make this link, where it has these. Who made the request link makes the bulk link: it knows that
/// it gets through.
fn is_missing(own: NodeId, links: &[Option<Up>; 2], link: Link) -> bool {
    let is_ready = match link {
        Link::Request => true,
        Link::Bulk => links[Link::Request as usize].is_some_and(|up| up.dialer == own),
    };
    is_ready && links[link as usize].is_none()
}

/// Whether `new` takes the place of `present` between nodes `own` and `peer`.
fn replaces(own: NodeId, peer: NodeId, present: Up, new: Up) -> bool {
    if present.boot != new.boot {
        return new.boot > present.boot;
    }
    // A dialer that connects again knows that its earlier link is over.
    present.dialer == new.dialer || new.dialer == own.min(peer)
}

/// Doubles with each failure; `chance` adds up to half of it.
fn pause(failures: u32, chance: u32) -> Duration {
    let doubled_ms = DIAL_PAUSE_MS.start().saturating_mul(1 << failures.min(16));
    let pause_ms = doubled_ms.min(*DIAL_PAUSE_MS.end());
    Duration::from_millis(pause_ms + pause_ms * u64::from(chance % 512) / 1024)
}

#[cfg(test)]
mod tests;
