//! When a failed call is tried again, and after which pause.
//!
//! The question is what a repeat can do to the data. A read may always be repeated. A write whose fate is
//! unknown (503, or a connection that broke after the request left) may have been applied: repeated, it adds
//! the *same* value once more beside itself. Identical concurrent values are shown once, so a reader sees no
//! difference, and the next write that carries a token replaces both. A write *without* a token usually
//! comes from somebody who never reads, so nothing would ever clear its duplicates away, and they count
//! against the server's limit of concurrent values: by default it is not repeated.
//!
//! A repeat is not invisible in one case: if another client saw the first copy and overwrote it in
//! between, the late copy comes back beside the newer value. Nothing is lost, but there is a conflict to
//! resolve. [`RepeatWrites::Never`] avoids even that.

use std::time::Duration;

use crate::limits;

/// Which writes are repeated when it is not known whether the server applied them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RepeatWrites {
    /// None. [`Error::may_have_been_applied`](crate::Error::may_have_been_applied) tells what to expect.
    Never,
    /// Those that carry a causality token (in a batch: all of whose operations do).
    #[default]
    WithToken,
    /// Every write. A write without a token may then leave a hidden duplicate of itself; a repeated
    /// [`delete_batch`](crate::Bucket::delete_batch) counts only what the last attempt found.
    Always,
}

/// How often, and after which pauses, a failed call is tried again.
///
/// Pauses grow twofold from [`backoff_base`](Self::backoff_base) and are drawn at random between zero and
/// that ("full jitter"), so clients that failed together do not return together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is tried in all; 1 means that nothing is repeated.
    pub attempts_max: u32,
    /// The longest pause before the first repeat.
    pub backoff_base: Duration,
    /// The longest pause before any repeat.
    pub backoff_max: Duration,
    /// Which writes are repeated when their outcome is unknown.
    pub repeat_writes: RepeatWrites,
}

impl RetryPolicy {
    /// Nothing is ever repeated.
    #[must_use]
    pub fn none() -> Self {
        Self { attempts_max: 1, ..Self::default() }
    }

    /// What to do after an attempt failed. `jitter` is drawn from 0…1.
    pub(crate) fn verdict(
        &self,
        attempts: Attempts,
        safety: Safety,
        failure: Failure,
        jitter: f64,
    ) -> Verdict {
        let repeatable = match failure {
            Failure::Final => false,
            Failure::NotSent => true,
            Failure::Untrusted => attempts.elsewhere,
            Failure::OutcomeUnknown => self.tolerates_repeat(safety),
            Failure::TimedOut => attempts.elsewhere && self.tolerates_repeat(safety),
        };
        if !repeatable || attempts.made >= self.attempts_max {
            Verdict::GiveUp
        } else if attempts.elsewhere {
            Verdict::RepeatAfter(Duration::ZERO)
        } else {
            Verdict::RepeatAfter(self.pause(attempts.made, jitter))
        }
    }

    /// The pause after the given number of failures in a row.
    pub(crate) fn pause(&self, failures: u32, jitter: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let longest = self.backoff_base.saturating_mul(1 << doublings).min(self.backoff_max);
        longest.mul_f64(jitter.clamp(0.0, 1.0))
    }

    fn tolerates_repeat(&self, safety: Safety) -> bool {
        match (safety, self.repeat_writes) {
            (Safety::Read, RepeatWrites::Never | RepeatWrites::WithToken | RepeatWrites::Always)
            | (Safety::CoveredWrite, RepeatWrites::WithToken | RepeatWrites::Always)
            | (Safety::BlindWrite, RepeatWrites::Always) => true,
            (Safety::CoveredWrite, RepeatWrites::Never)
            | (Safety::BlindWrite, RepeatWrites::Never | RepeatWrites::WithToken) => false,
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: limits::ATTEMPTS_MAX,
            backoff_base: limits::BACKOFF_BASE,
            backoff_max: limits::BACKOFF_MAX,
            repeat_writes: RepeatWrites::default(),
        }
    }
}

/// What a repeat of a call can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// It changes nothing.
    Read,
    /// It says what it replaces: a repeat is a duplicate that the next such write clears away.
    CoveredWrite,
    /// A repeat may leave a concurrent value behind.
    BlindWrite,
}

