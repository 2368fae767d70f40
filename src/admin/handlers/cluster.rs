use crate::admin::call::json;
use crate::admin::error::AdminResult;
use crate::admin::model::{FreeSpaceResp, GetClusterStatusResponse, NodeAssignedRole, NodeResp};
use crate::admin::{Admin, health};
use std::collections::BTreeSet;
use std::path::Path;
use troupe_actors::ids::NodeId;
use troupe_actors::layout::NodeRole;

pub(super) fn status(admin: &Admin) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let roles = &snapshot.layout.version().roles;
    let nodes: BTreeSet<NodeId> = roles.keys().copied().chain([admin.identity.node]).collect();
    let version = snapshot.layout.version();
    json(&GetClusterStatusResponse {
        layout_version: version.number,
        warnings: health::missing_copies(version, admin.identity.replication_factor).into_iter().collect(),
        nodes: nodes.into_iter().map(|node| node_resp(admin, node, roles.get(&node))).collect(),
    })
}

fn node_resp(admin: &Admin, node: NodeId, role: Option<&NodeRole>) -> NodeResp {
    let is_self = node == admin.identity.node;
    let space = is_self.then(|| free_space(&admin.identity.metadata_dir)).flatten();
    NodeResp {
        id: node.to_string(),
        garage_version: is_self.then(health::version),
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
    json(&health::of(admin))
}
