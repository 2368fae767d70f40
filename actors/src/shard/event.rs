use super::{BatchId, Moment, PeerSide, PollId, RequestId, Staged, StagedMerge, Watched};
use crate::causality::{Context, Value};
use crate::ids::{ItemKey, NodeId, Partition, SortKey};
use crate::store::ShardState;
use crate::store::lane::PersistError;
use std::collections::BTreeSet;

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
    /// Another replica's states take effect: what [`super::ShardCore::stage_merge`] just made of them. All are stored in
    /// one transaction, or none.
    Merge {
        /// Whom to answer, once it is durable.
        request: RequestId,
        /// The new states.
        staged: StagedMerge,
    },
    /// What the shard knows of other replicas is to be stored by itself. Only if
    /// [`super::ShardCore::has_row_to_store`].
    StoreRow,
    /// The lane is done with a batch. Batches come back in the order in which they were handed over.
    Persisted {
        /// Which batch.
        batch: BatchId,
        /// Whether it is durable here.
        outcome: Result<(), PersistError>,
    },
    /// Another replica is done with a batch.
    PeerAnswered {
        /// Which batch.
        batch: BatchId,
        /// Which replica.
        peer: NodeId,
        /// Whether it is durable there.
        durable: bool,
    },
    /// Another replica lost its memory, or part of it: what it said of batches that are not answered yet does not count.
    PeerReborn {
        /// Which replica.
        peer: NodeId,
    },
    /// Everything that a round of anti-entropy brought is stored here.
    RoundStored(RoundEnd),
    /// This replica was told how complete it is.
    Standing(ShardState),
    /// No row is left of a shard that was on its way out.
    Removed,
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

/// How a round of anti-entropy ended: both replicas show the same values of the shard as of its beginning, or newer ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoundEnd {
    /// What this replica had learned when the round began.
    pub began: Moment,
    /// The other replica, as it was when the round began.
    pub side: PeerSide,
    /// All other replicas of the shard, of every live layout version.
    pub others: BTreeSet<NodeId>,
    /// Whether the round began after no acknowledgement could count any more that it does not know of: of a shard that is
    /// being received, after no node wrote by an older layout version alone; of one that lost its memory, after the
    /// other replica voided what it had acknowledged before. Only then it counts for the completeness of this replica.
    pub is_after_acks: bool,
}
