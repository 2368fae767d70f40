//! What a coordinator sends to the other replicas of a shard, and what they answer.
//!
//! ```text
//! body    = postcard(Message)                           the subsystem's byte precedes it
//! Merge   = 0 ‖ shard varint ‖ clock ‖ states varint ‖ state*
//! clock   = pairs varint ‖ (actor varint ‖ time varint)*   ascending by actor, once for all states
//! state   = bucket[32] ‖ len ‖ partition key ‖ len ‖ sort key ‖ len ‖ Item::encode, stripped by the clock
//! answer  = 0 stored | 1 ‖ refusal
//! ```
//!
//! Variants are only ever appended: their order is the wire. Every length is checked against what is there before anything
//! is allocated for it; the body itself is no longer than [`crate::limits::MESSAGE_BYTES_MAX`].

use super::{ItemState, States, WriteError};
use crate::causality::Context;
use crate::ids::{BucketId, Partition, PartitionKey, ShardIndex, SortKey};
use crate::limits::{CLOCK_ACTORS_MAX, SHARD_COUNT};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Message<'a> {
    Merge {
        shard: ShardIndex,
        clock: Context,
        #[serde(borrow)]
        states: Vec<WireState<'a>>,
    },
}

#[derive(Serialize, Deserialize)]
struct WireState<'a> {
    bucket: BucketId,
    partition_key: &'a str,
    sort_key: &'a str,
    #[serde(borrow, with = "serde_bytes")]
    item: &'a [u8],
}

/// Merge these states, and answer once they are durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergeRequest {
    /// The shard of all states.
    pub shard: ShardIndex,
    /// The states and the sender's clock.
    pub states: States,
}

/// What became of a merge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MergeAnswer {
    /// The states are merged, and durable.
    Stored,
    /// They are not known to be durable.
    Refused(MergeRefusal),
}

/// Why a merge is not known to be durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum MergeRefusal {
    /// Nothing was merged: more is waiting than the replica takes.
    #[error("the replica is overloaded")]
    Overloaded,
    /// Nothing was merged: the replica has no room.
    #[error("the replica has no room")]
    NoRoom,
    /// Nothing was merged: the node holds no replica of the shard.
    #[error("the node holds no replica of the shard")]
    NotHere,
    /// The states may or may not be stored: the replica failed or is stopping.
    #[error("the replica failed")]
    Failed,
}

/// Bytes that are no message, or a message beyond its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed or exceeds its bounds")]
pub struct MalformedMessage;

impl MergeRequest {
    /// The bytes that are sent. `states` are those of `shard`.
    pub fn encode(shard: ShardIndex, states: &States) -> Vec<u8> {
        let wire = states.items.iter().map(|state| WireState {
            bucket: state.partition.bucket,
            partition_key: state.partition.key.as_str(),
            sort_key: state.sort_key.as_str(),
            item: state.encoded(),
        });
        let message = Message::Merge { shard, clock: states.clock.clone(), states: wire.collect() };
        // A slice takes an item at once; what can only be extended takes it byte by byte.
        let size = postcard::serialize_with_flavor(&message, postcard::ser_flavors::Size::default());
        let mut body = vec![0; size.expect("a message is made of what postcard knows")];
        postcard::to_slice(&message, &mut body).expect("the buffer is as long as the message");
        body
    }

    /// Reads what [`MergeRequest::encode`] wrote. The items share the body's memory.
    ///
    /// # Errors
    /// [`MalformedMessage`].
    pub fn decode(body: &Bytes) -> Result<MergeRequest, MalformedMessage> {
        let (message, rest) = postcard::take_from_bytes::<Message<'_>>(body).map_err(|_| MalformedMessage)?;
        let Message::Merge { shard, clock, states } = message;
        if !rest.is_empty() || shard.index() >= SHARD_COUNT || clock.pairs().len() > CLOCK_ACTORS_MAX {
            return Err(MalformedMessage);
        }
        let open = |state: WireState<'_>| {
            let key = PartitionKey::new(state.partition_key).ok()?;
            let partition = Partition::new(state.bucket, key);
            let sort_key = SortKey::new(state.sort_key).ok()?;
            let state = ItemState::new(partition, sort_key, body.slice_ref(state.item))?;
            (state.partition.shard() == shard).then_some(state)
        };
        let items: Option<Vec<ItemState>> = states.into_iter().map(open).collect();
        let items = items.ok_or(MalformedMessage)?;
        Ok(MergeRequest { shard, states: States { clock, items } })
    }
}

impl MergeAnswer {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a vector grows")
    }

    /// Reads what [`MergeAnswer::encode`] wrote.
    ///
    /// # Errors
    /// [`MalformedMessage`].
    pub fn decode(body: &[u8]) -> Result<MergeAnswer, MalformedMessage> {
        match postcard::take_from_bytes(body) {
            Ok((answer, [])) => Ok(answer),
            Ok(_) | Err(_) => Err(MalformedMessage),
        }
    }
}

impl From<WriteError> for MergeRefusal {
    fn from(error: WriteError) -> MergeRefusal {
        match error {
            WriteError::Overloaded => MergeRefusal::Overloaded,
            WriteError::InsufficientStorage(_) => MergeRefusal::NoRoom,
            WriteError::NotHere => MergeRefusal::NotHere,
            WriteError::TooManyConcurrentValues { .. }
            | WriteError::TooManyConcurrentBytes { .. }
            | WriteError::BatchTooLarge { .. }
            | WriteError::NotRead(_)
            | WriteError::Stopping
            | WriteError::Unknown(_) => MergeRefusal::Failed,
        }
    }
}
