//! One replica's state of one item, as it takes part in a merge.

use crate::causality::{Context, Item};
use crate::mutation::{Mutation, is_on};

/// A replica's state of an item and the shard clock that the state was stripped by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicaItem {
    /// The state as it is stored; empty if the replica has no row of it.
    pub item: Item<'static>,
    /// The replica's shard clock, read before its state.
    pub clock: Context,
}

impl ReplicaItem {
    /// The join of the states, each filled with its clock; `None` if there is none.
    pub fn merge_all<'r>(states: impl IntoIterator<Item = &'r ReplicaItem>) -> Option<Item<'static>> {
        let filled = states.into_iter().map(|state| filled(state.item.clone(), &state.clock));
        filled.reduce(|mut merged, other| {
            merged.merge(&other);
            merged
        })
    }
}

/// The state with the clock in its context: the form in which it may be merged.
pub(super) fn filled<'a>(mut item: Item<'a>, clock: &Context) -> Item<'a> {
    if !is_on(Mutation::MergeWithoutTheClock) {
        item.fill(clock);
    }
    item
}
