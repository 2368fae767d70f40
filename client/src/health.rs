//! Which of several endpoints is asked: a core without a clock, which `endpoints.rs` drives.
//!
//! ```text
//!            failed: for a pause                 the pause is over
//!  healthy ───────────────────────▶ away ───────────────────────────▶ tried by one call
//!     ▲                              ▲                                  │          │
//!     │                              └── failed: for twice the pause ───┘          │
//!     └──────────────────────────────────────── succeeded ─────────────────────────┘
//! ```
//!
//! The first healthy endpoint of the list is asked, so that the order of the list says which one is near. While one call tries an
//! endpoint that was away, the others go on elsewhere: a server that takes connections and says nothing costs one call its
//! timeout, not all.

use std::time::{Duration, Instant};

use crate::limits::{ENDPOINT_PAUSE_BASE, ENDPOINT_PAUSE_MAX};

/// What is known of each endpoint, in the order of the list.
#[derive(Debug)]
pub(crate) struct Health {
    endpoints: Vec<Known>,
    attempts: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    state: State,
    /// The number of the last attempt that it was chosen for.
    last_attempt: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Healthy,
    /// Left alone until then, after so many failures in a row.
    Away {
        failures: u32,
        until: Instant,
    },
    /// A call is finding out. If nothing is heard of it until then, another one does.
    Tried {
        failures: u32,
        until: Instant,
    },
}

impl Health {
    /// All of `count` endpoints are taken for healthy until they fail.
    pub(crate) fn new(count: usize) -> Self {
        Self { endpoints: vec![Known { state: State::Healthy, last_attempt: 0 }; count], attempts: 0 }
    }

    /// The endpoint for an attempt.
    pub(crate) fn choose(&mut self, now: Instant) -> usize {
        let chosen = self.preferred(now);
        self.attempts += 1;
        let known = &mut self.endpoints[chosen];
        known.last_attempt = self.attempts;
        if let State::Away { failures, until } | State::Tried { failures, until } = known.state
            && until <= now
        {
            known.state = State::Tried { failures, until: now + pause(failures) };
        }
        chosen
    }

    /// The first endpoint that is healthy or may be tried again. If there is none, the one that was not tried for longest.
    pub(crate) fn preferred(&self, now: Instant) -> usize {
        let eligible = self.endpoints.iter().position(|known| known.state.is_eligible(now));
        let other = || (0..self.endpoints.len()).min_by_key(|&index| self.endpoints[index].last_attempt);
        eligible.or_else(other).unwrap_or(0)
    }

    /// Whether an attempt has an endpoint to go to that is not known to be away.
    pub(crate) fn has_eligible(&self, now: Instant) -> bool {
        self.endpoints.iter().any(|known| known.state.is_eligible(now))
    }

    /// The endpoint has answered.
    pub(crate) fn succeeded(&mut self, index: usize) {
        self.endpoints[index].state = State::Healthy;
    }

    /// The endpoint could not be reached, or could not answer. Calls that were on their way together count as one failure.
    pub(crate) fn failed(&mut self, index: usize, now: Instant) {
        let state = &mut self.endpoints[index].state;
        let failures = match *state {
            State::Healthy => 1,
            State::Tried { failures, .. } => failures.saturating_add(1),
            State::Away { .. } => return,
        };
        *state = State::Away { failures, until: now + pause(failures) };
    }
}

impl State {
    fn is_eligible(self, now: Instant) -> bool {
        match self {
            Self::Healthy => true,
            Self::Away { until, .. } | Self::Tried { until, .. } => until <= now,
        }
    }
}

/// How long an endpoint is left alone after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    ENDPOINT_PAUSE_BASE.saturating_mul(1 << doublings).min(ENDPOINT_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Endpoints, and a clock that is set by hand.
    struct Story {
        health: Health,
        now: Instant,
    }

    impl Story {
        fn of(count: usize) -> Self {
            Self { health: Health::new(count), now: Instant::now() }
        }

        fn choose(&mut self) -> usize {
            self.health.choose(self.now)
        }

        fn fail(&mut self, index: usize) {
            self.health.failed(index, self.now);
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
        }
    }

    #[test]
    fn the_first_healthy_endpoint_is_asked() {
        let mut story = Story::of(3);
        assert_eq!(story.choose(), 0);
        story.fail(0);
        assert_eq!((story.choose(), story.choose()), (1, 1));
        story.fail(1);
        assert_eq!(story.choose(), 2);
        assert!(story.health.has_eligible(story.now));
        story.fail(2);
        assert!(!story.health.has_eligible(story.now));
    }

    #[test]
    fn after_its_pause_one_call_tries_a_failed_endpoint() {
        let mut story = Story::of(2);
        story.fail(0);
        story.pass(ENDPOINT_PAUSE_BASE);
        assert_eq!((story.choose(), story.choose()), (0, 1), "the others wait for what the first finds");
        story.health.succeeded(0);
        assert_eq!(story.choose(), 0);
    }

    #[test]
    fn an_endpoint_that_stays_away_is_tried_less_and_less() {
        let mut story = Story::of(2);
        story.fail(0);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let since = story.now;
            while story.choose() != 0 {
                story.pass(ENDPOINT_PAUSE_BASE);
            }
            story.fail(0);
            pauses.push((story.now - since).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn calls_that_fail_together_are_one_failure() {
        let mut story = Story::of(2);
        for _ in 0..10 {
            story.fail(0);
        }
        story.pass(ENDPOINT_PAUSE_BASE);
        assert_eq!(story.choose(), 0);
    }

    #[test]
    fn a_call_that_is_dropped_while_it_tries_an_endpoint_leaves_it_to_others() {
        let mut story = Story::of(2);
        story.fail(0);
        story.pass(ENDPOINT_PAUSE_BASE);
        assert_eq!(story.choose(), 0);
        story.pass(ENDPOINT_PAUSE_BASE);
        assert_eq!(story.choose(), 0);
    }

    #[test]
    fn if_all_are_away_they_are_tried_in_turn() {
        let mut story = Story::of(3);
        for index in 0..3 {
            assert_eq!(story.choose(), index);
            story.fail(index);
        }
        let chosen: Vec<_> = (0..6).map(|_| story.choose()).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2]);
        story.health.succeeded(2);
        assert_eq!(story.choose(), 2);
    }
}
