use crate::limits::{CONTROL_TEXT_BYTES_MAX, NODE_TAGS_MAX};
use serde::{Deserialize, Serialize};

/// What a node is in the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NodeRole {
    /// Nodes of one zone may fail together.
    pub zone: String,
    /// Bytes that the node offers; `None` for a gateway node, which holds no shard.
    pub capacity_bytes: Option<u64>,
    /// Free words for people.
    pub tags: Vec<String>,
}

/// A role that breaks a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// Zones have names.
    #[error("a zone has a name of 1 to {CONTROL_TEXT_BYTES_MAX} bytes")]
    Zone,
    /// A storage node stores something.
    #[error("a capacity is at least 1 KB; a node without capacity is a gateway")]
    Capacity,
    /// Tags are few and short.
    #[error("a node has at most {NODE_TAGS_MAX} tags of 1 to {CONTROL_TEXT_BYTES_MAX} bytes")]
    Tags,
}

const CAPACITY_BYTES_MIN: u64 = 1000;

impl NodeRole {
    /// Checks the role against its bounds.
    ///
    /// # Errors
    /// [`RoleError`] says which bound it breaks.
    pub fn check(&self) -> Result<(), RoleError> {
        let is_text = |text: &str| !text.is_empty() && text.len() <= CONTROL_TEXT_BYTES_MAX;
        if !is_text(&self.zone) {
            return Err(RoleError::Zone);
        }
        if self.capacity_bytes.is_some_and(|bytes| bytes < CAPACITY_BYTES_MIN) {
            return Err(RoleError::Capacity);
        }
        if self.tags.len() > NODE_TAGS_MAX || !self.tags.iter().all(|tag| is_text(tag)) {
            return Err(RoleError::Tags);
        }
        Ok(())
    }
}

/// A change of one node's role that the next version will make.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum StagedRole {
    /// No change: what a revert or an apply leaves behind.
    Unchanged,
    /// The node gets this role.
    Assign(NodeRole),
    /// The node leaves the cluster.
    Remove,
}

/// Over how many zones the replicas of a shard are spread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ZoneRedundancy {
    /// As many as there are, up to one per replica.
    Maximum,
    /// At least this many.
    AtLeast(u8),
}

/// What an assignment is computed under.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LayoutParameters {
    /// Over how many zones the replicas of a shard are spread.
    pub zone_redundancy: ZoneRedundancy,
}

impl Default for LayoutParameters {
    fn default() -> LayoutParameters {
        LayoutParameters { zone_redundancy: ZoneRedundancy::Maximum }
    }
}
