use super::identity::MemberId;
use foca::Timer;
use std::time::Duration;

/// A delay beyond which this node was not running: stopped, suspended, or without a processor.
const ASLEEP: Duration = Duration::from_secs(2);

/// What foca wants to be reminded of, the earliest last.
#[derive(Debug, Default)]
pub(super) struct Timers {
    waiting: Vec<(Duration, Timer<MemberId>)>,
}

impl Timers {
    /// Remembers `timer` until `due`. There is one reminder per node to forget it: a node that goes up and down costs one,
    /// however often it does.
    pub(super) fn insert(&mut self, due: Duration, timer: Timer<MemberId>) {
        if let Timer::RemoveDown(down) = &timer {
            self.waiting
                .retain(|(_, other)| !matches!(other, Timer::RemoveDown(other) if other.node == down.node));
        }
        let place = self.waiting.partition_point(|(other_due, _)| *other_due > due);
        self.waiting.insert(place, (due, timer));
    }

    /// Takes the timers that are due. A node that slept gives the members that it suspects the time that it missed: it did
    /// not hear their objections.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Timer<MemberId>> {
        let slept = self.next().map(|due| now.saturating_sub(due)).filter(|late| *late >= ASLEEP);
        if let Some(slept) = slept {
            let (suspicions, others) = std::mem::take(&mut self.waiting)
                .into_iter()
                .partition(|(_, timer)| matches!(timer, Timer::ChangeSuspectToDown { .. }));
            self.waiting = others;
            for (due, timer) in suspicions {
                self.insert(due.saturating_add(slept), timer);
            }
        }
        let first_due = self.waiting.partition_point(|(due, _)| *due > now);
        self.waiting.split_off(first_due).into_iter().rev().map(|(_, timer)| timer).collect()
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.waiting.last().map(|(due, _)| *due)
    }
}
