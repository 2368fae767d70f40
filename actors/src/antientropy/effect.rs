use super::event::{AskId, MergeId, RequestId};
use super::message::{Answer, Question};
use super::standing::Held;
use crate::ids::{NodeId, ShardIndex};
use crate::shard::{RoundEnd, States};

/// What anti-entropy wants done, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Ask another replica over the bulk link.
    Ask {
        /// Comes back in [`super::Event::Answered`], in any case and within [`super::EntropyLimits::ask_ms`].
        ask: AskId,
        /// Whom.
        peer: NodeId,
        /// What.
        question: Question,
    },
    /// Answer another replica.
    Reply {
        /// Whose question.
        request: RequestId,
        /// What.
        answer: Answer,
    },
    /// Merge states through the shard; [`super::Event::Merged`] tells when they are durable.
    Merge {
        /// Comes back.
        merge: MergeId,
        /// Which shard.
        shard: ShardIndex,
        /// Who holds the states.
        from: NodeId,
        /// The states.
        states: States,
    },
    /// Tell the shard that all differences from another replica are stored here: its clock is raised by what was
    /// committed there when the comparison began, and it may close actors that have ended.
    RoundStored {
        /// Which shard.
        shard: ShardIndex,
        /// What the comparison proves.
        end: RoundEnd,
    },
    /// Store how the shard is held.
    Hold {
        /// Which shard.
        shard: ShardIndex,
        /// How.
        held: Held,
    },
    /// Remove every row of the shard in bounded batches, its clock last. [`super::Event::Removed`] tells when it is done. Only said
    /// once no live layout version names this node.
    Remove {
        /// Which shard.
        shard: ShardIndex,
    },
}
