//! What a node says about itself and its cluster.

use super::Admin;
use super::model::GetClusterHealthResponse;
use std::collections::BTreeSet;
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::layout::LayoutVersion;
use troupe_actors::limits::SHARD_COUNT;

/// This program and its version, as every call names it.
pub(super) fn version() -> String {
    concat!("troupe ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// A warning, if the layout in force keeps fewer copies than the configuration asks for.
pub(crate) fn missing_copies(layout: &LayoutVersion, configured: u8) -> Option<String> {
    let kept = layout.replication_factor;
    if layout.number == 0 || kept >= configured {
        return None;
    }
    let copies = if kept == 1 { "copy" } else { "copies" };
    Some(format!(
        "`replication_factor` is {configured}, but layout version {} keeps {kept} {copies} of everything: apply a layout \
         with more nodes, or configure {kept}",
        layout.number
    ))
}

/// Only this node is ever connected, so a shard is fine if this node is its only replica.
pub(super) fn of(admin: &Admin) -> GetClusterHealthResponse {
    let snapshot = admin.control.snapshot();
    let layout = &snapshot.layout;
    let roles = &layout.version().roles;
    let storage: Vec<_> = roles.iter().filter(|(_, role)| role.capacity_bytes.is_some()).collect();
    let this = admin.identity.node;
    let count = |is_counted: &dyn Fn(&[NodeId]) -> bool| {
        ShardIndex::all().filter(|shard| is_counted(layout.replicas(*shard))).count()
    };
    let up = |replicas: &[NodeId]| replicas.iter().filter(|node| **node == this).count();
    let partitions_quorum = count(&|replicas| up(replicas) > replicas.len() / 2);
    let partitions_all_ok = count(&|replicas| !replicas.is_empty() && up(replicas) == replicas.len());
    let status = match (partitions_quorum == SHARD_COUNT, partitions_all_ok == SHARD_COUNT) {
        (true, true) => "healthy",
        (true, false) => "degraded",
        (false, _) => "unavailable",
    };
    GetClusterHealthResponse {
        status: status.to_owned(),
        known_nodes: roles.keys().copied().chain([this]).collect::<BTreeSet<_>>().len(),
        connected_nodes: 1,
        storage_nodes: storage.len(),
        storage_nodes_ok: storage.iter().filter(|(node, _)| **node == this).count(),
        partitions: SHARD_COUNT,
        partitions_quorum,
        partitions_all_ok,
    }
}
