//! Seen markers: how far into a shard's history a reader of a range has come.

use super::seal::{Binding, Purpose, SealError, TokenKey};
use crate::ids::{ActorId, PartitionHash};
use crate::limits::MARKER_BYTES_MAX;

/// How far a reader of a partition has come.
///
/// A pair `(actor, position)` says: of what changed at the replica that `actor` minted for, everything up to `position` has
/// been seen, its own writes and what it took in from others alike. So a marker has one pair for each replica that
/// contributed, however many items and epochs there are. A replica that cannot place the actor in its history treats
/// nothing as seen: too much is shown once, nothing is missed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeenMarker {
    /// The pairs, in any order.
    pub seen: Vec<(ActorId, u64)>,
}

/// A seen marker that this cluster did not issue for this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MarkerError {
    /// More bytes than any marker has.
    #[error("the seen marker is longer than {MARKER_BYTES_MAX} bytes")]
    TooLong,
    /// Not base64url without padding, or not a whole number of fields.
    #[error("the seen marker is malformed: pass it back exactly as it was received")]
    Malformed,
    /// The seal does not match.
    #[error("the seen marker was not issued by this cluster for this partition")]
    Forged,
}

impl From<SealError> for MarkerError {
    fn from(error: SealError) -> MarkerError {
        match error {
            SealError::TooLong => MarkerError::TooLong,
            SealError::Alphabet | SealError::Length => MarkerError::Malformed,
            SealError::Mac => MarkerError::Forged,
        }
    }
}

impl TokenKey {
    /// The text of a marker for a range of `partition`. It serves any range of that partition, and no other one.
    pub fn seal_marker(&self, partition: PartitionHash, marker: &SeenMarker) -> String {
        self.seal(Purpose::Marker, Binding { partition, sort_key: None }, &marker.seen)
    }

    /// Reads a marker of `partition` back.
    ///
    /// # Errors
    /// [`MarkerError`] if this cluster did not issue it for this partition.
    pub fn open_marker(&self, partition: PartitionHash, text: &str) -> Result<SeenMarker, MarkerError> {
        let binding = Binding { partition, sort_key: None };
        let seen = self.open(Purpose::Marker, binding, MARKER_BYTES_MAX, text)?;
        Ok(SeenMarker { seen })
    }
}
