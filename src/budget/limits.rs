//! The bounds of the memory that is held for clients: why this number, and what a client sees at the limit.

use std::time::Duration;

/// Bytes of requests, and of what is made of them, that may be held at once. Two InsertBatches of the largest size fit
/// into half of it, which is what one access key can have. Beyond it: 503, nothing happened.
pub(crate) const REQUESTS_BYTES_MAX: usize = 512 << 20;

/// Bytes of answers that clients have not taken yet. Beyond it an answer waits for room.
pub(crate) const ANSWERS_BYTES_MAX: usize = 256 << 20;

/// What is held for one request without being counted: the number of connections bounds it.
pub(crate) const UNCOUNTED_BYTES_MAX: usize = 16 << 10;

/// How long an answer waits for room. Beyond it: 503.
pub(crate) const SHARE_PATIENCE: Duration = Duration::from_secs(30);
