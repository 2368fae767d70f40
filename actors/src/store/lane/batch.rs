//! A batch as the lane's core sees it.

use super::{Fence, Owner};

/// A batch and what the core must know of it. The payload `B` is carried through untouched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch<B> {
    /// Whose batch it is.
    pub owner: Owner,
    /// What it builds on: earlier batches of the owner with the same fence.
    pub fence: Fence,
    /// Its place in the lane's queue: larger than that of every batch that arrived before.
    pub order: u64,
    /// Whether it needs room beyond what it gives back.
    pub grows: bool,
    /// About how much of the group's budget it takes.
    pub bytes: usize,
    /// The writes, and where the answer goes.
    pub payload: B,
}
