//! Where a write goes, as the layout says.

use crate::ids::NodeId;
use std::sync::Arc;

/// The replicas of a shard in one layout version, and how many of them must be durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicaSet {
    /// The replicas, this node included where it is one.
    pub nodes: Arc<[NodeId]>,
    /// How many of them.
    pub quorum: usize,
}

/// Where a write goes: acknowledged once the quorum of *each* set is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WritePlan {
    /// The newest layout version that it knows.
    pub version: u64,
    /// One for each live version, oldest first.
    pub sets: Arc<[ReplicaSet]>,
}

impl WritePlan {
    /// `node` alone holds the shard, in the first layout version.
    pub fn sole_replica(node: NodeId) -> WritePlan {
        let set = ReplicaSet { nodes: Arc::from([node]), quorum: 1 };
        WritePlan { version: 1, sets: Arc::from([set]) }
    }

    /// `nodes` hold the shard in the first layout version, the one that plans among them, and a majority has to be durable.
    pub fn majority_of(nodes: &[NodeId]) -> WritePlan {
        let set = ReplicaSet { nodes: nodes.into(), quorum: nodes.len() / 2 + 1 };
        WritePlan { version: 1, sets: Arc::from([set]) }
    }

    /// Nobody but this node is asked for anything.
    pub(super) fn own_commit() -> WritePlan {
        WritePlan { version: 0, sets: Arc::from([]) }
    }

    /// Whether the shard is `node`'s in some version: only such a node coordinates a write.
    pub fn is_member(&self, node: NodeId) -> bool {
        self.sets.iter().any(|set| set.nodes.contains(&node))
    }

    /// Whether no other node than `node` holds the shard.
    pub fn is_sole_replica(&self, node: NodeId) -> bool {
        self.sets.iter().all(|set| *set.nodes == [node])
    }

    /// Every other replica, once.
    pub fn peers_of(&self, node: NodeId) -> Vec<NodeId> {
        let nodes = self.sets.iter().flat_map(|set| set.nodes.iter().copied());
        let mut peers: Vec<NodeId> = nodes.filter(|peer| *peer != node).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}
