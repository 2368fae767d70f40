//! What nodes tell each other about membership: the body of [`Subsystem::Membership`](crate::transport::Subsystem).
//!
//! ```text
//! variant varint ‖ its fields, as postcard writes them
//!   0 Gossip   wall_ms varint u64 ‖ length varint ‖ packet of foca
//!   1 About    length varint ‖ version ‖ length varint ‖ host name
//!   2 Incarnation   a message of `incarnation`
//! ```
//!
//! A packet of foca is a header (sender, its incarnation, receiver, kind), and what it passes on of other members: a number of
//! them (u16 BE), then each with its incarnation and state. The order of the variants is what is sent: append only.

use super::about::About;
use crate::incarnation;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// A packet of the membership protocol.
    Gossip {
        /// The sender's wall clock when it was sent, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// What foca sent.
        #[serde(with = "serde_bytes")]
        packet: Vec<u8>,
    },
    /// What the sender says of itself, once per link.
    About(About),
    /// What nodes ask and tell of their memories.
    Incarnation(incarnation::Message),
}

/// A message cannot be read: its sender is newer, or not a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a message about membership cannot be read")]
pub struct MessageError;

impl Message {
    /// The body to send.
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("sequences know their lengths, and a vector grows").into()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(body: &[u8]) -> Result<Message, MessageError> {
        match postcard::take_from_bytes(body) {
            Ok((Message::About(about), _)) if !about.is_short() => Err(MessageError),
            Ok((Message::Incarnation(message), _)) if !message.is_short() => Err(MessageError),
            Ok((message, [])) => Ok(message),
            Ok(_) | Err(_) => Err(MessageError),
        }
    }
}
