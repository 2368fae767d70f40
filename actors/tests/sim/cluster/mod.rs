//! Whole clusters: several nodes, each made of the production cores, in one thread under one seed.
//!
//! ```text
//!  clients ──▶ gateway of any node ──▶ coordinator ──▶ lane, disk
//!                    │      ▲               │  ▲
//!                    ▼      │               ▼  │
//!                 frames that are late, lost, doubled, or run into a cut
//! ```
//!
//! Every replica is held against plain sets: which writes its item knows, and which of them are overwritten. What
//! clients were promised (`promises.rs`) is held against every answer that they get, through whichever node.

mod calm;
mod client;
mod faults;
mod frame;
mod gateway;
pub(crate) mod invariants;
mod lane;
mod layout;
mod machine;
mod network;
mod promises;
mod ranges;
mod read;
mod rounds;
mod shards;
mod world;

pub(crate) use world::run;
