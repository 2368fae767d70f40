//! The replicas that store a write.

use crate::ids::{NodeId, ShardIndex};
use crate::layout::Layout;
use crate::shard::WritePlan;

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

/// The plan of a write that `node` takes in: it stores it together with the other replicas of the shard, and a majority
/// has to be durable.
///
/// # Errors
/// [`PlanError`].
pub fn write_plan(layout: &Layout, node: NodeId, shard: ShardIndex) -> Result<WritePlan, PlanError> {
    match layout.replicas(shard) {
        [] => Err(PlanError::NoLayout),
        [sole] if *sole == node => Ok(WritePlan::sole_replica()),
        replicas if replicas.contains(&node) => Ok(WritePlan {
            peers: replicas.iter().copied().filter(|replica| *replica != node).collect(),
            quorum: replicas.len() / 2 + 1,
        }),
        _ => Err(PlanError::NotHere),
    }
}
