//! A lane commits what the shards of one store hand it, everything that has queued up in one transaction.

use super::{CommitError, Write};
use crate::ids::ShardIndex;
use actix::Message;
use tokio::sync::mpsc;

/// Store a batch: all of its writes in one transaction, or none.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Persist {
    /// Whose batch it is.
    pub shard: ShardIndex,
    /// Raised by the shard whenever a batch of it was refused. Once one is, every batch up to its fence is.
    pub fence: u64,
    /// Comes back in [`Persisted`].
    pub batch: u64,
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// Where the outcome goes. The shard bounds how many it waits for.
    pub done: mpsc::UnboundedSender<Persisted>,
}

/// A lane is done with a batch. Batches of one shard come back in the order in which they were handed over.
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
}
