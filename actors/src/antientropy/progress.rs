//! How far anti-entropy has come, as numbers for people.

/// What is done and what is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Comparisons that ended with equal replicas, since the start.
    pub comparisons: u64,
    /// Rounds that repaired something or found nothing to repair, since the start.
    pub rounds: u64,
    /// Rounds that were given up, since the start.
    pub failures: u64,
    /// Items that rounds of this node repaired, since the start.
    pub items: u64,
    /// Bytes of questions and answers, since the start.
    pub bytes: u64,
    /// Shards that differ from a replica and wait for their round.
    pub waiting: usize,
    /// Rounds at work.
    pub running: usize,
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
}
