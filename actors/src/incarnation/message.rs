//! What a node asks and tells of memories. It travels in [`membership::Message`](crate::membership::Message).
//!
//! ```text
//! variant varint ‖ its fields, as postcard writes them
//!   0 Question  memory
//!   1 Answer    0, or 1 ‖ memory ‖ lost u8
//!   2 Pulse     memory
//!   3 Contradiction  memory
//! memory = life number varint ‖ life id varint ‖ boot varint ‖ count varint ‖ count × (store id varint ‖ sequence varint)
//! ```
//!
//! The order of the variants is what is sent: append only.

use super::life::Memory;
use crate::limits::MEMORY_STORES_MAX;
use serde::{Deserialize, Serialize};

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// "This is what I have. What did you hear of me?"
    Question(Memory),
    /// To a question.
    Answer(Answer),
    /// "This is what I have", every second, from nodes that need not ask.
    Pulse(Memory),
    /// To a pulse: "I heard this of you, and both cannot be true."
    Contradiction(Memory),
}

/// What a peer heard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The newest that it heard of the one who asks; `None` if it never heard of it.
    pub heard: Option<Memory>,
    /// It lost its own memory, and does not know what it had heard: its answer alone settles nothing.
    pub is_lost: bool,
}

impl Message {
    /// Whether it names no more stores than a node can have.
    pub fn is_short(&self) -> bool {
        let memory = match self {
            Message::Question(memory) | Message::Pulse(memory) | Message::Contradiction(memory) => {
                Some(memory)
            }
            Message::Answer(answer) => answer.heard.as_ref(),
        };
        memory.is_none_or(|memory| memory.stores.len() <= MEMORY_STORES_MAX)
    }
}
