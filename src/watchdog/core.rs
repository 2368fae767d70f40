use std::collections::{BTreeMap, BTreeSet};

/// A thread that must make progress. Numbered in the order in which they began.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Part {
    pub(super) number: u64,
    /// For the log.
    pub(super) name: &'static str,
}

/// What the watch wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Tell the service manager that the node works. Only said while every part makes progress.
    Ping,
    /// Say in the log that a part makes no progress, and for how many milliseconds. Said once for each time it stops.
    ReportStuck(Part, u64),
    /// Say in the log that it goes on.
    ReportBack(Part),
}

/// Whether every part of the node makes progress.
#[derive(Debug)]
pub(super) struct WatchdogCore {
    patience_ms: u64,
    /// How often each part has come by, and when that number last changed.
    seen: BTreeMap<Part, (u64, u64)>,
    stuck: BTreeSet<Part>,
}

impl WatchdogCore {
    /// A part that does not come by for longer than `patience_ms` is stuck.
    pub(super) fn new(patience_ms: u64) -> WatchdogCore {
        WatchdogCore { patience_ms, seen: BTreeMap::new(), stuck: BTreeSet::new() }
    }

    /// Looks at how often each part has come by since it began. Parts that have ended are left out.
    pub(super) fn step(&mut self, now_ms: u64, counts: &BTreeMap<Part, u64>) -> Vec<Effect> {
        self.seen.retain(|part, _| counts.contains_key(part));
        self.stuck.retain(|part| counts.contains_key(part));
        let mut effects = Vec::new();
        for (part, count) in counts {
            let (known, since_ms) = self.seen.entry(part.clone()).or_insert((*count, now_ms));
            if known != count {
                (*known, *since_ms) = (*count, now_ms);
            }
            let still_ms = now_ms.saturating_sub(*since_ms);
            if still_ms <= self.patience_ms {
                if self.stuck.remove(part) {
                    effects.push(Effect::ReportBack(part.clone()));
                }
            } else if self.stuck.insert(part.clone()) {
                effects.push(Effect::ReportStuck(part.clone(), still_ms));
            }
        }
        if self.stuck.is_empty() {
            effects.push(Effect::Ping);
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: Part = Part { number: 1, name: "lane" };
    const HTTP: Part = Part { number: 2, name: "HTTP worker" };

    fn counts(counts: &[(Part, u64)]) -> BTreeMap<Part, u64> {
        counts.iter().cloned().collect()
    }

    #[test]
    fn pings_go_out_while_every_part_comes_by_and_none_while_a_lane_is_stuck() {
        let mut core = WatchdogCore::new(100);
        assert_eq!(core.step(0, &counts(&[(LANE, 1), (HTTP, 1)])), [Effect::Ping]);
        assert_eq!(core.step(100, &counts(&[(LANE, 1), (HTTP, 2)])), [Effect::Ping]);
        let stuck = core.step(101, &counts(&[(LANE, 1), (HTTP, 3)]));
        assert_eq!(stuck, [Effect::ReportStuck(LANE, 101)]);
        assert_eq!(core.step(500, &counts(&[(LANE, 1), (HTTP, 4)])), [], "said once");
        let back = core.step(600, &counts(&[(LANE, 2), (HTTP, 5)]));
        assert_eq!(back, [Effect::ReportBack(LANE), Effect::Ping]);
    }

    #[test]
    fn a_part_that_never_came_by_is_stuck_after_the_same_time() {
        let mut core = WatchdogCore::new(100);
        assert_eq!(core.step(50, &counts(&[(HTTP, 0)])), [Effect::Ping]);
        assert_eq!(core.step(151, &counts(&[(HTTP, 0)])), [Effect::ReportStuck(HTTP, 101)]);
    }

    #[test]
    fn a_part_that_has_ended_is_not_waited_for() {
        let mut core = WatchdogCore::new(100);
        core.step(0, &counts(&[(LANE, 1), (HTTP, 1)]));
        assert_eq!(core.step(200, &counts(&[(HTTP, 2), (LANE, 1)])), [Effect::ReportStuck(LANE, 200)]);
        assert_eq!(core.step(300, &counts(&[(HTTP, 3)])), [Effect::Ping]);
    }
}
