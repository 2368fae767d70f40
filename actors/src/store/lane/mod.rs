//! The lane of an environment: the one writer, and the queue before it.
//!
//! ```text
//! shards ── Persist ──▶ mailbox ──▶ pending ── one transaction, one fsync ──▶ disk
//!    ▲                                                 │
//!    └───────────────────── Persisted ─────────────────┘
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
pub mod core;

use super::{CommitError, Write};
use crate::ids::ShardIndex;
use actix::Message;
use tokio::sync::mpsc;

/// Who hands batches to a lane. The batches of one owner are stored in order; a refusal fences off only its owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// A shard: items and what the shard keeps beside them.
    Shard(ShardIndex),
    /// The control plane of this node.
    Control,
}

/// Store a batch: all of its writes in one transaction, or none.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Persist {
    /// Whose batch it is.
    pub owner: Owner,
    /// Raised by the owner whenever a batch of it was refused. Once one is, every later batch up to its fence is.
    pub fence: u64,
    /// Comes back in [`Persisted`].
    pub batch: u64,
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// Where the outcome goes. A shard bounds how many it waits for
    /// ([`crate::limits::SHARD_WRITES_IN_FLIGHT_MAX`]); the control plane waits for one.
    pub done: mpsc::UnboundedSender<Persisted>,
}

/// A lane is done with a batch. Batches of one owner come back in the order in which they were handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Persisted {
    /// Which batch.
    pub batch: u64,
    /// Whether it is durable.
    pub outcome: Result<(), PersistError>,
}

/// A batch is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersistError {
    /// Not stored: there is no room.
    #[error(transparent)]
    Full(CommitError),
    /// Not stored: a batch that it builds on was refused.
    #[error("a write that this one builds on was refused")]
    Fenced,
    /// The store failed while the batch was under way: it may or may not be stored.
    #[error("{0}")]
    Broken(String),
    /// The lane has stopped: the batch may or may not be stored.
    #[error("the node is stopping")]
    Stopping,
}
