//! Every shard's replicas: on different nodes, in enough zones, as the nodes' capacities allow, with the least movement.
//!
//! ```text
//!                 ┌─▶ plus (zones) ──1──▶ zone A ──1──▶ node ─┐ fair quota: cost 0
//! source ─▶ shard ┤                   ╲╱                      ├─▶ sink
//!                 └─▶ minus (rest) ─────▶ zone B ──1──▶ node ─┘ up to its most: cost 1
//!                                              new here: MOVE
//! ```
//!
//! Two steps, each optimal: `quota` finds how many shards a node may hold so that the cluster stores as much as possible;
//! `flow` finds, among all assignments that keep to it, one that moves as few replicas as possible, and among those one
//! that fills nodes evenly. The shape of the network is that of Auvolat, Quelen et al., "An algorithm for the geo-distributed
//! and redundant storage in Garage" (2022), which asks the same two questions in the same order.

mod flow;
mod quota;
#[cfg(test)]
mod tests;

use super::role::{LayoutParameters, NodeRole, ZoneRedundancy};
use crate::ids::{NodeId, ShardIndex};
use crate::limits::SHARD_COUNT;
use flow::{ArcId, Network, Vertex};
use quota::{Demand, Offer, Quotas};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which nodes hold each shard.
///
/// `table` lists, shard after shard, the indices into `nodes` of the shard's replicas.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
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
    /// An assignment counts nodes in 16 bits.
    #[error(
        "{storage_nodes} nodes have a capacity, and a layout holds at most {max}: make some of them gateways"
    )]
    TooManyNodes {
        /// Nodes with a capacity.
        storage_nodes: usize,
        /// The bound.
        max: usize,
    },
}

/// The cost of a replica on a node that did not hold it: more than all that evenness could cost together.
const MOVE_COST: i64 = 1 << 32;

impl Assignment {
    /// Assigns every shard to `replication_factor` of the nodes that have a capacity, and leaves as many replicas as
    /// possible where `before` has them. The same arguments give the same assignment on every node.
    ///
    /// # Errors
    /// [`AssignmentError`] says what the roles lack.
    pub fn compute(
        roles: &BTreeMap<NodeId, NodeRole>,
        parameters: LayoutParameters,
        replication_factor: usize,
        before: &Assignment,
    ) -> Result<Assignment, AssignmentError> {
        let (nodes, mut placements) = Assignment::placements(roles, parameters, replication_factor, before)?;
        Ok(Assignment { nodes, table: placements.fill() })
    }

    fn placements(
        roles: &BTreeMap<NodeId, NodeRole>,
        parameters: LayoutParameters,
        replication_factor: usize,
        before: &Assignment,
    ) -> Result<(Vec<NodeId>, Placements), AssignmentError> {
        let storage: Vec<(NodeId, &str, u64)> = roles
            .iter()
            .filter_map(|(node, role)| Some((*node, role.zone.as_str(), role.capacity_bytes?)))
            .collect();
        let storage_nodes = storage.len();
        if replication_factor > storage_nodes {
            return Err(AssignmentError::TooFewNodes { replication_factor, storage_nodes });
        }
        let max = usize::from(u16::MAX);
        if storage_nodes > max {
            return Err(AssignmentError::TooManyNodes { storage_nodes, max });
        }
        let names: BTreeSet<&str> = storage.iter().map(|(_, zone, _)| *zone).collect();
        let zones = names.len().min(replication_factor);
        let zones_wanted = match parameters.zone_redundancy {
            ZoneRedundancy::Maximum => zones,
            ZoneRedundancy::AtLeast(wanted) => usize::from(wanted),
        };
        if zones_wanted > zones {
            return Err(AssignmentError::TooFewZones { zones_wanted, zones });
        }
        let demand = Demand {
            shards: SHARD_COUNT as u64,
            replicas: replication_factor as u64,
            zones: zones_wanted as u64,
        };
        let zone_of = |name| names.iter().position(|known| *known == name).unwrap_or_default();
        let offers: Vec<Offer> = storage
            .iter()
            .map(|&(_, zone, capacity_bytes)| Offer { zone: zone_of(zone), capacity_bytes })
            .collect();
        let quotas = demand
            .quotas(&offers)
            .ok_or(AssignmentError::TooFewNodes { replication_factor, storage_nodes })?;
        let nodes: Vec<NodeId> = storage.iter().map(|(node, _, _)| *node).collect();
        let held_before = |shard, node: usize| before.holds(nodes[node], shard);
        let placements = Placements::new(demand, &offers, &quotas, held_before);
        Ok((nodes, placements))
    }

