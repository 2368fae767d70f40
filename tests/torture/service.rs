//! How long the cluster served nobody although a majority of each shard's replicas was connected.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Fed by probes, which succeed, and by whoever does things to the cluster, who says whether it can be expected to serve.
#[derive(Debug)]
pub(crate) struct Service(Mutex<Gaps>);

#[derive(Debug)]
struct Gaps {
    /// Since when it is expected to serve, if it is.
    expected_since: Option<Instant>,
    last_success: Instant,
    longest: Duration,
}

impl Service {
    pub(crate) fn new() -> Service {
        let now = Instant::now();
        Service(Mutex::new(Gaps { expected_since: None, last_success: now, longest: Duration::ZERO }))
    }

    pub(crate) fn succeeded(&self, now: Instant) {
        let mut gaps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gaps.look(now);
        gaps.last_success = gaps.last_success.max(now);
    }

    pub(crate) fn expect(&self, is_expected: bool, now: Instant) {
        let mut gaps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gaps.look(now);
        gaps.expected_since = match gaps.expected_since {
            Some(since) if is_expected => Some(since),
            _ => is_expected.then_some(now),
        };
    }

    /// The longest time without service so far.
    pub(crate) fn longest(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).longest
    }
}

impl Gaps {
    fn look(&mut self, now: Instant) {
        if let Some(since) = self.expected_since {
            self.longest = self.longest.max(now.saturating_duration_since(since.max(self.last_success)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_a_majority_is_not_counted_and_all_other_time_is() {
        let service = Service::new();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        service.expect(true, at(0));
        service.succeeded(at(1));
        service.succeeded(at(4));
        assert_eq!(service.longest(), Duration::from_secs(3));
        service.expect(false, at(5));
        service.expect(true, at(60));
        assert_eq!(service.longest(), Duration::from_secs(3));
        service.succeeded(at(64));
        assert_eq!(service.longest(), Duration::from_secs(4));
        service.expect(true, at(90));
        assert_eq!(service.longest(), Duration::from_secs(26), "a majority, and nobody was served");
    }
}
