//! Whether this node may be believed: whether it knows what the others know, and since when it may not.

use super::{ControlCore, Effect};
use crate::clock::WallMs;
use crate::control::status::{ControlStatus, Standing};
use crate::ids::NodeId;
use crate::limits::CLOCK_OFF_MS;
use std::collections::{BTreeMap, BTreeSet};

/// What peers were heard to say.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// When each peer was last known to hold the same rows, by this node's uptime.
    agreed_ms: BTreeMap<NodeId, u64>,
    clocks_off: BTreeMap<NodeId, i64>,
    foreign: BTreeSet<NodeId>,
    reported: Option<ControlStatus>,
}

impl Heard {
    pub(super) fn agreed(&mut self, peer: NodeId, uptime_ms: u64) {
        self.agreed_ms.insert(peer, uptime_ms);
    }

    pub(super) fn foreign(&mut self, peer: NodeId) {
        self.foreign.insert(peer);
    }

    /// A peer's clock, as it was a moment ago.
    pub(super) fn clock(&mut self, peer: NodeId, now: WallMs, theirs_ms: u64) {
        self.foreign.remove(&peer);
        if now.0.abs_diff(theirs_ms) > CLOCK_OFF_MS {
            let ahead = i128::from(theirs_ms) - i128::from(now.0);
            // To the minute: a clock that is off by as much as before is no news.
            let minutes = i64::try_from(ahead / 60_000).unwrap_or(i64::MAX);
            self.clocks_off.insert(peer, minutes.saturating_mul(60_000));
        } else {
            self.clocks_off.remove(&peer);
        }
    }
}

impl ControlCore {
    /// How this node stands, if that changed.
    pub(super) fn report(&mut self) -> Option<Effect> {
        let standing = self.standing();
        let Heard { clocks_off, foreign, .. } = &self.heard;
        let status = ControlStatus { standing, clocks_off: clocks_off.clone(), foreign: foreign.clone() };
        let is_news = self.heard.reported.as_ref() != Some(&status);
        self.heard.reported = Some(status.clone());
        is_news.then_some(Effect::Report(status))
    }

    fn standing(&self) -> Standing {
        if !self.has_joined {
            return Standing::Joining;
        }
        let voters = self.voters();
        let others = voters.iter().filter(|node| **node != self.node);
        let mut agreed_ms: Vec<u64> =
            others.filter_map(|node| self.heard.agreed_ms.get(node).copied()).collect();
        agreed_ms.sort_unstable_by(|a, b| b.cmp(a));
        let needed = voters.len() / 2 + 1 - usize::from(voters.contains(&self.node));
        match needed {
            _ if voters.is_empty() => Standing::Alone,
            0 => Standing::Alone,
            needed => agreed_ms.get(needed - 1).map_or(Standing::Joining, |at| Standing::AgreedAt(*at)),
        }
    }
}
