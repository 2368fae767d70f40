use super::client::Client;
use super::error::CliError;
use super::table::{print, table};
use crate::admin::model::{
    FreeSpaceResp, GetClusterHealthResponse, GetClusterLayoutResponse, GetClusterStatusResponse,
    LocalGetNodeStatisticsResponse, LocalListWorkersRequest, MultiResponse, NodeResp, WorkerInfoResp,
};
use crate::config::Bytes;
use std::collections::BTreeMap;

/// How much of a node's id is shown where a table would become too wide.
pub(super) const ID_CHARS: usize = 16;

pub(super) async fn status(client: &Client) -> Result<(), CliError> {
    let status: GetClusterStatusResponse = client.get("GetClusterStatus", &[]).await?;
    let health: GetClusterHealthResponse = client.get("GetClusterHealth", &[]).await?;
    let layout: GetClusterLayoutResponse = client.get("GetClusterLayout", &[]).await?;
    let head = ["ID", "Hostname", "Address", "Tags", "Zone", "Capacity", "Disk available", "Since", "State"];
    let mut text = format!("==== NODES ====\n{}\n\n", table(&head, status.nodes.iter().map(row)));
    text += &format!(
        "Cluster: {} (layout version {}, {} of {} shards served)\n",
        health.status, status.layout_version, health.partitions_quorum, health.partitions
    );
    let wanted = LocalListWorkersRequest { busy_only: true, error_only: false };
    let workers: MultiResponse<Vec<WorkerInfoResp>> =
        client.post("ListWorkers", &[("node", "*")], &wanted).await?;
    text += &syncing(&workers.success);
    for warning in &status.warnings {
        text += &format!("Warning: {warning}.\n");
    }
    if !layout.staged_role_changes.is_empty() || layout.staged_parameters.is_some() {
        text += "Changes of the layout are staged: look at them with `troupe layout show`.\n";
    } else if status.nodes.iter().all(|node| node.role.is_none()) {
        text += "No node has a role yet: give one with `troupe layout assign`.\n";
    }
    print(&text)?;
    let (served, all) = (health.partitions_quorum, health.partitions);
    if served == all {
        return Ok(());
    }
    let next = if layout.version == 0 {
        "give this node a role with `troupe layout assign`, then `troupe layout apply`"
    } else {
        "the layout gives the others to nodes that are not connected"
    };
    Err(CliError::NotServed { served, all, next })
}

/// Nodes that repair or move something, and how far they are. Those that do not answer are in the table of nodes.
fn syncing(workers: &BTreeMap<String, Vec<WorkerInfoResp>>) -> String {
    let rows = workers.iter().flat_map(|(node, workers)| {
        let syncing = workers.iter().filter(|worker| worker.is_syncing());
        syncing.map(|worker| {
            vec![
                node.chars().take(ID_CHARS).collect(),
                worker.name.clone(),
                worker.progress.clone().unwrap_or_default(),
                worker.queue_length.unwrap_or(0).to_string(),
            ]
        })
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\n==== SYNCING ====\n{}\n\n", table(&["ID", "What", "Progress", "Shards to go"], rows))
}

pub(super) async fn stats(client: &Client) -> Result<(), CliError> {
    let stats: LocalGetNodeStatisticsResponse = client.get("GetClusterStatistics", &[]).await?;
    Ok(print(&stats.freeform)?)
}

fn row(node: &NodeResp) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let (tags, zone, capacity) = match &node.role {
        None => ("-".to_owned(), "-".to_owned(), "no role".to_owned()),
        Some(role) => (role.tags.join(","), role.zone.clone(), capacity(role.capacity)),
    };
    vec![
        node.id.chars().take(ID_CHARS).collect(),
        text(&node.hostname),
        text(&node.addr),
        tags,
        zone,
        capacity,
        node.data_partition.map_or("-".to_owned(), available),
        node.state_secs.map_or("-".to_owned(), duration),
        node.state.clone().unwrap_or_else(|| if node.is_up { "up" } else { "down" }.to_owned()),
    ]
}

/// A time in its largest unit: how long a node has been up or down.
fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A node's capacity in words.
pub(super) fn capacity(bytes: Option<u64>) -> String {
    bytes.map_or("gateway".to_owned(), |bytes| Bytes(bytes).to_string())
}

fn available(space: FreeSpaceResp) -> String {
    let percent = space.available.saturating_mul(100).checked_div(space.total).unwrap_or(0);
    format!("{} ({percent} %)", Bytes(space.available))
}
