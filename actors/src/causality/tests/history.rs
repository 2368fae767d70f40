//! The oracle: causal histories as plain sets, with no vectors and no clocks in them.
//!
//! An event is one write, and it carries the set of all events that its context covered. Whoever knows a set of events
//! sees as alive exactly those that are in no other known event's set. This is the definition that version vectors
//! compress (Preguiça et al., 2010, section 2).

use crate::causality::Dot;
use std::collections::{BTreeMap, BTreeSet};

/// A set of writes, each named by its dot.
pub(super) type Events = BTreeSet<Dot>;

/// Everything that was ever written to one item, anywhere.
#[derive(Default)]
pub(super) struct History {
    past_of: BTreeMap<Dot, Events>,
}

impl History {
    /// Records a write whose context covered `past`.
    pub(super) fn record(&mut self, event: Dot, past: Events) {
        let earlier = self.past_of.insert(event, past);
        assert!(earlier.is_none(), "the test minted {event:?} twice");
    }

    /// What is alive for someone who knows `known`.
    pub(super) fn live(&self, known: &Events) -> Events {
        let is_covered = |event: &Dot| known.iter().any(|other| self.past_of[other].contains(event));
        known.iter().copied().filter(|event| !is_covered(event)).collect()
    }

    /// Every event there is.
    pub(super) fn all(&self) -> impl Iterator<Item = Dot> {
        self.past_of.keys().copied()
    }
}
