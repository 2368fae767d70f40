use crate::admin::call::{Call, json};
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::{
    ApplyClusterLayoutRequest, ApplyClusterLayoutResponse, ClusterLayoutSkipDeadNodesRequest,
    ClusterLayoutSkipDeadNodesResponse, ClusterLayoutVersion, ClusterLayoutVersionStatus,
    GetClusterLayoutHistoryResponse, GetClusterLayoutResponse, LayoutNodeRole, NodeAssignedRole,
    NodeRoleAction, NodeRoleChange, NodeUpdateTrackers, PreviewClusterLayoutChangesResponse,
    UpdateClusterLayoutRequest,
};
use crate::admin::{Admin, search};
use crate::config::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use troupe_actors::control::{Command, ControlSnapshot};
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::layout::{Layout, LayoutParameters, LayoutVersion, NodeRole, StagedRole};
use troupe_actors::limits::SHARD_COUNT;

pub(super) fn get(admin: &Admin) -> AdminResult {
    json(&current(&admin.control.snapshot()))
}

pub(super) fn history(admin: &Admin) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let layout = &snapshot.layout;
    let current_version = layout.version().number;
    let version = |version: &LayoutVersion| {
        let storage_nodes =
            version.roles.values().filter(|role| role.capacity_bytes.is_some()).count() as u64;
        ClusterLayoutVersion {
            version: version.number,
            status: match version.number {
                number if number == current_version => ClusterLayoutVersionStatus::Current,
                number if number >= layout.oldest_live() => ClusterLayoutVersionStatus::Draining,
                _ => ClusterLayoutVersionStatus::Historical,
            },
            storage_nodes,
            gateway_nodes: version.roles.len() as u64 - storage_nodes,
        }
    };
    json(&GetClusterLayoutHistoryResponse {
        current_version,
        min_ack: layout.oldest_live(),
        versions: snapshot.layout_history.iter().rev().map(|v| version(v)).collect(),
        update_trackers: trackers(layout),
    })
}

/// How far each node is, as long as several versions are live.
fn trackers(layout: &Layout) -> Option<BTreeMap<String, NodeUpdateTrackers>> {
    (layout.oldest_live() < layout.version().number).then(|| {
        let of = |node: NodeId| {
            let progress = layout.progress(node).cloned().unwrap_or_default();
            let has_synced = |version: &u64| {
                ShardIndex::all()
                    .all(|shard| !layout.is_holder(node, shard) || progress.has_synced(shard, *version))
            };
            let numbers: Vec<u64> = layout.live_versions().map(|version| version.number).collect();
            NodeUpdateTrackers {
                ack: progress.tracker.acked.max(progress.skipped.acked),
                sync: numbers.into_iter().rev().find(has_synced).unwrap_or(layout.oldest_live()),
                sync_ack: progress.tracker.released.max(progress.skipped.acked),
            }
        };
        layout.nodes().into_iter().map(|node| (node.to_string(), of(node))).collect()
    })
}

/// Nodes that are up are never skipped: they can say for themselves how far they are.
pub(super) async fn skip_dead_nodes(admin: &Admin, call: &Call) -> AdminResult {
    let asked: ClusterLayoutSkipDeadNodesRequest = call.body()?;
    let peers = admin.view.peers();
    let is_dead = |node: &NodeId| {
        *node != admin.identity.node && !peers.get(node).is_some_and(|peer| peer.state.is_up())
    };
    let nodes: Vec<NodeId> = admin.control.snapshot().layout.nodes().into_iter().filter(is_dead).collect();
    let (version, may_miss_data) = (asked.version, asked.allow_missing_data);
    let ids: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    admin.control.change(Command::SkipDeadNodes { nodes, version, may_miss_data }).await?;
    log::warn!("layout version {version} waits no longer for {}", ids.join(", "));
    json(&ClusterLayoutSkipDeadNodesResponse {
        sync_updated: if may_miss_data { ids.clone() } else { Vec::new() },
        ack_updated: ids,
    })
}

pub(super) async fn update(admin: &Admin, call: &Call) -> AdminResult {
    let asked: UpdateClusterLayoutRequest = call.body()?;
    let roles = asked.roles.into_iter().map(staged).collect::<Result<_, _>>()?;
    let parameters = asked.parameters.map(Into::into);
    admin.control.change(Command::StageLayout { roles, parameters }).await?;
    get(admin)
}

fn staged(change: NodeRoleChange) -> Result<(NodeId, StagedRole), AdminError> {
    let node = search::node(&change.id)?;
    let staged = match change.action {
        NodeRoleAction::Remove { remove: true } => StagedRole::Remove,
        NodeRoleAction::Remove { remove: false } => {
            return Err(AdminError::Field { field: "remove", expected: "true, or left out" });
        }
        NodeRoleAction::Assign(role) => {
            StagedRole::Assign(NodeRole { zone: role.zone, capacity_bytes: role.capacity, tags: role.tags })
        }
    };
    Ok((node, staged))
}

