//! How fast: the pace of writers when the journal fills up, and that of a checkpoint, so that neither stops the other.

use crate::limits::{BACK_PRESSURE_MS_MAX, CHECKPOINT_STEP_MS, CHECKPOINT_STEP_ROWS};
use std::time::Duration;

/// How long a group waits before it is appended. Nothing while the journal is less than half full, then more and more:
/// somewhere on the way writers are as slow as the tree, and no slower.
pub(super) fn write_delay(used_bytes: u64, capacity: u64) -> Duration {
    let half = (capacity / 2).max(1);
    let beyond = (used_bytes.saturating_sub(half) as f64 / half as f64).min(1.0);
    Duration::from_secs_f64(BACK_PRESSURE_MS_MAX as f64 / 1000.0 * beyond * beyond)
}

/// How long a checkpoint rests after a transaction that took `took`: as long again while there is time, and not at all
/// once writers are slowed down.
pub(super) fn rest(took: Duration, used_bytes: u64, capacity: u64) -> Duration {
    let half = (capacity / 2).max(1);
    took.mul_f64(1.0 - (used_bytes as f64 / half as f64).min(1.0))
}

/// How many rows the next transaction of a checkpoint writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StepRows(usize);

impl Default for StepRows {
    fn default() -> StepRows {
        StepRows(1024)
    }
}

impl StepRows {
    /// As many as there may be.
    pub(super) fn most() -> StepRows {
        StepRows(*CHECKPOINT_STEP_ROWS.end())
    }

    /// The number.
    pub(super) fn get(self) -> usize {
        self.0
    }

    /// After a transaction of that many rows, which took `took`.
    pub(super) fn after(self, took: Duration) -> StepRows {
        let meant = Duration::from_millis(CHECKPOINT_STEP_MS);
        if took * 2 < meant {
            self.to(self.0 * 2)
        } else if took > meant {
            self.to(self.0 / 2)
        } else {
            self
        }
    }

    /// After one that found no room: LMDB changes no page in place, so that fewer rows need fewer free pages at a time.
    /// `None` if it was one row.
    pub(super) fn after_no_room(self) -> Option<StepRows> {
        (self.0 > 1).then_some(StepRows((self.0 / 4).max(1)))
    }

    fn to(self, rows: usize) -> StepRows {
        StepRows(rows.clamp(*CHECKPOINT_STEP_ROWS.start(), *CHECKPOINT_STEP_ROWS.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_are_slowed_down_smoothly_from_half_on() {
        let delays: Vec<_> = (0..=100).map(|percent| write_delay(percent, 100)).collect();
        assert!(delays[..=50].iter().all(Duration::is_zero));
        assert!(delays[50..].is_sorted_by(|a, b| a < b));
        assert_eq!(delays[100], Duration::from_millis(BACK_PRESSURE_MS_MAX));
        assert!(delays.windows(2).all(|pair| pair[1] - pair[0] < Duration::from_millis(5)));
        assert_eq!(write_delay(2, 0), Duration::from_millis(BACK_PRESSURE_MS_MAX));
    }

    #[test]
    fn a_checkpoint_rests_only_while_there_is_time() {
        let took = Duration::from_millis(100);
        assert_eq!(rest(took, 0, 100), took);
        assert_eq!(rest(took, 25, 100), took / 2);
        assert_eq!(rest(took, 50, 100), Duration::ZERO);
        assert_eq!(rest(took, 100, 100), Duration::ZERO);
    }

    #[test]
    fn transactions_are_as_long_as_they_are_meant_to_be() {
        // A disk that writes ten rows a millisecond.
        let mut rows = StepRows::default();
        for _ in 0..20 {
            rows = rows.after(Duration::from_millis(rows.get() as u64 / 10));
        }
        let took_ms = rows.get() as u64 / 10;
        assert!((CHECKPOINT_STEP_MS / 2..=CHECKPOINT_STEP_MS).contains(&took_ms), "{took_ms}");
        (0..20).for_each(|_| rows = rows.after(Duration::ZERO));
        assert_eq!(rows.get(), *CHECKPOINT_STEP_ROWS.end());
        while let Some(fewer) = rows.after_no_room() {
            rows = fewer;
        }
        assert_eq!(rows.get(), 1);
        assert_eq!(rows.after(Duration::ZERO).get(), *CHECKPOINT_STEP_ROWS.start());
    }
}
