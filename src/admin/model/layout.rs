use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The layout, and what is staged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetClusterLayoutResponse {
    /// 0 before anything was applied.
    pub version: u64,
    /// Every node that has a role.
    pub roles: Vec<LayoutNodeRole>,
    /// What the assignment was computed under.
    pub parameters: LayoutParameters,
    /// Bytes that one shard may grow to before a node's capacity is used up.
    pub partition_size: u64,
    /// What the next version will change.
    pub staged_role_changes: Vec<NodeRoleChange>,
    /// Parameters of the next version, if they change.
    #[serde(default)]
    pub staged_parameters: Option<LayoutParameters>,
}

/// A node's role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutNodeRole {
    /// 64 hex digits.
    pub id: String,
    /// Nodes of one zone may fail together.
    pub zone: String,
    /// Free words.
    pub tags: Vec<String>,
    /// Bytes; null for a gateway.
    #[serde(default)]
    pub capacity: Option<u64>,
    /// How many shards lie on it.
    #[serde(default)]
    pub stored_partitions: Option<u64>,
    /// Bytes of its capacity that its shards can use.
    #[serde(default)]
    pub usable_capacity: Option<u64>,
}

/// What an assignment is computed under.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutParameters {
    /// Over how many zones the replicas of a shard are spread.
    pub zone_redundancy: ZoneRedundancy,
}

/// Over how many zones the replicas of a shard are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZoneRedundancy {
    /// As many as there are.
    Maximum,
    /// At least this many.
    AtLeast(u8),
}

impl From<troupe_actors::layout::LayoutParameters> for LayoutParameters {
    fn from(parameters: troupe_actors::layout::LayoutParameters) -> LayoutParameters {
        let zone_redundancy = match parameters.zone_redundancy {
            troupe_actors::layout::ZoneRedundancy::Maximum => ZoneRedundancy::Maximum,
            troupe_actors::layout::ZoneRedundancy::AtLeast(zones) => ZoneRedundancy::AtLeast(zones),
        };
        LayoutParameters { zone_redundancy }
    }
}

impl From<LayoutParameters> for troupe_actors::layout::LayoutParameters {
    fn from(parameters: LayoutParameters) -> troupe_actors::layout::LayoutParameters {
        let zone_redundancy = match parameters.zone_redundancy {
            ZoneRedundancy::Maximum => troupe_actors::layout::ZoneRedundancy::Maximum,
            ZoneRedundancy::AtLeast(zones) => troupe_actors::layout::ZoneRedundancy::AtLeast(zones),
        };
        troupe_actors::layout::LayoutParameters { zone_redundancy }
    }
}

/// A change of one node's role: `{"id", "remove": true}` or `{"id", "zone", "capacity", "tags"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeRoleChange {
    /// 64 hex digits.
    pub id: String,
    /// The change itself.
    #[serde(flatten)]
    pub action: NodeRoleAction,
}

/// What becomes of a node's role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NodeRoleAction {
    /// The node leaves the layout.
    Remove {
        /// Always true.
        remove: bool,
    },
    /// The node gets this role.
    Assign(NodeAssignedRole),
}

/// A role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeAssignedRole {
    /// Nodes of one zone may fail together.
    pub zone: String,
    /// Free words.
    pub tags: Vec<String>,
    /// Bytes; null for a gateway.
    #[serde(default)]
    pub capacity: Option<u64>,
}

/// Adds to what is staged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateClusterLayoutRequest {
    /// Role changes.
    #[serde(default)]
    pub roles: Vec<NodeRoleChange>,
    /// Parameters to compute the next version under.
    #[serde(default)]
    pub parameters: Option<LayoutParameters>,
}

/// Makes the staged changes the layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyClusterLayoutRequest {
    /// The current version plus one.
    pub version: u64,
}

/// The new layout.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyClusterLayoutResponse {
    /// What it means, for people.
    pub message: Vec<String>,
    /// The layout.
    pub layout: GetClusterLayoutResponse,
}

/// What applying would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum PreviewClusterLayoutChangesResponse {
    /// It would be refused.
    Error {
        /// Why.
        error: String,
    },
    /// It would make this layout.
    Success {
        /// What it means, for people.
        message: Vec<String>,
        /// The layout.
        new_layout: GetClusterLayoutResponse,
    },
}

/// Has changes of the layout wait no longer for nodes that are dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterLayoutSkipDeadNodesRequest {
    /// Up to which version nobody waits for them.
    pub version: u64,
    /// Whether to go on where only they may hold something: it is lost then.
    pub allow_missing_data: bool,
}

/// For whom nobody waits any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterLayoutSkipDeadNodesResponse {
    /// Nodes that count as writing and reading by the version.
    pub ack_updated: Vec<String>,
    /// Nodes that count as holding all of its data.
    pub sync_updated: Vec<String>,
}

/// Every version that there was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetClusterLayoutHistoryResponse {
    /// The version in force.
    pub current_version: u64,
    /// The oldest version that some node may still use.
    pub min_ack: u64,
    /// The newest first.
    pub versions: Vec<ClusterLayoutVersion>,
    /// How far each node is; null as long as one version is live.
    #[serde(default)]
    pub update_trackers: Option<BTreeMap<String, NodeUpdateTrackers>>,
}

/// One version that there was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterLayoutVersion {
    /// Its number.
    pub version: u64,
    /// Whether it is in force.
    pub status: ClusterLayoutVersionStatus,
    /// Nodes with a capacity.
    pub storage_nodes: u64,
    /// Nodes without.
    pub gateway_nodes: u64,
}

/// Whether a layout version is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClusterLayoutVersionStatus {
    /// It is.
    Current,
    /// Its data is being handed over.
    Draining,
    /// It was.
    Historical,
}

/// How far a node is with a change of layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeUpdateTrackers {
    /// Its writes use this version.
    pub ack: u64,
    /// It has the data of this version.
    pub sync: u64,
    /// It knows that all nodes have.
    pub sync_ack: u64,
}
