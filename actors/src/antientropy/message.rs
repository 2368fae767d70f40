//! What replicas ask each other to find out where they differ, and how they mend it.
//!
//! ```text
//! body   = postcard(Question)               the subsystem's byte precedes it
//! answer = postcard(Answer)
//!
//! shard  varint     key    (hash[16], len ‖ UTF-8)     clock  [(actor varint, time varint)], ascending by actor
//! state  (bucket[32], len ‖ partition key, len ‖ sort key, len ‖ Item::encode), stripped by the message's clock
//! ```
//!
//! Variants are only ever appended: their order is the wire. What is read is checked against its bounds here, so that
//! inside nothing is checked twice.

use super::span::Span;
use crate::causality::Context;
use crate::ids::{ActorId, ItemKey, ShardIndex};
use crate::limits::{
    ENTROPY_KEYS_MAX, ENTROPY_LIST_ROWS, ENTROPY_SCAN_ROWS_MAX, ENTROPY_SPANS_MAX, SHARD_COUNT,
    SHARD_SEGMENTS,
};
use crate::shard::{ItemState, Moment, States};
use serde::{Deserialize, Serialize};

/// What one replica says of a shard at the start of a round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Side {
    /// Who mints its dots: another one than before means that it may have forgotten something.
    pub actor: ActorId,
    /// The newest time of `actor` that was committed when the round began.
    pub committed: u64,
    /// Whether it holds whatever it ever acknowledged: it is neither receiving the shard nor did it lose its memory.
    pub is_complete: bool,
    /// The shard's digest, read after `committed`.
    pub digest: u64,
    /// What the replica had learned, by its own count: it comes back with [`Question::Finish`].
    pub learned: Moment,
}

/// When a round began, by the responder's own count: it comes back with [`Question::Finish`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Began {
    /// Which run of the responder's process counted.
    pub boot: u64,
    /// Grows with everything that the responder learns.
    pub moment: u64,
}

/// What the one that began a round asks the other replica.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Question {
    /// How do your shards look? Both learn which are equal.
    Compare(Vec<(ShardIndex, Side)>),
    /// The digests of a shard's segments.
    Segments(ShardIndex),
    /// What lies in these spans: keys where there are few, digests of runs of items where there are many.
    Look(ShardIndex, Vec<Span>),
    /// The digests of these items, now.
    Digests(ShardIndex, Vec<ItemKey>),
    /// The states of these items.
    Fetch(ShardIndex, Vec<ItemKey>),
    /// Merge these states, and answer once they are stored.
    Push(ShardIndex, States),
    /// Everything that differed was merged on both sides, and is stored.
    Finish {
        /// Of which shard.
        shard: ShardIndex,
        /// When the round began.
        began: Began,
        /// How the one that asks began the round.
        asker: Side,
        /// How the one that is asked began it.
        asked: Side,
    },
}

/// The answers, one for each kind of question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Compare`]: the same shards; `None` for one that this node does not hold.
    Compared(Began, Vec<Option<Side>>),
    /// To [`Question::Segments`].
    Segments(ActorId, Vec<u64>),
    /// To [`Question::Look`]: of the spans from the first on, as many as one answer takes; at least a part of one.
    Looked(ActorId, Vec<Part>),
    /// To [`Question::Digests`]; `None` for an item that holds neither a value nor a tombstone.
    Digests(ActorId, Vec<Option<u64>>),
    /// To [`Question::Fetch`]: of the keys from the first on, as many as one answer takes, at least one; `None` for an
    /// item without a row.
    Fetched {
        /// Who mints the responder's dots.
        actor: ActorId,
        /// The responder's clock, not newer than the states.
        clock: Context,
        /// Stripped by it.
        states: Vec<Option<ItemState>>,
    },
    /// To [`Question::Push`].
    Pushed(ActorId),
    /// To [`Question::Finish`].
    Finished,
    /// The shard is not held here, could not be read, or did not store what it was sent. The round ends.
    Declined,
}

/// What lies in a span, or in the beginning of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// The items.
    pub rows: Rows,
    /// How far the part reaches; `None` for the whole span.
    pub through: Option<ItemKey>,
}

/// The items of a part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rows {
    /// Each item with its digest, ascending.
    Items(Vec<(ItemKey, u64)>),
    /// Runs of items: the last key of each and the XOR of its digests, ascending.
    Runs(Vec<(ItemKey, u64)>),
}

impl Rows {
    fn keys(&self) -> &[(ItemKey, u64)] {
        match self {
            Rows::Items(rows) | Rows::Runs(rows) => rows,
        }
    }
}

