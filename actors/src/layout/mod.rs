//! Which node holds which shard.
//!
//! Operators stage role changes; *applying* them makes the next version: roles, parameters and an assignment of every
//! shard to its replicas. A version is identified by the hash of its content, so two nodes that apply the same changes
//! to the same version make the same one, and two that do not are seen to differ.
//!
//! ```text
//! staged roles ──apply──▶ LayoutVersion (number, parent, roles, assignment) ──▶ Layout: replicas(shard)
//! ```

mod assignment;
mod role;
mod version;

pub use assignment::{Assignment, AssignmentError};
pub use role::{LayoutParameters, NodeRole, RoleError, StagedRole, ZoneRedundancy};
pub use version::{LayoutId, LayoutVersion};

use crate::ids::{NodeId, ShardIndex};
use crate::limits::SHARD_COUNT;
use std::sync::Arc;

/// The layout that requests are routed by. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Layout {
    version: Arc<LayoutVersion>,
    /// `SHARD_COUNT × replicas` nodes, one shard after the other: a lookup is a slice.
    replicas: Arc<[NodeId]>,
}

impl Layout {
    /// Unfolds a version for lookups.
    pub fn new(version: Arc<LayoutVersion>) -> Layout {
        let replicas = version.assignment.unfold();
        Layout { version, replicas }
    }

    /// The nodes that hold `shard`, none as long as nothing has been applied.
    pub fn replicas(&self, shard: ShardIndex) -> &[NodeId] {
        let per_shard = self.replicas.len() / SHARD_COUNT;
        &self.replicas[shard.index() * per_shard..][..per_shard]
    }

    /// The version that is in force.
    pub fn version(&self) -> &LayoutVersion {
        &self.version
    }

    /// Whether shards have owners at all.
    pub fn is_assigned(&self) -> bool {
        !self.replicas.is_empty()
    }
}
