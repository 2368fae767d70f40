//! The replicas that store a write.

use crate::ids::{NodeId, ShardIndex};
use crate::layout::Layout;
use crate::shard::{ReplicaSet, WritePlan};

/// How many replicas a read and a write need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Consistency {
    /// A majority for both: what was acknowledged is read.
    #[default]
    Consistent,
    /// One for a read: it may miss what was acknowledged.
    Degraded,
    /// One for both: what was acknowledged may be lost with one disk.
    Dangerous,
}

impl Consistency {
    /// How many replicas a read asks of a set whose majority is `quorum`.
    pub fn read_quorum(self, quorum: usize) -> usize {
        match self {
            Consistency::Consistent => quorum,
            Consistency::Degraded | Consistency::Dangerous => 1,
        }
    }

    /// How many replicas of a set whose majority is `quorum` have to be durable.
    pub fn write_quorum(self, quorum: usize) -> usize {
        match self {
            Consistency::Consistent | Consistency::Degraded => quorum,
            Consistency::Dangerous => 1,
        }
    }
}

/// This node takes no write of a shard, and nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No layout version was applied yet.
    #[error(
        "the cluster has no layout yet, nothing was stored: give this node a role with `troupe layout assign`, \
         then `troupe layout apply`"
    )]
    NoLayout,
    /// Other nodes hold the shard.
    #[error(
        "this node does not hold the partition, nothing was stored: ask a node that the layout gives its shard"
    )]
    NotHere,
}

/// The plan of a write that `node` coordinates: the replicas of every live version store it, and a quorum of each has to
/// be durable.
///
/// # Errors
/// [`PlanError`].
pub fn write_plan(
    layout: &Layout,
    node: NodeId,
    shard: ShardIndex,
    consistency: Consistency,
) -> Result<WritePlan, PlanError> {
    let sets = layout.write_sets(shard);
    if sets.is_empty() {
        return Err(PlanError::NoLayout);
    }
    if !sets.iter().any(|set| set.nodes.contains(&node)) {
        return Err(PlanError::NotHere);
    }
    let sets = sets
        .iter()
        .map(|set| ReplicaSet { nodes: set.nodes.clone(), quorum: consistency.write_quorum(set.quorum) });
    Ok(WritePlan { version: layout.version().number, sets: sets.collect() })
}
