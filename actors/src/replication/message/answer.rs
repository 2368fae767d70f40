//! What replicas answer to questions about what they hold.
//!
//! ```text
//! every answer   may vote bool ‖ …: whether it counts towards a quorum of reads
//! digest         0 | 1 hash u64 LE of what is alive
//! state          clock ‖ 0 | 1 item
//! page           clock ‖ upto 0 | 1 key ‖ 0 [(key, item)] | 1 [(key, hash u64 LE)] | 2 [(key, item)]
//! partitions     shards that may not vote [varint] instead of one bool ‖ upto 0 | 1 key ‖ [(key, counters, digest u64 LE)]
//! subscribe      0 subscribed | 1 too many | 2 stopping
//! changes        marker's pair 0 | 1 (actor, time) ‖ 0 everything | 1 [key] | 2 as the rows say | 3 marker expired
//! ```

use super::{MessageError, decode, encode};
use crate::causality::{Context, Item};
use crate::ids::ActorId;
use crate::store::counters::PartitionCounters;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The answer to [`super::Message::ItemDigest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DigestAnswer {
    /// Whether the answer counts towards a quorum.
    pub may_vote: bool,
    /// The item's state hash; `None` if the replica holds no row of it.
    pub hash: Option<WireHash>,
}

/// The answer to [`super::Message::ItemState`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StateAnswer<'a> {
    /// Whether the answer counts towards a quorum.
    pub may_vote: bool,
    /// The shard clock that the item was stripped by.
    pub clock: WireClock,
    /// The item; `None` if the replica holds no row of it.
    #[serde(borrow)]
    pub item: Option<WireItem<'a>>,
}

/// The answer to [`super::Message::ItemsPage`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PageAnswer<'a> {
    /// Whether the answer counts towards a quorum.
    pub may_vote: bool,
    /// The shard clock that the items were stripped by.
    pub clock: WireClock,
    /// The last key up to which the replica looked, itself included; `None` if it looked at the whole selection.
    #[serde(borrow)]
    pub upto: Option<Cow<'a, str>>,
    /// The items, in the order of the selection.
    #[serde(borrow)]
    pub rows: PageRows<'a>,
}

/// The items of a page, in the form that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PageRows<'a> {
    /// [`super::Form::States`]
    States(#[serde(borrow)] Vec<(&'a str, WireItem<'a>)>),
    /// [`super::Form::Hashes`]
    Hashes(#[serde(borrow)] Vec<(&'a str, WireHash)>),
    /// [`super::Form::Outlines`]
    Outlines(#[serde(borrow)] Vec<(&'a str, WireItem<'a>)>),
}

/// The answer to [`super::Message::PartitionsPage`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionsAnswer<'a> {
    /// Shards of which the replica's rows count towards no quorum.
    pub voteless: Vec<u16>,
    /// The last key up to which the replica looked, itself included; `None` if it looked at the whole range.
    #[serde(borrow)]
    pub upto: Option<Cow<'a, str>>,
    /// The partitions, in the order of the range.
    #[serde(borrow)]
    pub rows: Vec<PartitionRow<'a>>,
}

/// A partition as a replica counts it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionRow<'a> {
    /// The partition's key.
    pub key: Cow<'a, str>,
    /// What it holds.
    pub counters: PartitionCounters,
    /// What is alive in it: see [`crate::store::counters`].
    pub digest: WireHash,
}

/// The answer to [`super::Message::Subscribe`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SubscribeAnswer {
    /// Every commit from now on is signalled.
    Subscribed {
        /// Whether the replica counts towards a quorum.
        may_vote: bool,
    },
    /// The shard carries as many polls as it may.
    TooMany,
    /// The replica is stopping.
    Stopping,
}

/// The answer to [`super::Message::Changes`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangesAnswer<'a> {
    /// Whether the answer counts towards a quorum.
    pub may_vote: bool,
    /// How far what the replica shows from now on reaches: its pair of the next marker.
    pub reach: Option<(ActorId, u64)>,
    /// Where the changes are.
    #[serde(borrow)]
    pub since: WireSince<'a>,
}

/// Where the changes since a marker are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WireSince<'a> {
    /// The replica does not know the marker.
    Everything,
    /// In these items of the range, ascending, and no other.
    Recent(#[serde(borrow)] Vec<Cow<'a, str>>),
    /// In the items of the range whose rows say that they changed.
    Unseen,
    /// A tombstone that the marker's owner has not seen was dropped since.
    Expired,
}

/// 64 bits of a hash: a varint would only be longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct WireHash(#[serde(with = "postcard::fixint::le")] pub u64);

/// A shard clock.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WireClock(Vec<(ActorId, u64)>);

impl WireClock {
    /// The clock, copied.
    pub fn of(clock: &Context) -> WireClock {
        WireClock(clock.pairs().to_vec())
    }

    /// The clock that was sent.
    ///
    /// # Errors
    /// [`MessageError::Malformed`] if its actors do not ascend.
    pub fn open(self) -> Result<Context, MessageError> {
        Context::from_ascending(self.0).ok_or(MessageError::Malformed)
    }
}

/// An item's encoding, as it is or borrowed from a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WireItem<'a>(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>);

impl<'a> WireItem<'a> {
    /// What is sent of an item.
    pub fn of(item: &Item<'_>) -> WireItem<'static> {
        WireItem(Cow::Owned(item.encode()))
    }

    /// The item that was sent, as it stands in the message.
    ///
    /// # Errors
    /// [`MessageError::Malformed`].
    pub fn open(&'a self) -> Result<Item<'a>, MessageError> {
        Item::decode(&self.0).ok_or(MessageError::Malformed)
    }
}

macro_rules! answers {
    ($($name:ident),*) => {$(
        impl<'a> $name<'a> {
            /// The bytes that are sent.
            pub fn encode(&self) -> Vec<u8> {
                encode(self)
            }

            /// Reads what `encode` wrote.
            ///
            /// # Errors
            /// [`MessageError::Malformed`].
            pub fn decode(body: &'a [u8]) -> Result<$name<'a>, MessageError> {
                decode(body)
            }
        }
    )*};
}
answers!(StateAnswer, PageAnswer, PartitionsAnswer, ChangesAnswer);

impl DigestAnswer {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`DigestAnswer::encode`] wrote.
    ///
    /// # Errors
    /// [`MessageError::Malformed`].
    pub fn decode(body: &[u8]) -> Result<DigestAnswer, MessageError> {
        decode(body)
    }
}

impl SubscribeAnswer {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`SubscribeAnswer::encode`] wrote.
    ///
    /// # Errors
    /// [`MessageError::Malformed`].
    pub fn decode(body: &[u8]) -> Result<SubscribeAnswer, MessageError> {
        decode(body)
    }
}
