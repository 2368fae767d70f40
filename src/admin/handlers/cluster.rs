use crate::admin::Admin;
use crate::admin::call::json;
use crate::admin::error::AdminResult;
use crate::admin::model::{
    FreeSpaceResp, GetClusterHealthResponse, GetClusterStatusResponse, NodeAssignedRole, NodeResp,
};
use std::collections::BTreeSet;
use std::path::Path;
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::layout::NodeRole;
use troupe_actors::limits::SHARD_COUNT;

pub(super) fn status(admin: &Admin) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let roles = &snapshot.layout.version().roles;
    let nodes: BTreeSet<NodeId> = roles.keys().copied().chain([admin.identity.node]).collect();
    json(&GetClusterStatusResponse {
        layout_version: snapshot.layout.version().number,
        nodes: nodes.into_iter().map(|node| node_resp(admin, node, roles.get(&node))).collect(),
    })
}

fn node_resp(admin: &Admin, node: NodeId, role: Option<&NodeRole>) -> NodeResp {
    let is_self = node == admin.identity.node;
    let space = is_self.then(|| free_space(&admin.identity.metadata_dir)).flatten();
    NodeResp {
        id: node.to_string(),
        garage_version: is_self.then(super::node::version),
        addr: is_self.then(|| admin.identity.rpc_addr.clone()),
        hostname: is_self.then(|| rustix::system::uname().nodename().to_string_lossy().into_owned()),
        is_up: is_self,
        last_seen_secs_ago: None,
        role: role.map(|role| NodeAssignedRole {
            zone: role.zone.clone(),
            tags: role.tags.clone(),
            capacity: role.capacity_bytes,
        }),
        draining: false,
        data_partition: space,
        metadata_partition: space,
    }
}

fn free_space(folder: &Path) -> Option<FreeSpaceResp> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(FreeSpaceResp { available: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
}

pub(super) fn health(admin: &Admin) -> AdminResult {
    json(&health_of(admin))
}

/// Only this node is ever connected, so a shard is fine if this node is its only replica.
pub(super) fn health_of(admin: &Admin) -> GetClusterHealthResponse {
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
