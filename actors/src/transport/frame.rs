//! What is sent over a link.
//!
//! ```text
//! frame   length u32 ‖ wire version u8 ‖ head ‖ body      length: of what follows it; big-endian
//! head    postcard of [`Head`]
//! body    the rest: of a request, an answer, a tell, or of the piece of a longer message
//!
//! a longer message   (head ‖ body) cut into the bodies of `Piece` frames, the last of which says so
//! ```

use super::hello::{Goodbye, Hello};
use super::{Environment, Refusal};
use crate::ids::ClusterId;
use crate::limits::FRAME_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// Bytes of a frame's length and wire version.
const PREFIX_BYTES: usize = 5;

/// What a frame is. The order of the variants is what is sent: append only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Head {
    /// The first frame of either side. What follows it in its frame is a newer version's, and ignored.
    Hello(Box<Hello>),
    /// The last frame of a side that turns the other one away.
    Goodbye(Goodbye),
    /// A question, with its body. It is not worth answering after so many milliseconds.
    Request { id: u64, deadline_ms: u32, subsystem: u8 },
    /// The answer to the request with this id, with its body.
    Answer { id: u64 },
    /// The request with this id was not carried out.
    Refused { id: u64, refusal: Refusal },
    /// What wants no answer, with its body.
    Tell { subsystem: u8 },
    /// Wants a pong with the same number, and shows the sender's cluster and stores.
    Ping { sent_us: u64, cluster: Option<ClusterId>, environments: Vec<Environment> },
    /// Answers a ping.
    Pong { sent_us: u64 },
    /// Bytes of a message that is longer than a frame, as the frame's body.
    Piece { is_last: bool },
    /// A frame of a kind that the sender does not know was skipped.
    NotUnderstood { kind: u8 },
}

/// How many variants [`Head`] has.
const KINDS: u8 = 10;

impl Head {
    fn has_body(&self) -> bool {
        match self {
            Head::Request { .. } | Head::Answer { .. } | Head::Tell { .. } | Head::Piece { .. } => true,
            // A hello may grow.
            Head::Hello(_) => true,
            Head::Goodbye(_)
            | Head::Refused { .. }
            | Head::Ping { .. }
            | Head::Pong { .. }
            | Head::NotUnderstood { .. } => false,
        }
    }
}

/// The first frame of some bytes.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Read<'a> {
    /// There is no whole frame yet.
    Incomplete,
    /// A frame.
    Frame(Frame<'a>),
    /// A frame of a kind that only newer versions know, to be skipped.
    Unknown {
        /// Its number.
        kind: u8,
        /// How many bytes it takes up.
        bytes: usize,
    },
}

/// A frame that was read.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Frame<'a> {
    /// Its wire version.
    pub(crate) version: u8,
    /// What it is.
    pub(crate) head: Head,
    /// What comes with it.
    pub(crate) body: &'a [u8],
    /// How many bytes it takes up.
    pub(crate) bytes: usize,
}

/// What came over a link is not made of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// A frame is announced that is longer than any.
    #[error("a frame of {0} bytes, and at most {FRAME_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// A frame cannot be read.
    #[error("a frame that cannot be read")]
    Malformed,
}

/// Reads the first frame of `bytes`. Nothing is allocated for a body.
pub(crate) fn read(bytes: &[u8]) -> Result<Read<'_>, FrameError> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(Read::Incomplete) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    let Some(payload) = rest.get(..length) else { return Ok(Read::Incomplete) };
    let (version, message) = payload.split_first().ok_or(FrameError::Malformed)?;
    let bytes = 4 + length;
    match message.first() {
        Some(kind) if *kind >= KINDS => Ok(Read::Unknown { kind: *kind, bytes }),
        _ => {
            let (head, body) = read_message(message)?;
            Ok(Read::Frame(Frame { version: *version, head, body, bytes }))
        }
    }
}

/// Reads a head and its body: what is in a frame, or what its pieces make up.
pub(crate) fn read_message(message: &[u8]) -> Result<(Head, &[u8]), FrameError> {
    let (head, body) = postcard::take_from_bytes::<Head>(message).map_err(|_| FrameError::Malformed)?;
    if !body.is_empty() && !head.has_body() {
        return Err(FrameError::Malformed);
    }
    Ok((head, body))
}

/// The head as the bytes of a message.
pub(crate) fn head_bytes(head: &Head) -> Vec<u8> {
    // Nothing in a head can fail to be written into memory.
    postcard::to_allocvec(head).unwrap_or_default()
}

/// Appends a frame to `to`.
pub(crate) fn write(to: &mut Vec<u8>, version: u8, head: &Head, body: &[u8]) {
    let start = to.len();
    to.extend_from_slice(&[0; PREFIX_BYTES]);
    if postcard::to_io(head, &mut *to).is_err() {
        // Nothing in a head can fail to be written into memory.
        return to.truncate(start);
    }
    to.extend_from_slice(body);
    let length = u32::try_from(to.len() - start - 4).unwrap_or(u32::MAX);
    to[start..start + 4].copy_from_slice(&length.to_be_bytes());
    to[start + 4] = version;
}

#[cfg(test)]
mod tests;