/// Bytes that are no message, or a message beyond its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed or exceeds its bounds")]
pub struct MalformedMessage;

impl Question {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("sequences know their lengths, and a vector grows")
    }

    /// Reads what [`Question::encode`] wrote.
    ///
    /// # Errors
    /// [`MalformedMessage`].
    pub fn decode(body: &[u8]) -> Result<Question, MalformedMessage> {
        let (question, rest) = postcard::take_from_bytes::<Question>(body).map_err(|_| MalformedMessage)?;
        if rest.is_empty() && question.is_within_bounds() { Ok(question) } else { Err(MalformedMessage) }
    }

    /// The shard that it is about; `None` if it is about several.
    pub fn shard(&self) -> Option<ShardIndex> {
        match self {
            Question::Compare(_) => None,
            Question::Segments(shard)
            | Question::Look(shard, _)
            | Question::Digests(shard, _)
            | Question::Fetch(shard, _)
            | Question::Push(shard, _)
            | Question::Finish { shard, .. } => Some(*shard),
        }
    }

    fn is_within_bounds(&self) -> bool {
        let is_shard = |shard: ShardIndex| shard.index() < SHARD_COUNT;
        let is_here = |shard: ShardIndex, keys: &[ItemKey]| {
            is_shard(shard)
                && (1..=ENTROPY_KEYS_MAX).contains(&keys.len())
                && keys.iter().all(|key| key.partition.shard() == shard)
        };
        match self {
            Question::Compare(sides) => {
                sides.len() <= SHARD_COUNT && sides.iter().all(|(shard, _)| is_shard(*shard))
            }
            Question::Segments(shard) | Question::Finish { shard, .. } => is_shard(*shard),
            Question::Look(shard, spans) => {
                is_shard(*shard)
                    && (1..=ENTROPY_SPANS_MAX).contains(&spans.len())
                    && spans.iter().all(|span| span.is_well_formed(*shard))
            }
            Question::Digests(shard, keys) | Question::Fetch(shard, keys) => is_here(*shard, keys),
            Question::Push(shard, states) => {
                is_shard(*shard)
                    && states.items.len() <= ENTROPY_KEYS_MAX
                    && states.items.iter().all(|state| state.partition.shard() == *shard)
            }
        }
    }
}

impl Answer {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("sequences know their lengths, and a vector grows")
    }

    /// Reads what [`Answer::encode`] wrote.
    ///
    /// # Errors
    /// [`MalformedMessage`].
    pub fn decode(body: &[u8]) -> Result<Answer, MalformedMessage> {
        let (answer, rest) = postcard::take_from_bytes::<Answer>(body).map_err(|_| MalformedMessage)?;
        if rest.is_empty() && answer.is_within_bounds() { Ok(answer) } else { Err(MalformedMessage) }
    }

    /// Who minted the responder's dots in the shard when it answered, where the answer says so.
    pub fn actor(&self) -> Option<ActorId> {
        match self {
            Answer::Segments(actor, _)
            | Answer::Looked(actor, _)
            | Answer::Digests(actor, _)
            | Answer::Fetched { actor, .. }
            | Answer::Pushed(actor) => Some(*actor),
            Answer::Compared(..) | Answer::Finished | Answer::Declined => None,
        }
    }

    fn is_within_bounds(&self) -> bool {
        match self {
            Answer::Compared(_, sides) => sides.len() <= SHARD_COUNT,
            Answer::Segments(_, digests) => digests.len() == SHARD_SEGMENTS,
            Answer::Looked(_, parts) => {
                parts.len() <= ENTROPY_SPANS_MAX && parts.iter().all(Part::is_within_bounds)
            }
            Answer::Digests(_, digests) => digests.len() <= ENTROPY_KEYS_MAX,
            Answer::Fetched { states, .. } => states.len() <= ENTROPY_KEYS_MAX,
            Answer::Pushed(_) | Answer::Finished | Answer::Declined => true,
        }
    }
}

impl Part {
    fn is_within_bounds(&self) -> bool {
        let rows_max = match self.rows {
            Rows::Items(_) => ENTROPY_LIST_ROWS,
            Rows::Runs(_) => ENTROPY_SCAN_ROWS_MAX / ENTROPY_LIST_ROWS + 1,
        };
        let rows = self.rows.keys();
        rows.len() <= rows_max
            && rows.is_sorted_by(|a, b| a.0 < b.0)
            && match (rows.last(), &self.through) {
                (Some((last, _)), Some(through)) => last <= through,
                (Some(_) | None, None) | (None, Some(_)) => true,
            }
    }
}
