use super::{BatchId, PollId, RequestId, Staged, Watched};
use crate::causality::{Context, Value};
use crate::ids::{ItemKey, NodeId, Partition, SortKey};
use crate::store::lane::PersistError;

/// What happens to a shard.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client's writes take effect: what [`super::ShardCore::stage`] just made of them. All are stored in one
    /// transaction, or none.
    Write {
        /// Whom to answer.
        request: RequestId,
        /// The new states.
        staged: Staged,
    },
    /// The lane is done with a batch. Batches come back in the order in which they were handed over.
    Persisted {
        /// Which batch.
        batch: BatchId,
        /// Whether it is durable here.
        outcome: Result<(), PersistError>,
    },
    /// Another replica is done with a batch.
    Merged {
        /// Which batch.
        batch: BatchId,
        /// Which replica.
        peer: NodeId,
        /// Whether it is durable there.
        durable: bool,
    },
    /// Time passes for those who wait for other replicas.
    Tick,
    /// A poller wants to be woken by every commit from now on.
    Subscribe {
        /// Who.
        poll: PollId,
        /// By which commits.
        watched: Watched,
    },
    /// A poller is gone.
    Unsubscribe {
        /// Who.
        poll: PollId,
    },
}

/// One write to one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemWrite {
    /// The partition.
    pub partition: Partition,
    /// The item within it.
    pub sort_key: SortKey,
    /// What the writer had seen: exactly that is overwritten.
    pub context: Context,
    /// The new value.
    pub value: Value<'static>,
}

impl ItemWrite {
    /// The item's address.
    pub fn key(&self) -> ItemKey {
        ItemKey { partition: self.partition.hash, sort_key: self.sort_key.clone() }
    }
}

/// Where a write goes, as the layout says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WritePlan {
    /// The other replicas of the shard.
    pub peers: Vec<NodeId>,
    /// How many replicas must be durable before the client is told, this one included.
    pub quorum: usize,
}

impl WritePlan {
    /// This node alone holds the shard.
    pub fn sole_replica() -> WritePlan {
        WritePlan { peers: Vec::new(), quorum: 1 }
    }
}
