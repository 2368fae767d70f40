//! A client's write on its way to the replica that coordinates it.
//!
//! ```text
//! write   bucket[32] ‖ partition key ‖ sort key ‖ context [(actor, time)] ‖ 0 | 1 len bytes
//! answer  0 stored | 1 refusal
//! ```

use super::{MessageError, decode, encode};
use crate::causality::{Context, Value};
use crate::ids::{ActorId, BucketId, Partition, PartitionKey, ShardIndex, SortKey};
use crate::limits::TOKEN_ACTORS_MAX;
use crate::shard::{ItemWrite, WriteError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// An [`ItemWrite`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WireWrite<'a> {
    bucket: BucketId,
    partition_key: Cow<'a, str>,
    sort_key: Cow<'a, str>,
    context: Vec<(ActorId, u64)>,
    #[serde(borrow)]
    value: Value<'a>,
}

impl<'a> WireWrite<'a> {
    /// The write, borrowed.
    pub fn of(write: &'a ItemWrite) -> WireWrite<'a> {
        WireWrite {
            bucket: write.partition.bucket,
            partition_key: Cow::Borrowed(write.partition.key.as_str()),
            sort_key: Cow::Borrowed(write.sort_key.as_str()),
            context: write.context.pairs().to_vec(),
            value: write.value.borrowed(),
        }
    }

    fn open(self) -> Result<ItemWrite, MessageError> {
        if self.context.len() > TOKEN_ACTORS_MAX {
            return Err(MessageError::Bound("actors of a token"));
        }
        let key = PartitionKey::new(&self.partition_key).map_err(|_| MessageError::Malformed)?;
        Ok(ItemWrite {
            partition: Partition::new(self.bucket, key),
            sort_key: SortKey::new(&self.sort_key).map_err(|_| MessageError::Malformed)?,
            context: Context::from_ascending(self.context).ok_or(MessageError::Malformed)?,
            value: self.value.into_owned(),
        })
    }

    /// The writes that were sent, and the one shard that they are about.
    ///
    /// # Errors
    /// [`MessageError`] if there is none, one is none, or they are about several shards.
    pub fn open_all(writes: Vec<WireWrite<'a>>) -> Result<(ShardIndex, Vec<ItemWrite>), MessageError> {
        let writes = writes.into_iter().map(WireWrite::open).collect::<Result<Vec<_>, _>>()?;
        let shard = writes.first().ok_or(MessageError::Malformed)?.partition.shard();
        let is_one_shard = writes.iter().all(|write| write.partition.shard() == shard);
        if is_one_shard { Ok((shard, writes)) } else { Err(MessageError::Malformed) }
    }
}

/// What became of the writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WriteAnswer {
    /// They are durable as the layout asks for; or, of a check, nothing speaks against them.
    Stored,
    /// They are not acknowledged.
    Refused(WriteRefusal),
}

/// Why writes are not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WriteRefusal {
    /// [`WriteError::TooManyConcurrentValues`] and its limit.
    TooManyConcurrentValues(u64),
    /// [`WriteError::TooManyConcurrentBytes`] and its limit.
    TooManyConcurrentBytes(u64),
    /// [`WriteError::BatchTooLarge`] and its limit.
    BatchTooLarge(u64),
    /// There is no room; nothing was stored.
    InsufficientStorage,
    /// The replica takes no more at the moment; nothing was stored.
    Overloaded,
    /// The replica cannot read its store; nothing was stored.
    NotRead,
    /// The replica is stopping; nothing was stored.
    Stopping,
    /// The replica's layout gives the shard to others, or is older than the sender's; nothing was stored.
    NotCoordinator,
    /// The writes may or may not be kept.
    Unknown,
}

impl WriteRefusal {
    /// What is sent of an error.
    pub fn of(error: &WriteError) -> WriteRefusal {
        match error {
            WriteError::TooManyConcurrentValues { max } => WriteRefusal::TooManyConcurrentValues(*max as u64),
            WriteError::TooManyConcurrentBytes { bytes_max } => {
                WriteRefusal::TooManyConcurrentBytes(*bytes_max as u64)
            }
            WriteError::BatchTooLarge { bytes_max } => WriteRefusal::BatchTooLarge(*bytes_max as u64),
            WriteError::InsufficientStorage(_) => WriteRefusal::InsufficientStorage,
            WriteError::Overloaded => WriteRefusal::Overloaded,
            WriteError::NotRead(_) => WriteRefusal::NotRead,
            WriteError::NotHere => WriteRefusal::NotCoordinator,
            WriteError::Stopping => WriteRefusal::Stopping,
            WriteError::Unknown(_) => WriteRefusal::Unknown,
        }
    }
}

impl WriteAnswer {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`WriteAnswer::encode`] wrote.
    ///
    /// # Errors
    /// [`MessageError::Malformed`].
    pub fn decode(body: &[u8]) -> Result<WriteAnswer, MessageError> {
        decode(body)
    }
}
