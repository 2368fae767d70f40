//! What a node counts, and how Prometheus is told.

mod calls;
mod exposition;
mod histogram;
mod rpc;

pub(crate) use calls::{CallKind, CallMetrics};
pub use exposition::{Exposition, Kind};
pub(crate) use rpc::CountedPeers;
