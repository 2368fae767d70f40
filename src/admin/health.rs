//! What a node says about itself and its cluster.

use super::Admin;
use super::model::GetClusterHealthResponse;
use std::collections::BTreeSet;
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::layout::{LayoutVersion, ReplicaSet};
use troupe_actors::limits::SHARD_COUNT;

/// How far apart clocks may be before somebody should know. Dots and stamps of nodes that are further ahead win over what
/// others write later.
const CLOCKS_APART_MS: u64 = 60_000;

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

/// What the operator should look at, one sentence each.
pub(super) fn warnings(admin: &Admin) -> Vec<String> {
    let snapshot = admin.control.snapshot();
    let mut warnings = Vec::new();
    warnings.extend(missing_copies(snapshot.layout.version(), admin.identity.replication_factor));
    warnings.extend(admin.view.memory_warning());
    for (node, peer) in admin.view.peers() {
        let hostname = peer.hostname.as_deref().map_or_else(String::new, |name| format!(" ({name})"));
        let ahead_ms = peer.clock_ahead_ms.unwrap_or(0);
        if peer.state.is_up() && ahead_ms.unsigned_abs() > CLOCKS_APART_MS {
            let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
            let seconds = ahead_ms.unsigned_abs() / 1000;
            warnings.push(format!(
                "the clock of node {node}{hostname} is {seconds} s {side} this node's: have both follow a time server"
            ));
        }
        if let Some(other) = peer.version.filter(|other| *other != version()) {
            warnings.push(format!("node {node}{hostname} runs {other}, this one {}", version()));
        }
    }
    warnings
}

/// Why the node should be sent no requests; nothing if it should.
pub(super) fn not_ready(admin: &Admin) -> Option<String> {
    if let Some(reason) = admin.view.not_serving() {
        return Some(reason.to_owned());
    }
    let health = of(admin);
    if admin.control.snapshot().layout.version().number == 0 {
        return Some("no layout has been applied".to_owned());
    }
    let (served, all) = (health.partitions_quorum, health.partitions);
    (served < all)
        .then(|| format!("{served} of {all} shards have a quorum of replicas that this node is connected to"))
}

/// A shard is served as far as this node is connected to a quorum of its replicas in every live layout version.
pub(super) fn of(admin: &Admin) -> GetClusterHealthResponse {
    let snapshot = admin.control.snapshot();
    let layout = &snapshot.layout;
    let roles = &layout.version().roles;
    let storage: Vec<_> = roles.iter().filter(|(_, role)| role.capacity_bytes.is_some()).collect();
    let this = admin.identity.node;
    let peers = admin.view.peers();
    let is_up = |node: &NodeId| *node == this || peers.get(node).is_some_and(|peer| peer.state.is_up());
    let count = |is_counted: &dyn Fn(&ReplicaSet) -> bool| {
        let are_counted = |shard: &ShardIndex| {
            let sets = layout.write_sets(*shard);
            !sets.is_empty() && sets.iter().all(is_counted)
        };
        ShardIndex::all().filter(are_counted).count()
    };
    let up = |set: &ReplicaSet| set.nodes.iter().filter(|node| is_up(node)).count();
    let partitions_quorum = count(&|set| up(set) >= set.quorum);
    let partitions_all_ok = count(&|set| up(set) == set.nodes.len());
    let status = match (partitions_quorum == SHARD_COUNT, partitions_all_ok == SHARD_COUNT) {
        (true, true) => "healthy",
        (true, false) => "degraded",
        (false, _) => "unavailable",
    };
    GetClusterHealthResponse {
        status: status.to_owned(),
        known_nodes: roles.keys().chain(peers.keys()).copied().chain([this]).collect::<BTreeSet<_>>().len(),
        connected_nodes: 1 + peers.values().filter(|peer| peer.state.is_up()).count(),
        storage_nodes: storage.len(),
        storage_nodes_ok: storage.iter().filter(|(node, _)| is_up(node)).count(),
        partitions: SHARD_COUNT,
        partitions_quorum,
        partitions_all_ok,
    }
}
