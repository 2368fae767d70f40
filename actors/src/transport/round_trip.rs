//! How fast a peer is: the smoothed time of its pongs (as TCP smooths it, RFC 6298), and the 95th percentile of its answers.

use std::time::Duration;

/// How many answers the percentile is of: at a thousand requests a second, the last eighth of one.
const ANSWERS: usize = 128;

/// Times of one link.
#[derive(Default)]
pub(crate) struct RoundTrip {
    smoothed_us: Option<u64>,
    answers_us: Vec<u32>,
    oldest: usize,
}

impl RoundTrip {
    /// A pong came after `time`.
    pub(crate) fn pong(&mut self, time: Duration) {
        let time_us = micros(time);
        self.smoothed_us = Some(match self.smoothed_us {
            None => time_us,
            Some(smoothed_us) => (7 * smoothed_us + time_us) / 8,
        });
    }

    /// An answer came after `time`.
    pub(crate) fn answer(&mut self, time: Duration) {
        let time_us = u32::try_from(micros(time)).unwrap_or(u32::MAX);
        if self.answers_us.len() < ANSWERS {
            self.answers_us.push(time_us);
        } else {
            self.answers_us[self.oldest] = time_us;
            self.oldest = (self.oldest + 1) % ANSWERS;
        }
    }

    /// Smoothed, in microseconds.
    pub(crate) fn smoothed_us(&self) -> Option<u64> {
        self.smoothed_us
    }

    /// The 95th percentile of the latest answers, in microseconds.
    pub(crate) fn answer_p95_us(&self) -> Option<u64> {
        let mut sorted = self.answers_us.clone();
        sorted.sort_unstable();
        // At 20 answers the slowest one but one, and the slowest one of fewer.
        let at = (sorted.len() * 19 / 20).min(sorted.len().checked_sub(1)?);
        sorted.get(at).map(|time_us| u64::from(*time_us))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_of_the_latest_answers() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.answer_p95_us(), None);
        round_trip.answer(Duration::from_micros(7));
        assert_eq!(round_trip.answer_p95_us(), Some(7));
        (0..2 * ANSWERS).for_each(|_| round_trip.answer(Duration::from_secs(9)));
        (1..=100).for_each(|time_us| round_trip.answer(Duration::from_micros(time_us)));
        assert_eq!(round_trip.answer_p95_us(), Some(9_000_000));
        (1..=100).for_each(|time_us| round_trip.answer(Duration::from_micros(time_us)));
        assert_eq!(round_trip.answer_p95_us(), Some(97));
    }

    #[test]
    fn one_late_pong_moves_the_smoothed_time_by_an_eighth() {
        let mut round_trip = RoundTrip::default();
        round_trip.pong(Duration::from_micros(800));
        round_trip.pong(Duration::from_micros(8800));
        assert_eq!(round_trip.smoothed_us(), Some(1800));
    }
}
