//! What a node says of itself and of its peers' clocks.

use crate::ids::NodeId;
use crate::limits::CUT_OFF_AFTER_MS;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a node serves requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It has never heard what the cluster knows.
    Joining,
    /// It agreed with a majority of the nodes with a role at this time, in milliseconds of its uptime, and serves until it
    /// is [`CUT_OFF_AFTER_MS`] ago.
    AgreedAt(u64),
    /// It needs nobody's word: no other node has a role.
    Alone,
}

impl Standing {
    /// Whether requests are served at this time of the node's uptime.
    pub fn serves(self, uptime_ms: u64) -> bool {
        match self {
            Standing::Joining => false,
            Standing::AgreedAt(at_ms) => uptime_ms.saturating_sub(at_ms) < CUT_OFF_AFTER_MS,
            Standing::Alone => true,
        }
    }
}

/// What a node says of itself and its peers' clocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControlStatus {
    /// Whether it serves.
    pub standing: Standing,
    /// Peers whose wall clock is more than [`CLOCK_OFF_MS`](crate::limits::CLOCK_OFF_MS) off, and by how many milliseconds it is ahead.
    pub clocks_off: BTreeMap<NodeId, i64>,
    /// Peers of another cluster, to which nobody listens.
    pub foreign: BTreeSet<NodeId>,
}
