//! Room on the disk: what grows has to leave a reserve, so that what shrinks always finds room.

use troupe_actors::store::CommitError;

/// Bytes that only what does not grow may use: more than one deletion writes.
pub(crate) const RESERVE_BYTES: u64 = 256;

/// How long the environment may become.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    bytes_max: u64,
    /// What a commit that finds no room is told.
    shortage: CommitError,
}

impl Space {
    pub(crate) fn plenty() -> Space {
        Space { bytes_max: u64::MAX, shortage: CommitError::DiskFull }
    }

    /// As much as an environment of `used` bytes needs, and `left` bytes beyond the reserve.
    pub(crate) fn of(used: u64, left: u64, is_map: bool) -> Space {
        let shortage = if is_map { CommitError::MapFull } else { CommitError::DiskFull };
        Space { bytes_max: used.saturating_add(RESERVE_BYTES).saturating_add(left), shortage }
    }

    /// So little that nothing at all can be stored.
    pub(crate) fn none() -> Space {
        Space { bytes_max: 0, shortage: CommitError::DiskFull }
    }

    /// Whether an environment of `used` bytes has room for a commit that writes rows of `written` bytes: what they
    /// replace is free only afterwards.
    pub(crate) fn take(&self, used: u64, written: u64, grows: bool) -> Result<(), CommitError> {
        let reserve = if grows { RESERVE_BYTES } else { 0 };
        let needed = used.saturating_add(written).saturating_add(reserve);
        if needed <= self.bytes_max { Ok(()) } else { Err(self.shortage.clone()) }
    }
}