pub(super) fn preview(admin: &Admin) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let current = snapshot.layout.version();
    json(&match snapshot.next_layout(admin.identity.replication_factor) {
        Ok(next) => PreviewClusterLayoutChangesResponse::Success {
            message: explain(current, &next),
            new_layout: response(&next, &BTreeMap::new(), None),
        },
        Err(error) => PreviewClusterLayoutChangesResponse::Error { error: error.to_string() },
    })
}

pub(super) async fn apply(admin: &Admin, call: &Call) -> AdminResult {
    let ApplyClusterLayoutRequest { version } = call.body()?;
    let before = admin.control.snapshot();
    admin.control.change(Command::ApplyLayout { version }).await?;
    log::info!("layout version {version} applied");
    let snapshot = admin.control.snapshot();
    let message = explain(before.layout.version(), snapshot.layout.version());
    json(&ApplyClusterLayoutResponse { message, layout: current(&snapshot) })
}

pub(super) async fn revert(admin: &Admin) -> AdminResult {
    admin.control.change(Command::RevertLayout).await?;
    log::info!("staged layout changes reverted");
    get(admin)
}

fn current(snapshot: &ControlSnapshot) -> GetClusterLayoutResponse {
    response(snapshot.layout.version(), &snapshot.staged_roles, snapshot.staged_parameters)
}

fn response(
    version: &LayoutVersion,
    staged: &BTreeMap<NodeId, StagedRole>,
    staged_parameters: Option<LayoutParameters>,
) -> GetClusterLayoutResponse {
    GetClusterLayoutResponse {
        version: version.number,
        roles: version.roles.iter().map(|(node, role)| role_of(version, *node, role)).collect(),
        parameters: version.parameters.into(),
        partition_size: shard_bytes(version),
        staged_role_changes: staged.iter().filter_map(|(node, change)| change_of(*node, change)).collect(),
        staged_parameters: staged_parameters.map(Into::into),
    }
}

fn role_of(version: &LayoutVersion, node: NodeId, role: &NodeRole) -> LayoutNodeRole {
    let shards = version.assignment.shards_on(node) as u64;
    let is_storage = role.capacity_bytes.is_some();
    LayoutNodeRole {
        id: node.to_string(),
        zone: role.zone.clone(),
        tags: role.tags.clone(),
        capacity: role.capacity_bytes,
        stored_partitions: is_storage.then_some(shards),
        usable_capacity: is_storage.then_some(shards * shard_bytes(version)),
    }
}

fn change_of(node: NodeId, change: &StagedRole) -> Option<NodeRoleChange> {
    let action = match change {
        StagedRole::Unchanged => return None,
        StagedRole::Remove => NodeRoleAction::Remove { remove: true },
        StagedRole::Assign(role) => NodeRoleAction::Assign(NodeAssignedRole {
            zone: role.zone.clone(),
            tags: role.tags.clone(),
            capacity: role.capacity_bytes,
        }),
    };
    Some(NodeRoleChange { id: node.to_string(), action })
}

/// What a shard may grow to before the first node is full, if shards grow alike.
fn shard_bytes(version: &LayoutVersion) -> u64 {
    let of_node = |(node, role): (&NodeId, &NodeRole)| {
        let shards = version.assignment.shards_on(*node) as u64;
        role.capacity_bytes?.checked_div(shards)
    };
    version.roles.iter().filter_map(of_node).min().unwrap_or(0)
}

fn explain(before: &LayoutVersion, version: &LayoutVersion) -> Vec<String> {
    let replicas = SHARD_COUNT * usize::from(version.replication_factor);
    let moved = version.assignment.moved_since(&before.assignment);
    let gains = version.roles.keys().chain(before.roles.keys()).copied().collect::<BTreeSet<_>>();
    let gains = gains.into_iter().filter_map(|node| {
        let (had, has) = (before.assignment.shards_on(node), version.assignment.shards_on(node));
        (had != has).then(|| format!("Node {node}: {had} shards before, {has} afterwards."))
    });
    let storage = version.roles.values().filter(|role| role.capacity_bytes.is_some()).count();
    let mut lines = vec![
        format!(
            "Version {}: {SHARD_COUNT} shards, each on {} of {storage} storage node(s).",
            version.number, version.replication_factor
        ),
        format!("{moved} of {replicas} replicas go to a node that does not hold them yet."),
        format!("Usable capacity: {}.", Bytes(shard_bytes(version).saturating_mul(SHARD_COUNT as u64))),
    ];
    lines.extend(gains);
    lines
}
