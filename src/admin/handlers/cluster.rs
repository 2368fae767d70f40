use crate::admin::call::{Call, json};
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::{
    ConnectNodeResponse, FreeSpaceResp, GetClusterStatusResponse, NodeAssignedRole, NodeResp,
};
use crate::admin::{Admin, Peer, health};
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::path::Path;
use troupe_actors::ids::NodeId;
use troupe_actors::layout::NodeRole;
use troupe_actors::transport::PeerAddr;

/// Nodes that one call connects to: each waits for its answer. Beyond it: 400.
const CONNECTS_MAX: usize = 100;

pub(super) fn status(admin: &Admin) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let roles = &snapshot.layout.version().roles;
    let peers = admin.view.peers();
    let held = snapshot.layout.nodes();
    let nodes = roles.keys().chain(&held).chain(peers.keys()).copied().chain([admin.identity.node]);
    let nodes: BTreeSet<NodeId> = nodes.collect();
    let version = snapshot.layout.version();
    json(&GetClusterStatusResponse {
        layout_version: version.number,
        warnings: health::warnings(admin),
        nodes: nodes
            .into_iter()
            .map(|node| {
                let draining = held.contains(&node) && !roles.contains_key(&node);
                NodeResp { draining, ..node_resp(admin, node, roles.get(&node), peers.get(&node)) }
            })
            .collect(),
    })
}

fn node_resp(admin: &Admin, node: NodeId, role: Option<&NodeRole>, peer: Option<&Peer>) -> NodeResp {
    let is_self = node == admin.identity.node;
    let space = is_self.then(|| free_space(&admin.identity.metadata_dir)).flatten();
    NodeResp {
        id: node.to_string(),
        garage_version: match peer {
            Some(peer) => peer.version.clone(),
            None => is_self.then(health::version),
        },
        addr: match peer {
            Some(peer) => peer.addr.clone(),
            None => is_self.then(|| admin.identity.rpc_addr.clone()),
        },
        hostname: match peer {
            Some(peer) => peer.hostname.clone(),
            None => is_self.then(|| rustix::system::uname().nodename().to_string_lossy().into_owned()),
        },
        is_up: is_self || peer.is_some_and(|peer| peer.state.is_up()),
        last_seen_secs_ago: peer.filter(|peer| !peer.state.is_up()).and_then(|peer| peer.since_s),
        state: if is_self { Some("up".to_owned()) } else { peer.map(|peer| peer.state.word().to_owned()) },
        state_secs: peer.and_then(|peer| peer.since_s),
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

/// Connects to nodes, each named as `troupe node id` does.
pub(super) async fn connect(admin: &Admin, call: &Call) -> AdminResult {
    let peers: Vec<String> = call.body()?;
    if peers.len() > CONNECTS_MAX {
        return Err(AdminError::Body(format!("it names more than {CONNECTS_MAX} nodes")));
    }
    let outcomes = peers.into_iter().map(|peer| async move {
        let outcome = match peer.parse::<PeerAddr>() {
            Ok(peer) => admin.view.connect(peer).await.map(|_| ()),
            Err(error) => Err(error.to_string()),
        };
        ConnectNodeResponse { success: outcome.is_ok(), error: outcome.err() }
    });
    json(&join_all(outcomes).await)
}

fn free_space(folder: &Path) -> Option<FreeSpaceResp> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(FreeSpaceResp { available: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
}

pub(super) fn health(admin: &Admin) -> AdminResult {
    json(&health::of(admin))
}
