//! The lane of an environment: the one writer, and the queue before it.
//!
//! ```text
//! writers ── Persist ──▶ mailbox ──▶ pending ── one transaction, one fsync ──▶ disk
//!    ▲        + Room                                    │
//!    └───────────────────── Persisted ──────────────────┘
//! ```
//!
//! While a commit blocks the lane's thread, the next group collects in the mailbox: the busier the lane, the larger the
//! groups (*group commit*). Nothing waits for a timer.
//!
//! Laws, each a test of [`core`]:
//!
//! * batches of an owner are applied, and answered, in the order in which they came;
//! * a batch is answered once, after the transaction that holds it, or when none will;
//! * no batch is kept that builds on a refused one (the fence).

pub mod actor;
mod batch;
pub mod core;
mod handle;
mod queue;

pub use batch::Batch;
pub use handle::{LaneGone, LaneHandle, Room};

use super::{CommitError, Failure, Write};
use crate::ids::ShardIndex;
use actix::Message;
use tokio::sync::mpsc;

/// The sender of a batch. The batches of one owner are stored in order; a refusal fences off only its owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// A shard: items and what the shard keeps beside them.
    Shard(ShardIndex),
    /// The control plane of this node.
    Control,
}

/// A group of writes that is stored in one transaction, unique for its owner and ascending in the order of sending.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BatchId(pub u64);

/// What a batch may build on: earlier batches of the same owner under the same fence.
///
/// A fence is never used twice in the life of a process: an owner that is made anew, as a shard that comes back, begins
/// above everything that its predecessor ever sent, late batches included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fence {
    /// Which object of this process sends under it.
    opening: u64,
    /// How often that object was refused a batch.
    refusals: u64,
}

impl Fence {
    /// The first fence of an owner. `opening` is larger than for every earlier owner of the process with the same name.
    pub const fn first(opening: u64) -> Fence {
        Fence { opening, refusals: 0 }
    }

    /// The fence after a refusal: nothing under it builds on what was sent before.
    #[must_use]
    pub const fn raised(self) -> Fence {
        Fence { refusals: self.refusals + 1, ..self }
    }
}

/// Store a batch: all of its writes in one transaction, or none. It is sent through a [`LaneHandle`].
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Persist {
    /// Whose batch it is.
    pub owner: Owner,
    /// Raised by the owner whenever a batch of it was refused. Once one is, every later batch up to its fence is.
    pub fence: Fence,
    /// Comes back in [`Persisted`].
    pub batch: BatchId,
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// The room that the batch takes in the lane until its owner has heard of the outcome.
    pub room: Room,
    /// Where the outcome goes. No more answers wait there than the lane has room for batches.
    pub done: mpsc::UnboundedSender<Persisted>,
}

/// A lane is done with a batch. Batches of one owner come back in the order in which they were handed over.
#[derive(Debug)]
pub struct Persisted {
    /// Which batch.
    pub batch: BatchId,
    /// Whether it is durable.
    pub outcome: Result<(), PersistError>,
    /// The batch's room in the lane, free again once this is dropped.
    pub room: Room,
}

/// A batch is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersistError {
    /// Not stored: there is no room.
    #[error(transparent)]
    Full(CommitError),
    /// Not stored: a batch that it builds on was refused.
    #[error("a write that this one builds on found no room: try again")]
    Fenced,
    /// The store failed while the batch was under way: it may or may not be stored.
    #[error("the store failed: {0}")]
    Broken(#[source] Failure),
    /// The lane has stopped: the batch may or may not be stored.
    #[error("the node is stopping")]
    Stopping,
}
