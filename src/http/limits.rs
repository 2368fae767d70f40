//! The bounds of the HTTP gateway: why this number, and what a client sees at the limit.

use std::time::Duration;

/// Longest body that is read for a call that needs none, only to check it against its signed digest.
/// Beyond it: 413 `EntityTooLarge`.
pub(crate) const UNUSED_BODY_BYTES_MAX: usize = 64 << 10;

/// A refused request whose body is at most this long has it read and thrown away, so that the connection lives on.
/// Beyond it: the connection is closed after the answer.
pub(crate) const DRAINED_BODY_BYTES_MAX: u64 = 64 << 10;

/// The same in time.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Grace in seconds before a body must have begun to keep up with [`BODY_BYTES_PER_S_MIN`]. Beyond it: 408
/// `RequestTimeout`.
pub(crate) const BODY_GRACE_S: u64 = 20;

/// The slowest pace at which a body may arrive after the grace, in bytes per second: 64 MiB in 70 minutes is not
/// worth a connection, 64 MiB in 17 minutes is.
pub(crate) const BODY_BYTES_PER_S_MIN: u64 = 64 << 10;

/// What one element of a batch takes in memory once it is parsed, at most, besides its texts and values.
pub(crate) const ELEMENT_BYTES: usize = 400;

/// Most items of one InsertBatch. A row takes some 200 bytes of memory until it is written. Beyond it: 400.
pub(crate) const BATCH_ITEMS_MAX: usize = 200_000;

/// Most queries of one ReadBatch or DeleteBatch. A query takes some 200 bytes of memory until it is answered.
/// Beyond it: 400.
pub(crate) const BATCH_QUERIES_MAX: usize = 50_000;

/// How long a poll waits when it does not say, in seconds.
pub(crate) const POLL_TIMEOUT_S_DEFAULT: u64 = 300;

/// The shortest wait of a poll in seconds: a shorter one is raised to it.
pub(crate) const POLL_TIMEOUT_S_MIN: u64 = 1;

/// The longest wait of a poll in seconds: a longer one is lowered to it.
pub(crate) const POLL_TIMEOUT_S_MAX: u64 = 600;

/// How long the thread that accepts connections has to hear that it is to stop accepting. Whoever connects within it is cut off.
pub(crate) const ACCEPT_PAUSED: Duration = Duration::from_millis(2);

/// How long answers ask clients to close their connections before a stopping node closes them itself: clients that are at
/// work send another request within it.
pub(crate) const LEAVE: Duration = Duration::from_millis(500);

/// Requests in progress have this long to finish after a stop was asked for, in seconds.
pub(crate) const DRAIN_S: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::limits::{ANONYMOUS_BYTES_MAX, ANSWERS_BYTES_MAX, REQUESTS_BYTES_MAX, SHARE_PATIENCE};
    use crate::edge::limits::{
        CLIENT_SILENCE, CONNECTIONS_MAX_DEFAULT, HEAD_TIMEOUT, KEEP_ALIVE, LEFTOVER_BYTES_MAX,
        LEFTOVER_TIMEOUT,
    };
    use troupe_actors::limits::{
        BATCH_BYTES_MAX, CONCURRENT_VALUES_MAX_DEFAULT, ITEM_BYTES_MAX_DEFAULT, LANE_BYTES_MAX,
        MARKER_BYTES_MAX, PARTITION_KEY_BYTES_MAX, SHARD_BYTES_IN_FLIGHT_MAX, SHARD_COUNT, TOKEN_BYTES_MAX,
    };

    /// The numbers in the second column of the table's row about `what`.
    fn check(page: &str, what: &str, numbers: &[u64]) {
        let row = page.lines().find(|line| line.starts_with(&format!("| {what} |")));
        let cell = row.and_then(|row| row.split('|').nth(2)).unwrap_or_else(|| panic!("no row for {what}"));
        let digits = cell.replace(',', "");
        let found: Vec<u64> =
            digits.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        assert_eq!(found, numbers, "{what}");
    }

    #[test]
    fn the_documented_limits_are_the_limits() {
        let page = include_str!("../../docs/k2v-api.md");
        check(page, "partition key, sort key", &[PARTITION_KEY_BYTES_MAX as u64]);
        check(
            page,
            "large requests of all clients together, and what is made of them",
            &[REQUESTS_BYTES_MAX as u64 >> 20],
        );
        let unproven = ANONYMOUS_BYTES_MAX as u64 >> 20;
        check(page, "of these, bodies whose hash is not stated", &[unproven]);
        check(page, "large answers that are not taken yet", &[ANSWERS_BYTES_MAX as u64 >> 20]);
        check(page, "a large answer or a poll's that waits for room", &[SHARE_PATIENCE.as_secs()]);
        check(page, "items of an InsertBatch", &[BATCH_ITEMS_MAX as u64]);
        check(page, "queries of a ReadBatch or DeleteBatch", &[BATCH_QUERIES_MAX as u64]);
        check(page, "concurrent values of one item", &[CONCURRENT_VALUES_MAX_DEFAULT as u64]);
        let mib = |bytes: usize| bytes as u64 >> 20;
        check(page, "bytes of the concurrent values of one item", &[mib(ITEM_BYTES_MAX_DEFAULT)]);
        check(page, "items that one batch changes in one shard", &[mib(BATCH_BYTES_MAX)]);
        let on_their_way = [mib(SHARD_BYTES_IN_FLIGHT_MAX), SHARD_COUNT as u64, mib(LANE_BYTES_MAX)];
        check(page, "writes on their way to the disk", &on_their_way);
        check(page, "causality token", &[TOKEN_BYTES_MAX as u64, 64]);
        check(page, "seen marker", &[MARKER_BYTES_MAX as u64, 64]);
        let poll = [POLL_TIMEOUT_S_MIN, POLL_TIMEOUT_S_MAX, POLL_TIMEOUT_S_DEFAULT];
        check(page, "timeout of a poll", &poll);
        check(page, "head of a request", &[HEAD_TIMEOUT.as_secs()]);
        let leftover = [LEFTOVER_BYTES_MAX as u64 >> 20, LEFTOVER_TIMEOUT.as_secs()];
        check(page, "rest of a body that a refused request does not need", &leftover);
        check(page, "connections", &[CONNECTIONS_MAX_DEFAULT as u64]);
        check(page, "pace of a body", &[BODY_BYTES_PER_S_MIN, BODY_GRACE_S]);
        check(page, "a client that takes nothing of its answer", &[CLIENT_SILENCE.as_secs()]);
        check(page, "idle connection", &[KEEP_ALIVE.as_secs()]);
    }
}
