//! Requests that were sent over a link and wait for their answers.

use crate::limits::LINK_REQUESTS_IN_FLIGHT_MAX;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// By request id. `A` is who is told.
pub(crate) struct Pending<A> {
    last_id: u64,
    waiting: BTreeMap<u64, Waiting<A>>,
}

struct Waiting<A> {
    asker: A,
    sent: Instant,
    until: Instant,
}

impl<A> Pending<A> {
    /// Nothing waits.
    pub(crate) fn new() -> Pending<A> {
        Pending { last_id: 0, waiting: BTreeMap::new() }
    }

    /// Whether one more may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < LINK_REQUESTS_IN_FLIGHT_MAX
    }

    /// Whether somebody waits.
    pub(crate) fn is_any_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The id of a request that is sent now.
    pub(crate) fn ask(&mut self, now: Instant, until: Instant, asker: A) -> u64 {
        self.last_id += 1;
        self.waiting.insert(self.last_id, Waiting { asker, sent: now, until });
        self.last_id
    }

    /// Who is told the answer to request `id`, and how long it took. `None` if nobody waits any more.
    pub(crate) fn answered(&mut self, now: Instant, id: u64) -> Option<(A, Duration)> {
        let waiting = self.waiting.remove(&id)?;
        Some((waiting.asker, now.saturating_duration_since(waiting.sent)))
    }

    /// Those whose time is up.
    pub(crate) fn expired(&mut self, now: Instant) -> impl Iterator<Item = A> + use<'_, A> {
        let expired = self.waiting.extract_if(.., move |_, waiting| waiting.until <= now);
        expired.map(|(_, waiting)| waiting.asker)
    }

    /// Everybody who waits, as the link is lost.
    pub(crate) fn into_askers(self) -> impl Iterator<Item = A> {
        self.waiting.into_values().map(|waiting| waiting.asker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_once_and_not_after_its_time() {
        let start = crate::clock::monotonic_now();
        let second = Duration::from_secs(1);
        let mut pending = Pending::new();
        let a = pending.ask(start, start + second, "a");
        let b = pending.ask(start, start + 3 * second, "b");
        assert_eq!(pending.expired(start).count(), 0);
        assert_eq!(pending.expired(start + second).collect::<Vec<_>>(), ["a"]);
        assert_eq!(pending.answered(start + second, a), None);
        assert_eq!(pending.answered(start + 2 * second, b), Some(("b", 2 * second)));
        assert_eq!(pending.answered(start + 2 * second, b), None);
        pending.ask(start, start, "c");
        assert_eq!(pending.into_askers().collect::<Vec<_>>(), ["c"]);
    }
}
