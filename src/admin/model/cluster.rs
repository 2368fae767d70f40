use super::NodeAssignedRole;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The nodes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetClusterStatusResponse {
    /// The layout version in force.
    pub layout_version: u64,
    /// Troupe's own: what the operator should look at, one sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Every node that is up or has a role.
    pub nodes: Vec<NodeResp>,
}

/// One node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeResp {
    /// 64 hex digits.
    pub id: String,
    /// What it runs.
    #[serde(default)]
    pub garage_version: Option<String>,
    /// Where other nodes reach it.
    #[serde(default)]
    pub addr: Option<String>,
    /// What its machine is called.
    #[serde(default)]
    pub hostname: Option<String>,
    /// Whether it is reachable.
    pub is_up: bool,
    /// For how long it has not been.
    #[serde(default)]
    pub last_seen_secs_ago: Option<u64>,
    /// Troupe's own: `up`, `suspected`, `not connected` or `down`.
    #[serde(default)]
    pub state: Option<String>,
    /// Troupe's own: for how many seconds; nothing for a node that was not heard of since this one started.
    #[serde(default)]
    pub state_secs: Option<u64>,
    /// Its role in the layout.
    #[serde(default)]
    pub role: Option<NodeAssignedRole>,
    /// Whether it hands over data of an older layout.
    pub draining: bool,
    /// Room where items lie.
    #[serde(default)]
    pub data_partition: Option<FreeSpaceResp>,
    /// Room where items lie: in Troupe it is the same place.
    #[serde(default)]
    pub metadata_partition: Option<FreeSpaceResp>,
}

/// What became of connecting to one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectNodeResponse {
    /// Whether there is a link.
    pub success: bool,
    /// Why there is none yet.
    pub error: Option<String>,
}

/// Room on a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FreeSpaceResp {
    /// Bytes left.
    pub available: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Whether requests are answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetClusterHealthResponse {
    /// `healthy`, `degraded` or `unavailable`.
    pub status: String,
    /// Nodes that this one has heard of.
    pub known_nodes: usize,
    /// Nodes that it is connected to, itself included.
    pub connected_nodes: usize,
    /// Nodes with a capacity.
    pub storage_nodes: usize,
    /// How many of them are up.
    pub storage_nodes_ok: usize,
    /// Shards.
    pub partitions: usize,
    /// Shards for which enough replicas are up to read and write.
    pub partitions_quorum: usize,
    /// Shards all of whose replicas are up.
    pub partitions_all_ok: usize,
}

/// What a node waited for before an operator ended it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptDataLossResponse {
    /// For a person; nothing if it did not wait.
    pub was_waiting: Option<String>,
}

/// One answer per node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MultiResponse<T> {
    /// By node id.
    pub success: BTreeMap<String, T>,
    /// By node id.
    pub error: BTreeMap<String, String>,
}

/// What a node runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalGetNodeInfoResponse {
    /// 64 hex digits.
    pub node_id: String,
    /// This program's version.
    pub garage_version: String,
    /// What it can do.
    #[serde(default)]
    pub garage_features: Option<Vec<String>>,
    /// The oldest compiler that it is built with.
    pub rust_version: String,
    /// Where it keeps items.
    pub db_engine: String,
}

/// Numbers for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LocalGetNodeStatisticsResponse {
    /// Lines of text. Not to be parsed: `/metrics` is.
    pub freeform: String,
}
