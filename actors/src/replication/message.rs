//! What nodes ask the replicas of a shard, and what those answer.
//!
//! ```text
//! body    = postcard(Message)               the subsystem's byte precedes it
//! answer  = postcard(the answer's struct)   which one follows from the question
//!
//! actor   varint          partition  hash[16]         key    len ‖ UTF-8
//! clock   [(actor, time varint)], ascending by actor, once for each message
//! item    len ‖ Item::encode, stripped by that clock: fill it before it is merged
//! ```
//!
//! Variants are only ever appended: their order is the wire. What is read is checked against the same bounds as what a
//! client sends, so that inside nothing is checked twice.

mod answer;
mod range;
#[cfg(test)]
mod tests;
mod write;

pub use answer::{
    ChangesAnswer, DigestAnswer, PageAnswer, PageRows, PartitionRow, PartitionsAnswer, StateAnswer,
    SubscribeAnswer, WireClock, WireHash, WireItem, WireSince,
};
pub use range::{WireRange, WireSelection};
pub use write::{WireWrite, WriteAnswer, WriteRefusal};

use crate::ids::{ActorId, BucketId, ItemKey, PartitionHash, SortKey};
use crate::limits::{MARKER_PAIRS_MAX, PAGE_BYTES_MAX, PAGE_ITEMS_MAX, REPLICATION_BATCH_ITEMS_MAX};
use crate::shard::Watched;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What one node says to another about replicated data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message<'a> {
    /// Coordinate these writes of one shard in one transaction: answered by a [`WriteAnswer`].
    Coordinate {
        /// The newest layout version that the sender knows.
        version: u64,
        /// The writes, in the client's order.
        #[serde(borrow)]
        writes: Vec<WireWrite<'a>>,
    },
    /// Whether these writes would be refused as things stand: answered by a [`WriteAnswer`].
    Check {
        /// The newest layout version that the sender knows.
        version: u64,
        /// The writes, in the client's order.
        #[serde(borrow)]
        writes: Vec<WireWrite<'a>>,
    },
    /// Which values of an item are alive: answered by a [`DigestAnswer`].
    ItemDigest {
        /// The item's partition.
        partition: [u8; 16],
        /// The item's sort key.
        sort_key: &'a str,
    },
    /// An item: answered by a [`StateAnswer`].
    ItemState {
        /// The item's partition.
        partition: [u8; 16],
        /// The item's sort key.
        sort_key: &'a str,
    },
    /// Items of a partition, up to some key: answered by a [`PageAnswer`].
    ItemsPage {
        /// The partition.
        partition: [u8; 16],
        /// Which keys.
        #[serde(borrow)]
        selection: WireSelection<'a>,
        /// Items at most, at least one.
        items_max: u32,
        /// Bytes of keys and values at most. The item that exceeds it is the last one.
        bytes_max: u32,
        /// In which form.
        form: Form,
        /// Only what changed since these pairs of a seen marker; `None`: everything.
        changed_since: Option<Vec<(ActorId, u64)>>,
    },
    /// Partitions of a bucket with their counters, up to some key: answered by a [`PartitionsAnswer`].
    PartitionsPage {
        /// The bucket.
        bucket: BucketId,
        /// Which partition keys.
        #[serde(borrow)]
        range: WireRange<'a>,
        /// Partitions at most, at least one.
        rows_max: u32,
    },
    /// Signal every commit from now on, until [`Message::Unsubscribe`] or the end of the link: answered by a
    /// [`SubscribeAnswer`].
    Subscribe {
        /// Names the subscription: unique for the sender as long as it runs.
        poll: u64,
        /// By commits to what.
        #[serde(borrow)]
        watched: WireWatched<'a>,
    },
    /// One way: nobody waits any more.
    Unsubscribe {
        /// Which subscription.
        poll: u64,
    },
    /// One way: there was a commit to what the receiver had subscribed to.
    Signal {
        /// Which subscription.
        poll: u64,
    },
    /// What changed in a range since a seen marker: answered by a [`ChangesAnswer`].
    Changes {
        /// The partition.
        partition: [u8; 16],
        /// Which sort keys.
        #[serde(borrow)]
        range: WireRange<'a>,
        /// The marker's pairs.
        marker: Vec<(ActorId, u64)>,
    },
}

