//! Time, read in one place. Cores take it as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch by this machine's wall clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallMs(pub u64);

/// Reads the wall clock. A clock set before 1970 reads as 0: dot times stay monotone without it.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall_now() -> WallMs {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    WallMs(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Reads the monotone clock, for durations.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotone clock")]
pub fn monotonic_now() -> Instant {
    Instant::now()
}
