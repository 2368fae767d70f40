//! A shard owns its items and serialises their writes: the one place where dots are minted.
//!
//! ```text
//!             ShardActor (shell)                         LaneActor
//!  Write, Merge ─▶ stage, Event ─▶ ShardCore ─▶ Persist ────▶ group commit
//!                                   │  ▲  ▲                     │
//!  answer ◀───── Answer ◀───────────┤  │  └───── Persisted ◀────┘
//!  pollers ◀──── Wake   ◀───────────┤  │
//!  other replicas ◀─ SendMerge ◀────┘  └─ PeerAnswered ◀── other replicas
//! ```
//!
//! * [`ShardCore`] decides: what the next state of an item is, under which dot, who is told and when.
//! * `ShardActor` obeys: it reads what the core asks for, item by item, and carries its effects out.
//! * [`Shards`] is what the gateway holds: one address per shard.

mod actor;
mod changes;
pub mod clock;
mod completeness;
mod core;
mod dots;
mod effect;
mod event;
mod handle;
mod in_flight;
mod inbox;
mod merge;
pub mod message;
mod overlay;
mod plan;
mod pollers;
mod quorum;
mod serve;
mod shown;
mod stage;
mod states;
#[cfg(test)]
mod tests;

pub use self::core::{Removal, ShardCore, ShardLimits};
pub use changes::{Changes, Since, Unseen};
pub use clock::{Moment, PeerSide, ShardClock};
pub use effect::Effect;
pub use event::{Event, ItemWrite, RoundEnd};
pub use handle::{Shards, Subscription, Votes};
pub use merge::StagedMerge;
pub use plan::{ReplicaSet, WritePlan};
pub use serve::{Holds, MergeServer};
pub use shown::View;
pub use stage::{ReadItem, Staged};
pub use states::{ItemState, States};

use crate::limits::WRITE_TIMEOUT_S;
use crate::store::lane::{BatchId, Fence, PersistError};

/// A client request that waits for its answer, unique within one shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);

/// A poller, unique within one node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PollId(pub u64);

/// What a poller waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Watched {
    /// Any write to one item.
    Item(crate::ids::ItemKey),
    /// Any write to a range of a partition.
    Range(crate::ids::PartitionHash, crate::store::range::KeyRange),
}

/// A write was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The caller's fault, nothing happened: the item already holds as many concurrent values as it may.
    #[error(
        "the item holds {max} concurrent values already: read it, and write with the causality token that comes with it"
    )]
    TooManyConcurrentValues {
        /// The configured limit.
        max: usize,
    },
    /// The caller's fault, nothing happened: the item already holds as many bytes in concurrent values as it may.
    #[error(
        "the concurrent values of the item would hold more than {bytes_max} bytes together: read it, and write with the causality token that comes with it"
    )]
    TooManyConcurrentBytes {
        /// The configured limit.
        bytes_max: usize,
    },
    /// The caller's fault, nothing happened: the items that the batch changes are more than is held in memory at once.
    #[error(
        "the items that this batch changes would hold more than {bytes_max} bytes together: write them in several batches"
    )]
    BatchTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Nothing happened: there is no room.
    #[error(transparent)]
    InsufficientStorage(PersistError),
    /// Nothing happened: more is waiting than this node takes.
    #[error("the node is overloaded, nothing was stored: try again")]
    Overloaded,
    /// Nothing happened: what the write builds on cannot be read.
    #[error("nothing was stored: {0}")]
    NotRead(#[source] crate::store::StoreError),
    /// Nothing happened: the layout gives the shard to other nodes.
    #[error("this node holds no replica of the item any more, nothing was stored: try again")]
    NotHere,
    /// Nothing happened: the node is stopping.
    #[error("the node is stopping, nothing was stored: try again at another one")]
    Stopping,
    /// The write may or may not be kept.
    #[error("{0}: the write may or may not be kept")]
    Unknown(#[source] UnknownCause),
}

impl WriteError {
    /// Whether the error says that nothing happened.
    pub fn is_certainly_not_stored(&self) -> bool {
        match self {
            WriteError::TooManyConcurrentValues { .. }
            | WriteError::TooManyConcurrentBytes { .. }
            | WriteError::BatchTooLarge { .. }
            | WriteError::InsufficientStorage(_)
            | WriteError::Overloaded
            | WriteError::NotRead(_)
            | WriteError::NotHere
            | WriteError::Stopping => true,
            WriteError::Unknown(_) => false,
        }
    }

    /// Whether nothing happened for a reason that another replica of the shard need not have.
    pub fn is_the_replicas(&self) -> bool {
        match self {
            WriteError::InsufficientStorage(_)
            | WriteError::Overloaded
            | WriteError::NotRead(_)
            | WriteError::NotHere
            | WriteError::Stopping => true,
            WriteError::TooManyConcurrentValues { .. }
            | WriteError::TooManyConcurrentBytes { .. }
            | WriteError::BatchTooLarge { .. }
            | WriteError::Unknown(_) => false,
        }
    }
}

/// Why nobody knows whether a write is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCause {
    /// It was handed to the lane, or other replicas have it, and the lane could not say that it is stored.
    #[error(transparent)]
    Lane(PersistError),
    /// Fewer replicas than the plan asks for said that they hold it.
    #[error("too few replicas answered")]
    Replicas,
    /// Nobody said anything in time.
    #[error("the disk did not answer within {WRITE_TIMEOUT_S} s")]
    Timeout,
    /// The shard is gone.
    #[error("the node is stopping")]
    Stopping,
}

/// A poll could not be set up or has no shard any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The shard carries as many pollers as it may.
    #[error("too many polls are waiting: try again later")]
    TooMany,
    /// The node is stopping.
    #[error("the node is stopping: try again at another one")]
    Stopping,
}
