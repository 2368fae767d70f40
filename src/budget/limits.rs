//! The bounds of the memory that is held for clients: why this number, and what a client sees at the limit.

use std::time::Duration;

/// Bytes of requests, and of what is made of them, that may be held at once. Two InsertBatches of the largest size fit
/// into half of it, which is what one access key can have. Beyond it: 503, nothing happened.
pub(crate) const REQUESTS_BYTES_MAX: usize = 512 << 20;

/// The part of [`REQUESTS_BYTES_MAX`] for clients who have proven nothing: unfinished heads, and bodies whose signature can
/// only be verified when they are there. Sending those takes a key id and no secret. Beyond it: 503, nothing happened.
pub(crate) const ANONYMOUS_BYTES_MAX: usize = 128 << 20;

/// Bytes of answers that clients have not taken yet. Beyond it an answer waits for room.
pub(crate) const ANSWERS_BYTES_MAX: usize = 256 << 20;

/// What is held for one request without being counted: the number of connections bounds it.
pub(crate) const UNCOUNTED_BYTES_MAX: usize = 16 << 10;

/// How long an answer waits for room. Beyond it: 503.
pub(crate) const SHARE_PATIENCE: Duration = Duration::from_secs(30);

/// Answers that are being made at a time, of which only an estimate is counted: twice as many as a small machine has
/// cores. The others wait for their turn, and in between there is time for requests whose answers are small.
pub(crate) const ESTIMATES_MAX: usize = 4;

/// What is counted for a page of a long answer while it is being made.
pub(crate) const PAGE_BYTES_ESTIMATE: usize = 512 << 10;
