//! The replicas that store a write.

use crate::ids::{NodeId, ShardIndex};
use crate::layout::Layout;
use crate::shard::{ReplicaSet, WritePlan};
use std::sync::Arc;

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

/// The plan of a write that `node` takes in: it stores it together with the other replicas of the shard, and a quorum of
/// every live version has to be durable. Hold the layout for as long as the write is under way.
///
/// # Errors
/// [`PlanError`].
pub fn write_plan(layout: &Layout, node: NodeId, shard: ShardIndex) -> Result<WritePlan, PlanError> {
    match layout.replicas(shard) {
        [] => Err(PlanError::NoLayout),
        replicas if replicas.contains(&node) => {
            let sets = layout.write_sets(shard).iter();
            let sets = sets.map(|set| ReplicaSet { nodes: Arc::clone(&set.nodes), quorum: set.quorum });
            Ok(WritePlan { version: layout.version().number, sets: sets.collect() })
        }
        _ => Err(PlanError::NotHere),
    }
}
