//! How fast anti-entropy goes: a debt that is paid off at a fixed rate.

use crate::limits::{ENTROPY_BYTES_PER_S, ENTROPY_ITEMS_PER_S};

/// What may be spent in a second. A rate of zero counts as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Bytes of messages in a second.
    pub bytes_per_s: u64,
    /// Items in a second.
    pub items_per_s: u64,
}

impl Default for Rate {
    fn default() -> Rate {
        Rate { bytes_per_s: ENTROPY_BYTES_PER_S, items_per_s: ENTROPY_ITEMS_PER_S }
    }
}

/// Says when the next question may be asked.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    /// When everything that was spent is paid for, in microseconds of the caller's clock.
    paid_us: u64,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Pace {
        Pace { rate, paid_us: 0 }
    }

    /// Takes note of what was sent or received; whichever of the two rates is slower counts.
    pub(super) fn spend(&mut self, now_ms: u64, bytes: u64, items: u64) {
        let time_us = |amount: u64, per_s: u64| amount.saturating_mul(1_000_000) / per_s.max(1);
        let cost = time_us(bytes, self.rate.bytes_per_s).max(time_us(items, self.rate.items_per_s));
        self.paid_us = self.paid_us.max(now_ms.saturating_mul(1000)).saturating_add(cost);
    }

    /// Goes on at another rate at once: what is owed at the old one, perhaps hours, is forgotten.
    pub(super) fn set_rate(&mut self, rate: Rate) {
        *self = Pace::new(rate);
    }

    /// How long it takes until everything is paid for, in milliseconds.
    pub(super) fn owed_ms(&self, now_ms: u64) -> u64 {
        self.paid_us.saturating_sub(now_ms.saturating_mul(1000)).div_ceil(1000)
    }

    /// Whether nothing is left to be paid for.
    pub(super) fn is_free(&self, now_ms: u64) -> bool {
        self.paid_us <= now_ms.saturating_mul(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_is_paid_for_at_the_slower_of_two_rates() {
        let mut pace = Pace::new(Rate { bytes_per_s: 1000, items_per_s: 10 });
        assert!(pace.is_free(5));
        pace.spend(5, 100, 2);
        assert!(!pace.is_free(204) && pace.is_free(205), "two items take 200 ms, 100 bytes 100 ms");
        pace.spend(205, 500, 0);
        assert!(!pace.is_free(704) && pace.is_free(705));
    }

    #[test]
    fn another_rate_counts_at_once_whatever_is_owed() {
        let mut pace = Pace::new(Rate { bytes_per_s: 1, items_per_s: 1000 });
        pace.spend(0, 100_000, 0);
        assert_eq!(pace.owed_ms(0), 100_000_000);
        pace.set_rate(Rate { bytes_per_s: 10, items_per_s: 1000 });
        assert!(pace.is_free(0));
        pace.spend(100, 1, 0);
        assert_eq!((pace.owed_ms(100), pace.owed_ms(150), pace.owed_ms(900)), (100, 50, 0));
        pace.set_rate(Rate { bytes_per_s: 0, items_per_s: 0 });
        pace.spend(1000, 1, 0);
        assert_eq!(pace.owed_ms(1000), 1000, "never a division by zero");
    }

    #[test]
    fn a_quiet_time_does_not_save_up_for_a_burst() {
        let mut pace = Pace::new(Rate { bytes_per_s: 1000, items_per_s: 1000 });
        pace.spend(1_000_000, 1000, 1);
        assert!(!pace.is_free(1_000_999) && pace.is_free(1_001_000));
    }
}