/// How a page shows its items.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Form {
    /// Whole, stripped by the page's clock.
    States,
    /// Only the hash of what is alive.
    Hashes,
    /// Stripped by the page's clock, with an outline of each value in its place.
    Outlines,
}

/// What a subscription is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum WireWatched<'a> {
    /// One item.
    Item {
        /// The item's partition.
        partition: [u8; 16],
        /// The item's sort key.
        sort_key: Cow<'a, str>,
    },
    /// A range of a partition.
    Range {
        /// The partition.
        partition: [u8; 16],
        /// Which sort keys.
        #[serde(borrow)]
        range: WireRange<'a>,
    },
}

impl WireWatched<'_> {
    /// What is sent of what a poller waits for.
    pub fn of(watched: &Watched) -> WireWatched<'static> {
        match watched {
            Watched::Item(key) => WireWatched::Item {
                partition: key.partition.0,
                sort_key: Cow::Owned(key.sort_key.as_str().to_owned()),
            },
            Watched::Range(partition, range) => {
                WireWatched::Range { partition: partition.0, range: WireRange::owned(range) }
            }
        }
    }

    /// What was sent.
    ///
    /// # Errors
    /// [`MessageError`] if a key or a bound is none.
    pub fn open(self) -> Result<Watched, MessageError> {
        match self {
            WireWatched::Item { partition, sort_key } => {
                let sort_key = SortKey::new(&sort_key).map_err(|_| MessageError::Malformed)?;
                Ok(Watched::Item(ItemKey { partition: PartitionHash(partition), sort_key }))
            }
            WireWatched::Range { partition, range } => {
                Ok(Watched::Range(PartitionHash(partition), range.open()?))
            }
        }
    }
}

/// The bytes are no message that this node knows, or one beyond its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not what any node of this wire version sends.
    #[error("the message is malformed")]
    Malformed,
    /// More than one message may ask for or hold.
    #[error("the message exceeds the bound of {0}")]
    Bound(&'static str),
}

impl<'a> Message<'a> {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`Message::encode`] wrote, and checks its bounds.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(body: &'a [u8]) -> Result<Message<'a>, MessageError> {
        let message: Message<'a> = decode(body)?;
        message.check()?;
        Ok(message)
    }

    fn check(&self) -> Result<(), MessageError> {
        let within = |is_within: bool, what| if is_within { Ok(()) } else { Err(MessageError::Bound(what)) };
        match self {
            Message::Coordinate { writes, .. } | Message::Check { writes, .. } => {
                within((1..=REPLICATION_BATCH_ITEMS_MAX).contains(&writes.len()), "writes")
            }
            Message::ItemsPage { selection, items_max, bytes_max, changed_since, .. } => {
                let pairs = changed_since.as_ref().map_or(0, Vec::len);
                within(pairs <= MARKER_PAIRS_MAX, "pairs of a marker")?;
                within((1..=PAGE_ITEMS_MAX as u32).contains(items_max), "items")?;
                within(*bytes_max <= PAGE_BYTES_MAX as u32, "bytes")?;
                match selection {
                    WireSelection::Range(_) => Ok(()),
                    WireSelection::Keys(keys) => within(keys.len() <= PAGE_ITEMS_MAX, "keys"),
                }
            }
            Message::PartitionsPage { rows_max, .. } => {
                within((1..=PAGE_ITEMS_MAX as u32).contains(rows_max), "partitions")
            }
            Message::Changes { marker, .. } => within(marker.len() <= MARKER_PAIRS_MAX, "pairs of a marker"),
            Message::ItemDigest { .. }
            | Message::ItemState { .. }
            | Message::Subscribe { .. }
            | Message::Unsubscribe { .. }
            | Message::Signal { .. } => Ok(()),
        }
    }
}

pub(super) fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(message).expect("sequences know their lengths, and a vector grows")
}

/// Reads one whole message.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, MessageError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(MessageError::Malformed),
    }
}
