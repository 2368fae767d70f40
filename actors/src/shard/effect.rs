use super::{BatchId, Fence, PollId, RequestId, States, WriteError};
use crate::ids::NodeId;
use crate::store::Write;

/// What a shard wants done, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Store the writes in one transaction. Batches reach the lane in the order of these effects.
    Persist {
        /// Comes back in [`super::Event::Persisted`].
        batch: BatchId,
        /// Raised whenever a batch was refused: the lane refuses every batch of an older fence, because its items were
        /// merged on top of state that was never stored.
        fence: Fence,
        /// The writes.
        writes: Vec<Write>,
    },
    /// Send the whole merged states to the other replicas, in one message each. May run before the batch is durable here:
    /// after a crash that forgets the dots of the batch, they are never minted again.
    SendMerge {
        /// Comes back in [`super::Event::PeerAnswered`], once for each replica.
        batch: BatchId,
        /// To which replicas.
        peers: Vec<NodeId>,
        /// The items of the batch, and the clock that they are filled with.
        states: States,
    },
    /// Answer a client. Success is only said once the quorum, this node included, is durable.
    Answer {
        /// Which client.
        request: RequestId,
        /// What to say.
        outcome: Result<(), WriteError>,
    },
    /// Send [`super::Event::Tick`] in [`crate::limits::PEER_TICK_MS`]. At most one is on its way, and none while no
    /// other replica is waited for.
    ScheduleTick,
    /// Tell a poller to read again. Only said after the commit that it will then see.
    Wake {
        /// Which poller.
        poll: PollId,
    },
}
