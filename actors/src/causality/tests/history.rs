//! The oracle: what a replica knows, as plain sets, with no vectors and no clocks in them.
//!
//! An event is one write. Whoever takes in a write also learns which events are overwritten by it; both kinds of
//! knowledge only ever grow, and what is known and not overwritten is alive. This is what version vectors and shard
//! clocks compress.

use crate::causality::Dot;
use std::collections::BTreeSet;

/// A set of writes, each named by its dot.
pub(super) type Events = BTreeSet<Dot>;

/// What one replica was told of one item.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Knowledge {
    pub(super) known: Events,
    pub(super) dead: Events,
}

impl Knowledge {
    /// What is alive.
    pub(super) fn live(&self) -> Events {
        self.known.difference(&self.dead).copied().collect()
    }

    /// What the token of a read covers: of each actor with a live value, everything known up to the newest one.
    pub(super) fn covered_by_token(&self) -> Events {
        let live = self.live();
        let is_covered =
            |event: &Dot| live.iter().any(|newest| newest.actor == event.actor && newest.time >= event.time);
        self.known.iter().copied().filter(is_covered).collect()
    }

    /// A client's write whose token covers `covered`.
    pub(super) fn write(&mut self, dot: Dot, covered: &Events) {
        self.known.extend(covered);
        self.dead.extend(covered);
        assert!(self.known.insert(dot), "the test minted {dot:?} twice");
    }

    /// What another replica knew.
    pub(super) fn learn(&mut self, other: &Knowledge) {
        self.known.extend(&other.known);
        self.dead.extend(&other.dead);
    }

    /// Nothing is left but tombstones, and they are dropped.
    pub(super) fn drop_all(&mut self) {
        self.dead = self.known.clone();
    }
}