    /// Whether `node` holds a replica of `shard`.
    fn holds(&self, node: NodeId, shard: ShardIndex) -> bool {
        let per_shard = self.table.len() / SHARD_COUNT;
        let replicas = &self.table[shard.index() * per_shard..][..per_shard];
        replicas.iter().any(|index| self.nodes[usize::from(*index)] == node)
    }

    /// How many replicas lie on a node here that `before` had not put there: what has to be copied.
    pub fn moved_since(&self, before: &Assignment) -> usize {
        let per_shard = self.table.len() / SHARD_COUNT;
        let shards = ShardIndex::all().flat_map(|shard| std::iter::repeat_n(shard, per_shard));
        let placed = shards.zip(&self.table);
        placed.filter(|(shard, index)| !before.holds(self.nodes[usize::from(**index)], *shard)).count()
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

/// The network of all shards, and where in it each replica shows.
struct Placements {
    network: Network,
    source: Vertex,
    sink: Vertex,
    /// Shard after shard: a node's index, and the arc that a replica there flows through.
    arcs: Vec<(u16, ArcId)>,
}

impl Placements {
    fn new(
        demand: Demand,
        offers: &[Offer],
        quotas: &Quotas,
        held_before: impl Fn(ShardIndex, usize) -> bool,
    ) -> Placements {
        let mut network = Network::default();
        let (source, sink) = (network.vertex(), network.vertex());
        let nodes: Vec<Vertex> = offers.iter().map(|_| network.vertex()).collect();
        for (node, (most, fair)) in nodes.iter().zip(quotas.most.iter().zip(&quotas.fair)) {
            network.arc(*node, sink, narrow(*fair), 0);
            network.arc(*node, sink, narrow(most.saturating_sub(*fair)), 1);
        }
        let zone_count = offers.iter().map(|offer| offer.zone + 1).max().unwrap_or(0);
        let spare = narrow(demand.replicas - demand.zones);
        let mut arcs = Vec::with_capacity(SHARD_COUNT * offers.len());
        for shard in ShardIndex::all() {
            let (plus, minus) = (network.vertex(), network.vertex());
            network.arc(source, plus, narrow(demand.zones), 0);
            network.arc(source, minus, spare, 0);
            let zones: Vec<Vertex> = (0..zone_count)
                .map(|_| {
                    let zone = network.vertex();
                    network.arc(plus, zone, 1, 0);
                    network.arc(minus, zone, spare, 0);
                    zone
                })
                .collect();
            for (index, (offer, node)) in (0..).zip(offers.iter().zip(&nodes)) {
                let cost = if held_before(shard, usize::from(index)) { 0 } else { MOVE_COST };
                arcs.push((index, network.arc(zones[offer.zone], *node, 1, cost)));
            }
        }
        Placements { network, source, sink, arcs }
    }

    /// One node's index for each replica, shard after shard.
    fn fill(&mut self) -> Vec<u16> {
        self.network.fill(self.source, self.sink);
        self.arcs.iter().filter(|(_, arc)| self.network.flow(*arc) > 0).map(|(index, _)| *index).collect()
    }
}

/// Quotas are at most the number of shards.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
