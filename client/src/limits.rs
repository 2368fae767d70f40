//! Every bound and default of the client, in one place.

use std::time::Duration;

/// How long one attempt may take, from the first byte sent to the last byte received. Polls get
/// their own poll time on top. The caller sees [`Error::Timeout`](crate::Error::Timeout).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long connecting (TCP and TLS) may take: long enough for one lost SYN on a slow link.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a poll may take beyond the time the server was asked to hold it, for the way there and back.
pub const POLL_SLACK: Duration = Duration::from_secs(10);

/// The time a K2V server holds a poll that names no timeout of its own.
pub const POLL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(300);

/// How long one poll of a [watch](crate::Bucket::watch) is held: short enough to notice within a
/// minute that a server vanished without a word.
pub const WATCH_POLL_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a call is tried in all, the first time included: the pauses between them add up to 1.5 s at
/// most, which spans the restart of a node.
pub const ATTEMPTS_MAX: u32 = 5;

/// The pause before the first repeat is drawn from zero up to this.
pub const BACKOFF_BASE: Duration = Duration::from_millis(100);

/// No pause between two attempts is longer than this.
pub const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How long an endpoint that failed is left alone, if there are others: about what a node takes to restart. A call
/// then tries it again; after each further failure the pause is twice as long.
pub const ENDPOINT_PAUSE_BASE: Duration = Duration::from_secs(1);

/// No endpoint is left alone for longer than this: a node that was repaired is used again within half a minute.
pub const ENDPOINT_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The largest answer that is read into memory. A longer one is refused with
/// [`Error::ResponseTooLarge`](crate::Error::ResponseTooLarge); page streams then ask for smaller pages.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much of the body of an error answer is looked at: a K2V error is a few hundred bytes.
pub const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// How many items a page stream asks for at a time.
pub const PAGE_SIZE: u64 = 1_000;

/// How often an update reads, resolves and writes before it gives up against other writers.
pub const UPDATE_ROUNDS_MAX: u32 = 16;

/// How long an idle connection is kept for the next call.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// After how much silence a connection is probed by TCP: a peer that vanished is noticed even while a
/// poll hangs on it.
pub const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
