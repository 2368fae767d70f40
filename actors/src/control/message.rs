//! What control planes send each other. One way and lossy: whatever is lost is made good by the next exchange.
//!
//! ```text
//! cluster (option of 32 bytes) ‖ wall clock (varint) ‖ ControlMessage      all as postcard
//! ```

use super::rows::Row;
use crate::ids::ClusterId;
use crate::layout::decree::DecreeMessage;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A message with what every receiver looks at first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender's cluster, once it has one. Nodes of another one do not listen.
    pub cluster: Option<ClusterId>,
    /// The sender's wall clock, milliseconds since 1970.
    pub wall_ms: u64,
    /// The message itself.
    pub message: ControlMessage,
}

/// What control planes tell each other.
///
/// The order of the variants is the wire: append only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ControlMessage {
    /// Rows to merge, durable at the sender.
    Rows {
        /// To be answered by [`ControlMessage::Held`] once they are durable at the receiver, if somebody waits for that.
        change: Option<u64>,
        /// As they are persisted.
        rows: Vec<Row>,
    },
    /// The rows of this change are durable here.
    Held {
        /// As the sender counts its changes.
        change: u64,
    },
    /// A digest over all rows of the sender: begins an exchange.
    Summary {
        /// XOR over the rows' hashes.
        digest: u64,
    },
    /// The receiver of a summary has the same rows.
    Same {
        /// Its digest.
        digest: u64,
    },
    /// The receiver of a summary has other rows: their digests by bucket.
    Buckets {
        /// One per bucket; a list of another length is ignored.
        digests: Vec<u64>,
    },
    /// Asks for the rows of these buckets.
    Wanted {
        /// Bucket numbers.
        buckets: Vec<u8>,
    },
    /// About the next layout version.
    Decree(DecreeMessage),
}

impl Envelope {
    /// The bytes that are sent.
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("sequences know their lengths, and a vector grows").into()
    }

    /// Reads [`Envelope::encode`]. `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Envelope> {
        match postcard::take_from_bytes(bytes) {
            Ok((envelope, [])) => Some(envelope),
            Ok(_) | Err(_) => None,
        }
    }
}
