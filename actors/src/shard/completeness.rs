//! Whether a replica lacks something that it, or the disk that it had before, ever acknowledged.
//!
//! A replica that lost its memory, or is given the shard for the first time, stores and acknowledges what comes, but its
//! reads count towards no quorum until it was compared with every other replica: a write may have been acknowledged by it
//! and any one of them.

use super::event::RoundEnd;
use crate::ids::NodeId;
use crate::mutation::{Mutation, is_on};
use crate::store::ShardState;
use std::collections::BTreeSet;

/// How far a replica is from lacking nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Completeness {
    state: ShardState,
    /// Complete replicas that this one was compared with since the state began, or since it was opened.
    compared: BTreeSet<NodeId>,
    has_more_to_store: bool,
}

impl Completeness {
    pub(super) fn new(state: ShardState) -> Completeness {
        Completeness { state, compared: BTreeSet::new(), has_more_to_store: false }
    }

    pub(super) fn may_vote(&self) -> bool {
        match self.state {
            ShardState::Live => true,
            ShardState::Amnesiac => is_on(Mutation::AmnesiacVotes),
            ShardState::Receiving | ShardState::Dropping => false,
        }
    }

    /// Whether it waits for comparisons after a loss.
    pub(super) fn is_amnesiac(&self) -> bool {
        self.state == ShardState::Amnesiac
    }

    /// Whether its rows are on their way out: what would be added now would go with them.
    pub(super) fn is_dropping(&self) -> bool {
        self.state == ShardState::Dropping
    }

    /// A replica that is on its way here, or on its way out, does not become one that was complete: what it lost it is compared
    /// for in any case.
    pub(super) fn set(&mut self, state: ShardState) {
        let is_under_way = matches!(self.state, ShardState::Receiving | ShardState::Dropping);
        let state = if is_under_way && state == ShardState::Amnesiac { self.state } else { state };
        self.has_more_to_store |= state != self.state;
        self.state = state;
        self.compared.clear();
    }

    pub(super) fn round_is_stored(&mut self, end: &RoundEnd) {
        let counts = match self.state {
            ShardState::Live | ShardState::Dropping => return,
            ShardState::Amnesiac | ShardState::Receiving => end.side.is_complete && end.is_after_acks,
        };
        if counts {
            self.compared.insert(end.side.peer);
        }
        if end.others.is_subset(&self.compared) {
            self.set(ShardState::Live);
        }
    }

    pub(super) fn has_more_to_store(&self) -> bool {
        self.has_more_to_store
    }

    pub(super) fn for_row(&mut self) -> ShardState {
        self.has_more_to_store = false;
        self.state
    }

    pub(super) fn was_refused(&mut self) {
        self.has_more_to_store = true;
    }
}