/// How often a call was tried, and whether the next attempt goes to another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Those that failed, the last one included.
    pub(crate) made: u32,
    /// Whether an endpoint is left that is not known to be away.
    pub(crate) elsewhere: bool,
}

/// What is known about an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server cannot have seen the request.
    NotSent,
    /// It cannot either, and will not be trusted next time.
    Untrusted,
    /// The server could not answer, for now; it may have acted.
    OutcomeUnknown,
    /// The server said nothing for as long as the caller was willing to wait; it may have acted.
    TimedOut,
    /// A repeat would fail alike, at any server.
    Final,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    RepeatAfter(Duration),
    GiveUp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL_SAFETIES: [Safety; 3] = [Safety::Read, Safety::CoveredWrite, Safety::BlindWrite];

    fn at_the_same_server(made: u32) -> Attempts {
        Attempts { made, elsewhere: false }
    }

    fn check(repeat_writes: RepeatWrites, failure: Failure, repeated: &[Safety]) {
        let policy = RetryPolicy { repeat_writes, ..RetryPolicy::default() };
        for safety in ALL_SAFETIES {
            let verdict = policy.verdict(at_the_same_server(1), safety, failure, 0.5);
            let expected = if repeated.contains(&safety) {
                Verdict::RepeatAfter(Duration::from_millis(50))
            } else {
                Verdict::GiveUp
            };
            assert_eq!(verdict, expected, "{safety:?} after {failure:?} under {repeat_writes:?}");
        }
    }

    #[test]
    fn what_was_never_sent_is_always_repeated() {
        for writes in [RepeatWrites::Never, RepeatWrites::WithToken, RepeatWrites::Always] {
            check(writes, Failure::NotSent, &ALL_SAFETIES);
        }
    }

    #[test]
    fn what_would_fail_alike_is_never_repeated() {
        for writes in [RepeatWrites::Never, RepeatWrites::WithToken, RepeatWrites::Always] {
            for failure in [Failure::Final, Failure::Untrusted, Failure::TimedOut] {
                check(writes, failure, &[]);
            }
        }
    }

    #[test]
    fn another_server_is_asked_without_a_pause_where_a_repeat_is_tolerated() {
        let policy = RetryPolicy::default();
        let repeated = |failure| {
            let attempts = Attempts { made: 1, elsewhere: true };
            let verdicts = ALL_SAFETIES.map(|safety| policy.verdict(attempts, safety, failure, 0.5));
            verdicts.map(|verdict| verdict == Verdict::RepeatAfter(Duration::ZERO))
        };
        assert_eq!(repeated(Failure::NotSent), [true, true, true]);
        assert_eq!(repeated(Failure::Untrusted), [true, true, true]);
        assert_eq!(repeated(Failure::OutcomeUnknown), [true, true, false]);
        assert_eq!(repeated(Failure::TimedOut), [true, true, false]);
        assert_eq!(repeated(Failure::Final), [false, false, false]);
    }

    #[test]
    fn a_write_of_unknown_outcome_is_repeated_as_the_policy_says() {
        check(RepeatWrites::Never, Failure::OutcomeUnknown, &[Safety::Read]);
        check(RepeatWrites::WithToken, Failure::OutcomeUnknown, &[Safety::Read, Safety::CoveredWrite]);
        check(RepeatWrites::Always, Failure::OutcomeUnknown, &ALL_SAFETIES);
    }

    #[test]
    fn attempts_are_counted_and_end() {
        let policy = RetryPolicy { attempts_max: 3, ..RetryPolicy::default() };
        let verdicts: Vec<_> = (1..=3)
            .map(|made| policy.verdict(at_the_same_server(made), Safety::Read, Failure::NotSent, 1.0))
            .collect();
        assert_eq!(
            verdicts,
            [
                Verdict::RepeatAfter(Duration::from_millis(100)),
                Verdict::RepeatAfter(Duration::from_millis(200)),
                Verdict::GiveUp,
            ]
        );
        assert_eq!(
            RetryPolicy::none().verdict(at_the_same_server(1), Safety::Read, Failure::NotSent, 1.0),
            Verdict::GiveUp
        );
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_the_longest(failures in any::<u32>(), jitter in 0.0..=1.0) {
            let policy = RetryPolicy::default();
            prop_assert!(policy.pause(failures, jitter) <= policy.backoff_max);
        }
    }
}
