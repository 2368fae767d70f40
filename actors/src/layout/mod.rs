//! Which node holds which shard.
//!
//! Operators stage role changes; *applying* them makes the next version: roles, parameters and an assignment of every
//! shard to its replicas. A version is identified by the hash of its content, so two nodes that apply the same changes
//! to the same version make the same one, and two that do not are seen to differ.
//!
//! ```text
//! staged roles ──apply──▶ LayoutVersion (number, parent, roles, assignment)
//!                              │ several live at once
//! Tracker of every node ───────┴──▶ Layout: write_sets(shard), read_set(shard)
//! ```
//!
//! A new version takes over in steps, and no step is taken before everybody is known to have taken the one before:
//!
//! 1. **Live.** Writes need a quorum of the shard's replicas in *each* live version; reads still ask the oldest one.
//! 2. **Acked.** A node says so once none of its writes uses older versions only. When every node with a role has, what
//!    the new replicas miss is what they missed so far: from here on a comparison can be complete.
//! 3. **Synced**, shard by shard: a new replica compared equal with all replicas of the older live versions. When all
//!    replicas of a shard have, reads move up. A shard whose replicas did not change has nothing to compare.
//! 4. **Released.** A node says so once none of its reads asks by older versions.
//! 5. **Retired**, when every node with a role has released it: writes stop to use the older version, and nodes that lost a
//!    shard by it may drop it. Stopping any earlier would leave a slow reader behind that misses what is written since.
//!
//! Only nodes with a role plan reads and writes, as only their word is waited for.

mod assignment;
pub mod decree;
mod live;
mod progress;
mod role;
mod routes;
mod shard_set;
#[cfg(test)]
mod tests;
mod version;

pub use assignment::{Assignment, AssignmentError};
pub use progress::{Held, Incarnation, NodeProgress, Skipped, Tracker};
pub use role::{LayoutParameters, NodeRole, RoleError, StagedRole, ZoneRedundancy};
pub use routes::{Layout, LayoutUse, ReplicaSet};
pub use shard_set::ShardSet;
pub use version::{LayoutId, LayoutVersion};
