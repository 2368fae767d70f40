//! The bodies of the admin API, field by field as Garage's admin API v2 has them, so that its tools work here.
//!
//! Fields that Garage does not have are marked as ours. The same types serve the API and the command line.

mod bucket;
mod cluster;
mod key;
mod layout;
mod token;
mod worker;

pub use bucket::*;
pub use cluster::*;
pub use key::*;
pub use layout::*;
pub use token::*;
pub use worker::*;

use serde::{Deserialize, Serialize};

/// What a key may do with a bucket. In a change: what to change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiBucketKeyPerm {
    /// Read items, list partitions, poll.
    #[serde(default)]
    pub read: bool,
    /// Insert and delete items.
    #[serde(default)]
    pub write: bool,
    /// Change the bucket itself.
    #[serde(default)]
    pub owner: bool,
}

impl From<troupe_actors::control::Permissions> for ApiBucketKeyPerm {
    fn from(permissions: troupe_actors::control::Permissions) -> ApiBucketKeyPerm {
        let troupe_actors::control::Permissions { read, write, owner } = permissions;
        ApiBucketKeyPerm { read, write, owner }
    }
}

impl From<ApiBucketKeyPerm> for troupe_actors::control::Permissions {
    fn from(permissions: ApiBucketKeyPerm) -> troupe_actors::control::Permissions {
        let ApiBucketKeyPerm { read, write, owner } = permissions;
        troupe_actors::control::Permissions { read, write, owner }
    }
}

/// An error, as every API of this server words it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// The configured region.
    pub region: String,
    /// What was asked for.
    pub path: String,
}
