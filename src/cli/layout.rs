use super::client::Client;
use super::error::CliError;
use super::status::{ID_CHARS, capacity};
use super::table::{print, table};
use crate::admin::model::{
    ApplyClusterLayoutRequest, ApplyClusterLayoutResponse, ClusterLayoutSkipDeadNodesRequest,
    ClusterLayoutSkipDeadNodesResponse, GetClusterLayoutHistoryResponse, GetClusterLayoutResponse,
    GetClusterStatusResponse, LayoutParameters, NodeAssignedRole, NodeRoleAction, NodeRoleChange,
    PreviewClusterLayoutChangesResponse, UpdateClusterLayoutRequest, ZoneRedundancy,
};
use crate::config::Bytes;
use clap::{Args, Subcommand};
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Debug, Subcommand)]
pub(super) enum LayoutCommand {
    /// Stage a role for nodes
    Assign(AssignArgs),
    /// Stage that a node leaves
    Remove {
        /// The node's id, or the beginning of it
        node: String,
    },
    /// Stage parameters
    Config {
        /// Over how many zones the copies of a shard are spread: a number, or `max`
        #[arg(short, long)]
        redundancy: String,
    },
    /// Show the roles in force and the staged changes
    Show,
    /// Make the staged changes the layout
    #[command(disable_version_flag = true)]
    Apply {
        /// The number of the new version, as `layout show` tells it
        #[arg(long)]
        version: u64,
    },
    /// Forget the staged changes
    Revert {
        /// Accepted for scripts; staged changes can always be made again
        #[arg(long)]
        yes: bool,
    },
    /// List every version that there was, and how far nodes are with a change
    History,
    /// Have a change of the layout wait no longer for nodes that are down and do not come back
    #[command(disable_version_flag = true)]
    SkipDeadNodes {
        /// The version that is not to wait for them
        #[arg(long)]
        version: u64,
        /// Go on even where only dead nodes may hold something: it is lost then
        #[arg(long)]
        allow_missing_data: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct AssignArgs {
    /// The nodes' ids, or the beginnings of them
    #[arg(required = true)]
    nodes: Vec<String>,
    /// Nodes of one zone may fail together
    #[arg(short, long)]
    zone: Option<String>,
    /// What the nodes offer, such as 100G
    #[arg(short, long, conflicts_with = "gateway")]
    capacity: Option<Bytes>,
    /// Hold no shards
    #[arg(short, long)]
    gateway: bool,
    /// A free word; may be repeated, and replaces the tags so far
    #[arg(short, long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

pub(super) async fn run(client: &Client, command: LayoutCommand) -> Result<(), CliError> {
    match command {
        LayoutCommand::Assign(args) => assign(client, args).await,
        LayoutCommand::Remove { node } => {
            let id = find_node(client, &node).await?;
            let change = NodeRoleChange { id, action: NodeRoleAction::Remove { remove: true } };
            stage(client, UpdateClusterLayoutRequest { roles: vec![change], parameters: None }).await
        }
        LayoutCommand::Config { redundancy } => {
            let parameters = Some(LayoutParameters { zone_redundancy: read_redundancy(&redundancy)? });
            stage(client, UpdateClusterLayoutRequest { roles: Vec::new(), parameters }).await
        }
        LayoutCommand::Show => show(client).await,
        LayoutCommand::Apply { version } => apply(client, version).await,
        LayoutCommand::Revert { yes: _ } => {
            client.post::<GetClusterLayoutResponse>("RevertClusterLayout", &[], &json!({})).await?;
            Ok(print("The staged changes are forgotten.")?)
        }
        LayoutCommand::History => history(client).await,
        LayoutCommand::SkipDeadNodes { version, allow_missing_data } => {
            skip_dead_nodes(client, ClusterLayoutSkipDeadNodesRequest { version, allow_missing_data }).await
        }
    }
}

async fn assign(client: &Client, args: AssignArgs) -> Result<(), CliError> {
    let layout: GetClusterLayoutResponse = client.get("GetClusterLayout", &[]).await?;
    let mut roles = Vec::new();
    for node in &args.nodes {
        let id = find_node(client, node).await?;
        let role = next_role(&layout, &id, &args)?;
        roles.push(NodeRoleChange { id, action: NodeRoleAction::Assign(role) });
    }
    stage(client, UpdateClusterLayoutRequest { roles, parameters: None }).await
}

/// What is not given stays as it is staged, or else as it is.
fn next_role(
    layout: &GetClusterLayoutResponse,
    id: &str,
    args: &AssignArgs,
) -> Result<NodeAssignedRole, CliError> {
    let staged = layout.staged_role_changes.iter().find(|change| change.id == id);
    let staged = staged.and_then(|change| match &change.action {
        NodeRoleAction::Assign(role) => Some(role.clone()),
        NodeRoleAction::Remove { .. } => None,
    });
    let current = layout.roles.iter().find(|role| role.id == id).map(|role| NodeAssignedRole {
        zone: role.zone.clone(),
        tags: role.tags.clone(),
        capacity: role.capacity,
    });
    let before = staged.or(current);
    let no_role = || CliError::NoRoleYet(id.chars().take(ID_CHARS).collect());
    let zone = args.zone.clone().or_else(|| before.as_ref().map(|role| role.zone.clone()));
    let capacity = match (args.gateway, args.capacity) {
        (true, _) => None,
        (false, Some(bytes)) => Some(bytes.0),
        (false, None) => before.as_ref().ok_or_else(no_role)?.capacity,
    };
    let tags = match args.tags.is_empty() {
        true => before.map(|role| role.tags).unwrap_or_default(),
        false => args.tags.clone(),
    };
    Ok(NodeAssignedRole { zone: zone.ok_or_else(no_role)?, tags, capacity })
}

async fn stage(client: &Client, changes: UpdateClusterLayoutRequest) -> Result<(), CliError> {
    let layout: GetClusterLayoutResponse = client.post("UpdateClusterLayout", &[], &changes).await?;
    let next = layout.version.saturating_add(1);
    Ok(print(&format!(
        "The change is staged. Look at it with `troupe layout show`, then make it with\n\n    troupe layout apply \
         --version {next}"
    ))?)
}

async fn show(client: &Client) -> Result<(), CliError> {
    let layout: GetClusterLayoutResponse = client.get("GetClusterLayout", &[]).await?;
    let head = ["ID", "Tags", "Zone", "Capacity", "Shards"];
    let rows = layout.roles.iter().map(|role| {
        let shards = role.stored_partitions.map_or("-".to_owned(), |shards| shards.to_string());
        vec![role.id.clone(), role.tags.join(","), role.zone.clone(), capacity(role.capacity), shards]
    });
    let mut text = format!("==== CURRENT LAYOUT, VERSION {} ====\n", layout.version);
    text += &match layout.roles.is_empty() {
        true => "No node has a role.".to_owned(),
        false => table(&head, rows),
    };
    text += &format!("\n\nZone redundancy: {}\n", redundancy_text(layout.parameters));
    if layout.staged_role_changes.is_empty() && layout.staged_parameters.is_none() {
        return Ok(print(&text)?);
    }
    text += "\n==== STAGED CHANGES ====\n";
    text += &table(&["ID", "Tags", "Zone", "Capacity"], layout.staged_role_changes.iter().map(change_row));
    if let Some(parameters) = layout.staged_parameters {
        text += &format!("\nZone redundancy: {}\n", redundancy_text(parameters));
    }
    text += &preview(client, layout.version.saturating_add(1)).await?;
    Ok(print(&text)?)
}

async fn preview(client: &Client, next: u64) -> Result<String, CliError> {
    let preview = client.post("PreviewClusterLayoutChanges", &[], &json!({})).await?;
    Ok(match preview {
        PreviewClusterLayoutChangesResponse::Error { error } => {
            format!("\n\nThese changes cannot be applied: {error}\n")
        }
        PreviewClusterLayoutChangesResponse::Success { message, .. } => format!(
            "\n\n{}\n\nTo apply:   troupe layout apply --version {next}\nTo forget:  troupe layout revert\n",
            message.join("\n")
        ),
    })
}

fn change_row(change: &NodeRoleChange) -> Vec<String> {
    match &change.action {
        NodeRoleAction::Remove { .. } => {
            vec![change.id.clone(), String::new(), String::new(), "leaves".to_owned()]
        }
        NodeRoleAction::Assign(role) => {
            vec![change.id.clone(), role.tags.join(","), role.zone.clone(), capacity(role.capacity)]
        }
    }
}

async fn apply(client: &Client, version: u64) -> Result<(), CliError> {
    let request = ApplyClusterLayoutRequest { version };
    let applied: ApplyClusterLayoutResponse = client.post("ApplyClusterLayout", &[], &request).await?;
    Ok(print(&applied.message.join("\n"))?)
}

async fn history(client: &Client) -> Result<(), CliError> {
    let history: GetClusterLayoutHistoryResponse = client.get("GetClusterLayoutHistory", &[]).await?;
    let rows = history.versions.iter().map(|version| {
        let status = format!("{:?}", version.status).to_lowercase();
        let (storage, gateways) = (version.storage_nodes.to_string(), version.gateway_nodes.to_string());
        vec![version.version.to_string(), status, storage, gateways]
    });
    let mut text = table(&["Version", "Status", "Storage nodes", "Gateway nodes"], rows);
    if let Some(trackers) = &history.update_trackers {
        let rows = trackers.iter().map(|(node, tracker)| {
            let numbers = [tracker.ack, tracker.sync, tracker.sync_ack];
            std::iter::once(node.clone()).chain(numbers.map(|number| number.to_string())).collect()
        });
        text += "\n\n==== HOW FAR NODES ARE ====\n";
        text += &table(&["ID", "Writes by", "Holds all of", "Reads by"], rows);
    }
    Ok(print(&text)?)
}

async fn skip_dead_nodes(
    client: &Client,
    request: ClusterLayoutSkipDeadNodesRequest,
) -> Result<(), CliError> {
    let skipped: ClusterLayoutSkipDeadNodesResponse =
        client.post("ClusterLayoutSkipDeadNodes", &[], &request).await?;
    let version = request.version;
    if skipped.ack_updated.is_empty() {
        return Ok(print("Every node with a role is up: nobody is skipped.")?);
    }
    let mut text = format!("Version {version} waits no longer for writes and reads of:\n");
    skipped.ack_updated.iter().for_each(|node| text += &format!("    {node}\n"));
    text += &match skipped.sync_updated.is_empty() {
        true => "Where the version still needs what they hold, it goes on waiting for them. To give that up: \
                 --allow-missing-data"
            .to_owned(),
        false => "What only they held is lost: writes that were acknowledged while other replicas were down may be \
                  among it."
            .to_owned(),
    };
    Ok(print(&text)?)
}

/// The one known node whose id begins with `prefix`. A whole id need not be known: a node may get its role before it is
/// seen.
async fn find_node(client: &Client, prefix: &str) -> Result<String, CliError> {
    // What `troupe node id` prints may be pasted as it is.
    let prefix = prefix.split_once('@').map_or(prefix, |(id, _)| id).to_ascii_lowercase();
    let status: GetClusterStatusResponse = client.get("GetClusterStatus", &[]).await?;
    let layout: GetClusterLayoutResponse = client.get("GetClusterLayout", &[]).await?;
    let in_layout = layout.roles.into_iter().map(|role| role.id);
    let staged = layout.staged_role_changes.into_iter().map(|change| change.id);
    let known: BTreeSet<_> =
        status.nodes.into_iter().map(|node| node.id).chain(in_layout).chain(staged).collect();
    let found: Vec<_> = known.into_iter().filter(|id| id.starts_with(&prefix)).collect();
    const ID_CHARS_WHOLE: usize = 64;
    match &found[..] {
        [id] if !prefix.is_empty() => Ok(id.clone()),
        [] if prefix.len() == ID_CHARS_WHOLE => Ok(prefix),
        [] | [_] => Err(CliError::NoSuchNode(prefix)),
        _ => Err(CliError::NodeAmbiguous { prefix, count: found.len() }),
    }
}

fn read_redundancy(text: &str) -> Result<ZoneRedundancy, CliError> {
    match text {
        "max" | "maximum" => Ok(ZoneRedundancy::Maximum),
        zones => {
            zones.parse().map(ZoneRedundancy::AtLeast).map_err(|_| CliError::Redundancy(text.to_owned()))
        }
    }
}

fn redundancy_text(parameters: LayoutParameters) -> String {
    match parameters.zone_redundancy {
        ZoneRedundancy::Maximum => "maximum".to_owned(),
        ZoneRedundancy::AtLeast(zones) => format!("at least {zones} zone(s)"),
    }
}
