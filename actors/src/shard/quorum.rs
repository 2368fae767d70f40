//! When a write may be acknowledged.

use crate::ids::NodeId;
use std::collections::BTreeSet;

/// The replicas of one write: who is durable, who may still become so.
#[derive(Debug)]
pub(super) struct Quorum {
    needed: usize,
    own: bool,
    durable: BTreeSet<NodeId>,
    open: BTreeSet<NodeId>,
}

/// Where a write stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Reached,
    Unreachable,
}

impl Quorum {
    pub(super) fn new(peers: &[NodeId], needed: usize) -> Quorum {
        Quorum { needed, own: false, durable: BTreeSet::new(), open: peers.iter().copied().collect() }
    }

    pub(super) fn own_is_durable(&mut self) {
        self.own = true;
    }

    pub(super) fn peer_answered(&mut self, peer: NodeId, durable: bool) {
        if self.open.remove(&peer) && durable {
            self.durable.insert(peer);
        }
    }

    /// This node's own commit counts and is never dispensed with: its shard has to remember the dot.
    pub(super) fn standing(&self) -> Standing {
        let durable = usize::from(self.own) + self.durable.len();
        let possible = 1 + self.durable.len() + self.open.len();
        if possible < self.needed {
            Standing::Unreachable
        } else if self.own && durable >= self.needed {
            Standing::Reached
        } else {
            Standing::Open
        }
    }

    /// Takes those that have not answered for replicas that are not durable.
    pub(super) fn peers_are_late(&mut self) {
        self.open.clear();
    }

    /// Whether some peer may still answer.
    pub(super) fn awaits_peers(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether this node's own commit is known.
    pub(super) fn is_own_durable(&self) -> bool {
        self.own
    }
}
