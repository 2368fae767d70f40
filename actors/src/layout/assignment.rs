use super::role::{LayoutParameters, NodeRole, ZoneRedundancy};
use crate::ids::NodeId;
use crate::limits::SHARD_COUNT;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which nodes hold each shard.
///
/// `table` lists, shard after shard, the indices into `nodes` of the shard's replicas.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Assignment {
    nodes: Vec<NodeId>,
    table: Vec<u16>,
}

/// Why these roles make no assignment. Nothing is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    /// Every shard needs that many different nodes.
    #[error(
        "the replication factor is {replication_factor}, but {storage_nodes} node(s) have a capacity: assign roles to \
         more nodes, or lower `replication_factor`"
    )]
    TooFewNodes {
        /// As configured.
        replication_factor: usize,
        /// Nodes with a capacity.
        storage_nodes: usize,
    },
    /// Replicas cannot be spread over more zones than there are, nor over more than there are replicas.
    #[error(
        "replicas are to lie in at least {zones_wanted} zones, but {zones} are possible: change the zone redundancy"
    )]
    TooFewZones {
        /// As the parameters say.
        zones_wanted: usize,
        /// The smaller of the number of zones and the replication factor.
        zones: usize,
    },
    /// This version of Troupe keeps all shards on one node.
    #[error(
        "{storage_nodes} nodes have a capacity, but this version of Troupe runs on a single storage node: give only one \
         node a capacity"
    )]
    SeveralNodes {
        /// Nodes with a capacity.
        storage_nodes: usize,
    },
}

impl Assignment {
    /// Assigns every shard to `replication_factor` of the nodes that have a capacity.
    ///
    /// # Errors
    /// [`AssignmentError`] says what the roles lack.
    pub fn compute(
        roles: &BTreeMap<NodeId, NodeRole>,
        parameters: LayoutParameters,
        replication_factor: usize,
    ) -> Result<Assignment, AssignmentError> {
        let storage = roles.iter().filter(|(_, role)| role.capacity_bytes.is_some());
        let nodes: Vec<NodeId> = storage.clone().map(|(node, _)| *node).collect();
        let storage_nodes = nodes.len();
        if replication_factor > storage_nodes {
            return Err(AssignmentError::TooFewNodes { replication_factor, storage_nodes });
        }
        let zones = storage.map(|(_, role)| role.zone.as_str()).collect::<BTreeSet<_>>().len();
        let zones = zones.min(replication_factor);
        if let ZoneRedundancy::AtLeast(wanted) = parameters.zone_redundancy
            && usize::from(wanted) > zones
        {
            return Err(AssignmentError::TooFewZones { zones_wanted: usize::from(wanted), zones });
        }
        if storage_nodes > 1 {
            return Err(AssignmentError::SeveralNodes { storage_nodes });
        }
        Ok(Assignment { nodes, table: vec![0; SHARD_COUNT * replication_factor] })
    }

    /// How many shards (replicas counted) lie on `node`.
    pub fn shards_on(&self, node: NodeId) -> usize {
        let index = self.nodes.iter().position(|other| *other == node).and_then(|i| u16::try_from(i).ok());
        index.map_or(0, |index| self.table.iter().filter(|entry| **entry == index).count())
    }

    /// Whether it could have been computed: indices name nodes, every shard has the same number of replicas.
    pub(crate) fn is_sound(&self) -> bool {
        self.table.len().is_multiple_of(SHARD_COUNT)
            && self.table.iter().all(|index| usize::from(*index) < self.nodes.len())
    }

    /// `table` with the nodes themselves.
    pub(super) fn unfold(&self) -> Arc<[NodeId]> {
        self.table.iter().map(|index| self.nodes[usize::from(*index)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(zone: &str, capacity_bytes: Option<u64>) -> NodeRole {
        NodeRole { zone: zone.to_owned(), capacity_bytes, tags: Vec::new() }
    }

    fn check(
        roles: &[NodeRole],
        zone_redundancy: ZoneRedundancy,
        factor: usize,
        expect: Result<usize, &str>,
    ) {
        let roles = (1..).map(|i| NodeId([i; 32])).zip(roles.iter().cloned()).collect();
        let assignment = Assignment::compute(&roles, LayoutParameters { zone_redundancy }, factor);
        let on_first = assignment.map(|assignment| assignment.shards_on(NodeId([1; 32])));
        assert_eq!(on_first.map_err(|e| e.to_string()), expect.map_err(str::to_owned));
    }

    #[test]
    fn a_single_storage_node_holds_every_shard_whatever_gateways_there_are() {
        let roles = [role("a", Some(1000)), role("b", None)];
        check(&roles[..1], ZoneRedundancy::Maximum, 1, Ok(SHARD_COUNT));
        check(&roles, ZoneRedundancy::AtLeast(1), 1, Ok(SHARD_COUNT));
    }

    #[test]
    fn a_factor_above_the_number_of_storage_nodes_is_refused() {
        check(
            &[role("a", Some(1000)), role("a", None)],
            ZoneRedundancy::Maximum,
            3,
            Err(
                "the replication factor is 3, but 1 node(s) have a capacity: assign roles to more nodes, or lower \
                 `replication_factor`",
            ),
        );
    }

    #[test]
    fn more_zones_than_there_are_is_refused() {
        check(
            &[role("a", Some(1000))],
            ZoneRedundancy::AtLeast(2),
            1,
            Err("replicas are to lie in at least 2 zones, but 1 are possible: change the zone redundancy"),
        );
    }

    #[test]
    fn several_storage_nodes_are_refused_rather_than_pretended() {
        check(
            &[role("a", Some(1000)), role("b", Some(1000))],
            ZoneRedundancy::Maximum,
            1,
            Err(
                "2 nodes have a capacity, but this version of Troupe runs on a single storage node: give only one node \
                 a capacity",
            ),
        );
    }
}
