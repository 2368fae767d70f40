//! How far anti-entropy has come, as numbers for people.

use crate::ids::{NodeId, ShardIndex};
use std::collections::BTreeMap;

/// What is done and what is left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// When this was so, by a monotone clock of this run.
    pub now_ms: u64,
    /// Comparisons that ended with equal replicas, since the start.
    pub comparisons: u64,
    /// Rounds that repaired something or found nothing to repair, since the start.
    pub rounds: u64,
    /// Rounds that were given up, since the start.
    pub failures: u64,
    /// Rounds that were given up since the last one that was not.
    pub consecutive_failures: u64,
    /// The last round that was given up.
    pub last_failure: Option<Failure>,
    /// Items that rounds of this node repaired, since the start.
    pub items: u64,
    /// Bytes of questions and answers, since the start.
    pub bytes: u64,
    /// Shards that differ from a replica and wait for their round.
    pub waiting: usize,
    /// Rounds at work.
    pub running: usize,
    /// For how many milliseconds nothing is asked, as the rate is bounded.
    pub throttled_ms: u64,
    /// Shards that this node holds, or is removing.
    pub held: usize,
    /// Shards that this node gained and that are not complete.
    pub receiving: usize,
    /// Shards that lost their memory and are not complete again.
    pub amnesiac: usize,
    /// Shards that are being removed.
    pub dropping: usize,
    /// Pairs of a shard and a replica that were not compared since the start.
    pub never_compared: usize,
    /// Milliseconds since the oldest comparison of the others.
    pub oldest_ms: u64,
    /// How it is with each node that holds replicas of this node's shards.
    pub peers: BTreeMap<NodeId, PeerProgress>,
}

/// A round that was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Of which shard.
    pub shard: ShardIndex,
    /// With which replica.
    pub peer: NodeId,
    /// When, by the clock of [`Progress::now_ms`].
    pub at_ms: u64,
}

/// The comparisons with one other node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PeerProgress {
    /// Whether a link leads there.
    pub is_up: bool,
    /// Shards that both hold.
    pub shards: usize,
    /// Those that were equal at the last comparison, and whose next one is not due yet.
    pub equal: usize,
    /// Those that differed at the last look.
    pub differing: usize,
}

impl Progress {
    /// Whether a shard is on its way to this node or off it.
    pub fn is_handing_over(&self) -> bool {
        self.receiving + self.amnesiac + self.dropping > 0
    }
}
