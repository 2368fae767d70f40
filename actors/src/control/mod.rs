//! Buckets, access keys, permissions, the layout: what a cluster agrees on, as a full copy on every node.
//!
//! Everything is a CRDT, so that nodes may change it apart and gossip it together; each entity is persisted as one row.
//!
//! ```text
//! command ──▶ ControlCore ── Persist(rows) ──▶ lane
//!                  ▲                             │
//!                  └───────── Persisted ◀────────┘
//!                  └──▶ Publish(snapshot) ──▶ gateway        only what is durable is seen or acknowledged
//!                  └──▶ Rows ──▶ peers ── Held ──▶ Answer    once a majority of the nodes with a role hold it
//! ```
//!
//! Laws: merging is commutative, associative and idempotent; what is deleted never comes back; a snapshot shows only
//! what is durable; a command is carried out as a whole or not at all.

mod actor;
mod change;
mod command;
mod core;
mod cors;
mod digests;
mod entities;
mod event;
mod gain;
mod merge;
mod message;
mod names;
mod rows;
mod snapshot;
mod state;
mod status;
#[cfg(test)]
mod tests;

pub use actor::{Control, ControlOptions, OnCluster, StartError};
pub use command::{Command, ControlError};
pub use core::ControlCore;
pub use cors::{CorsError, CorsRule, check_cors_rules};
pub use entities::{AdminTokenState, BucketState, ClusterSecret, KeyState, PermissionState, Secrets};
pub use event::{Effect, Event, RequestId};
pub use merge::{Latest, Lifetime, Merge, Stamp};
pub use message::{ControlMessage, Envelope};
pub use names::{AdminTokenId, Alias, FreeText, KeyId, NameError, SecretKey};
pub use rows::{Row, RowError};
pub use snapshot::{AccessKey, AdminToken, Bucket, ControlSnapshot, Permissions};
pub use state::ControlState;
pub use status::{ControlStatus, Standing};
