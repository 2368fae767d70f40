use super::message::{Answer, Question};
use super::pace::Rate;
use super::standing::ShardView;
use crate::ids::{NodeId, ShardIndex};
use std::collections::{BTreeMap, BTreeSet};

/// A question that waits for its answer, unique within one run of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AskId(pub u64);

/// Another replica's question that waits for its answer: the caller's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);

/// A merge that is on its way to the disk, unique within one run of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MergeId(pub u64);

/// What happens to anti-entropy.
#[derive(Debug)]
pub enum Event {
    /// Time passes: every [`crate::limits::ENTROPY_TICK_MS`].
    Tick,
    /// The live layout versions changed.
    Layout(EntropyView),
    /// A link came or went.
    Link {
        /// To which node.
        peer: NodeId,
        /// Whether it is there now.
        is_up: bool,
    },
    /// The end of [`super::Effect::Ask`].
    Answered {
        /// Which question.
        ask: AskId,
        /// What came back; `None` if nothing did.
        answer: Option<Answer>,
        /// Bytes of question and answer.
        bytes: u64,
    },
    /// Another replica asks.
    Asked {
        /// Comes back in [`super::Effect::Reply`].
        request: RequestId,
        /// Who asks.
        from: NodeId,
        /// What.
        question: Question,
    },
    /// The end of [`super::Effect::Merge`].
    Merged {
        /// Which one.
        merge: MergeId,
        /// Whether it is durable here.
        is_stored: bool,
    },
    /// The end of [`super::Effect::Remove`]: nothing is left of the shard, its clock included.
    Removed(ShardIndex),
    /// This node lost its memory of these shards: peers heard of commits that its store does not have.
    LostMemory(BTreeSet<ShardIndex>),
    /// A peer voided what this node acknowledged before it lost its memory: comparisons with it count from now on.
    Voided {
        /// Which one.
        peer: NodeId,
    },
    /// An operator wants it faster or slower.
    Rate(Rate),
    /// Of these shards nothing is waited for any more: an operator said so, or the shard saw itself that it is complete.
    MemoryIsBack(BTreeSet<ShardIndex>),
}

/// What anti-entropy needs to know of the layout.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntropyView {
    /// The shards that any live version gives this node, and their replicas. The others are not listed.
    pub shards: BTreeMap<ShardIndex, ShardView>,
    /// The newest version of which every node acknowledged that none of its writes uses only older ones.
    pub acked: u64,
}
