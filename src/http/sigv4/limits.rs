//! The bounds of signature verification.

/// A presigned URL lives a week at most, as AWS has it: a longer or an empty life is answered with 400.
pub(super) const PRESIGNED_EXPIRES_S_MAX: u32 = 604_800;

/// Signing keys that each thread remembers. A key that does not fit is derived again, which costs about 2 µs,
/// so a caller sees nothing at the limit. 256 slots take about 100 KiB per thread when all are full.
pub(super) const SIGNING_KEY_SLOTS: usize = 256;

/// A scratch buffer that one request grew beyond this is given back instead of being kept for the next request,
/// so that one large request head does not hold memory without end.
pub(super) const SCRATCH_BYTES_KEPT_MAX: usize = 16 * 1024;
