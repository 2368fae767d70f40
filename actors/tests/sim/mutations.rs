//! Bugs that are put back in on purpose, all of them outside of the production code: a simulator that does not find
//! them finds nothing.

use crate::invariants::{counters, dots, polls, ranges, readable, tokens};

/// Which bug a run has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mutation {
    /// None.
    None,
    /// A node that lost its memory goes on as if it had been closed cleanly: same epoch, same actor ids.
    ActorIdReusedAfterAmnesia,
    /// Pollers are woken when a write is handed to the lane.
    NotifyBeforeCommit,
    /// A poll of an item reads first and subscribes afterwards.
    ReadBeforeSubscribe,
    /// The store moves an item's counters in a transaction of their own.
    CountersOutsideTheTransaction,
    /// A token is opened with the item that it was issued for, whatever item is written.
    TokenOfAnotherItemAccepted,
}

impl Mutation {
    pub(crate) const ALL: [Mutation; 5] = [
        Mutation::ActorIdReusedAfterAmnesia,
        Mutation::NotifyBeforeCommit,
        Mutation::ReadBeforeSubscribe,
        Mutation::CountersOutsideTheTransaction,
        Mutation::TokenOfAnotherItemAccepted,
    ];

    /// The invariants of which one breaks.
    pub(crate) fn breaks(self) -> &'static [&'static str] {
        match self {
            Mutation::None => &[],
            Mutation::ActorIdReusedAfterAmnesia => {
                &[dots::ONCE, dots::ALIVE, readable::READABLE, tokens::EXACT]
            }
            Mutation::NotifyBeforeCommit => &[polls::AWAKE, polls::CURRENT, ranges::FINAL],
            Mutation::ReadBeforeSubscribe => &[polls::AWAKE, polls::CURRENT],
            Mutation::CountersOutsideTheTransaction => &[counters::EXACT],
            Mutation::TokenOfAnotherItemAccepted => &[tokens::BOUND],
        }
    }
}
