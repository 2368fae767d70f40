//! When a write may be acknowledged.

use super::WritePlan;
use crate::ids::NodeId;
use crate::mutation::{Mutation, is_on};
use std::collections::BTreeSet;

/// The replicas of one write: who is durable, who may still become so.
#[derive(Clone, Debug)]
pub(super) struct Quorum {
    node: NodeId,
    plan: WritePlan,
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
    /// Of a write that `node` coordinates. A plan without sets asks for this node's own commit alone.
    pub(super) fn new(node: NodeId, plan: WritePlan) -> Quorum {
        let open = plan.peers_of(node).into_iter().collect();
        Quorum { node, plan, own: false, durable: BTreeSet::new(), open }
    }

    pub(super) fn own_is_durable(&mut self) {
        self.own = true;
    }

    pub(super) fn peer_answered(&mut self, peer: NodeId, durable: bool) {
        if self.open.remove(&peer) && durable {
            self.durable.insert(peer);
        }
    }

    /// Whatever the peer said came from a disk that may no longer exist, and nothing else is coming from it.
    pub(super) fn peer_is_reborn(&mut self, peer: NodeId) {
        self.open.remove(&peer);
        if !is_on(Mutation::AckOfAnEarlierIncarnationCounted) {
            self.durable.remove(&peer);
        }
    }

    /// This node's own commit is never dispensed with, as its shard has to remember the dot. It counts in each set that
    /// the node is in, and the quorum of each set has to be durable.
    pub(super) fn standing(&self) -> Standing {
        if is_on(Mutation::QuorumCountedOverVersionsTogether) {
            return self.standing_over_all_sets();
        }
        let mut is_reached = self.own;
        for set in self.plan.sets.iter() {
            let durable = set.nodes.iter().filter(|node| self.is_durable(**node)).count();
            let possible = set.nodes.iter().filter(|node| self.is_possible(**node)).count();
            if possible < set.quorum {
                return Standing::Unreachable;
            }
            is_reached &= durable >= set.quorum;
        }
        if is_reached { Standing::Reached } else { Standing::Open }
    }

    fn standing_over_all_sets(&self) -> Standing {
        let needed = self.plan.sets.iter().map(|set| set.quorum).max().unwrap_or(0);
        let durable = usize::from(self.own) + self.durable.len();
        if self.own && durable >= needed { Standing::Reached } else { Standing::Open }
    }

    fn is_durable(&self, node: NodeId) -> bool {
        if node == self.node { self.own } else { self.durable.contains(&node) }
    }

    fn is_possible(&self, node: NodeId) -> bool {
        node == self.node || self.durable.contains(&node) || self.open.contains(&node)
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
