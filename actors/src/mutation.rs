//! Mistakes that tests put back in on purpose: a simulator that does not find them finds nothing.
//!
//! A core asks [`is_on`] at the very place of a mistake. Only tests of this crate have the feature `mutations`: without
//! it the answer is a constant, and the compiler leaves nothing of the question in the program.

macro_rules! mutations {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A mistake that somebody could make, or made.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Mutation {
            $($(#[$doc])* $name,)*
        }

        impl Mutation {
            /// Every mistake.
            pub const ALL: &[Mutation] = &[$(Mutation::$name),*];
        }
    };
}

mutations! {
    /// A shard that lost its memory goes on under the actor id of the epoch before.
    ActorIdReusedAfterAmnesia,
    /// A shard goes on above what is stored, not above the watermark.
    WatermarkIgnored,
    /// The stored watermark is the newest time, not one ahead of it.
    WatermarkNotAhead,
    /// A token that shows dots of mine which I never minted is taken as it is.
    UnknownDotOfMineTaken,
    /// An environment that was closed cleanly goes on in its epoch, whichever file it is.
    WitnessAlwaysTrue,
    /// A store that refused a batch goes on in its epoch after a clean close.
    EndEpochSkipped,
    /// A write builds on what is stored, although a newer state is on its way to the disk.
    OverlayIgnored,
    /// After a refusal, writes go on building on what was refused.
    OverlayKeptAfterRefusal,
    /// Pollers are woken when a write is handed to the lane.
    NotifyBeforeCommit,
    /// A poll looks first and subscribes afterwards.
    SubscribeAfterLook,
    /// A signal that comes during a look is forgotten.
    SignalDuringLookForgotten,
    /// The list of recent changes forgets its oldest entry without saying so.
    RingFloorNotRaised,
    /// A seen marker covers what a shard minted, not only what is committed.
    MarkerOfWhatWasMinted,
    /// The next page begins with the last key of the page before.
    PageCursorOffByOne,
    /// The limit counts items that the filter hides.
    LimitBeforeFilter,
    /// The next page of the index begins with the last key of the page before.
    IndexCursorOffByOne,
    /// The control plane shows and acknowledges a change before it is durable.
    PublishBeforePersist,
    /// A change of the control plane that was not stored counts as made.
    RefusedChangeMade,
    /// A tombstone on a key that never existed may use what is kept for deletions.
    NewTombstoneTakesReserve,
    /// A deletion needs as much room as any write.
    DeletionCountsAsGrowth,
    /// The store moves an item's counters in a transaction of their own.
    CountersOutsideTheTransaction,
    /// The digests of segments in memory do not follow the commits.
    DigestsBehindTheCommits,
    /// A store commits a part of a group, then the rest.
    BatchSplitOverTransactions,
    /// A write whose coordinator does not answer is given to another one.
    SecondCoordinatorAfterSilence,
    /// A replica's state is merged without the clock that it was stripped by.
    MergeWithoutTheClock,
    /// A read of an item is satisfied with the nearest replica's state.
    ItemFromOneReplica,
    /// A read shows what too few replicas hold, although they were not brought up to date.
    AnsweredWithoutTheRepair,
    /// The index shows what the first replica counts, whatever the others hold.
    IndexFromOneReplica,
    /// The pages of replicas are merged beyond the end of the shortest.
    PageMergedBeyondItsEnd,
    /// Items that a replica holds as deleted are left out before its page is merged.
    FilterBeforeMerge,
    /// A poll that lost a replica subscribes again and does not look.
    LostReplicaNotLookedAt,
    /// A replica's pair of a seen marker is used at another replica.
    MarkerOfAnotherReplica,
    /// A token serves every item.
    TokenOfAnotherItemAccepted,
    /// A group is answered once its record was handed to the system.
    AcknowledgedBeforeTheSync,
    /// Room in the journal is used again before the tree holds what lay there.
    RoomGivenBackBeforeTheTree,
    /// A snapshot takes tables and tree one after the other and does not look again.
    OldTableHidesNewerTree,
    /// A node that does not know yet whether it lost something counts in a read quorum.
    UndecidedNodeVotes,
    /// A node that lost something counts in a read quorum.
    LostNodeVotes,
    /// A node that hears of a later commit of its own goes on.
    LaterCommitIgnored,
    /// A node that lost something and starts once more asks as if it had not.
    LossForgottenByRestart,
    /// A node that starts while it asks compares what it has by then.
    AskingSinceTheLastStart,
    /// A node tells peers of its commits before it is durable that it need not ask any more.
    ToldBeforeItIsDurable,
    /// A peer that starts anew is answered before shards know of it.
    RebornPeerNotAnnounced,
    /// A shard's clock is raised when a round begins, before what it brings is stored.
    ClockRaisedBeforeTheRound,
    /// A shard's clock is raised to what the other replica had committed when the round ended.
    ClockRaisedToTheEndOfTheRound,
    /// Replicas whose items have the same contexts are taken for equal.
    ContextTakenForState,
    /// A tombstone is dropped although the shard's clock does not cover everything that it knows.
    UnknownTombstoneDropped,
    /// A replica that lost its memory says that it is complete.
    AmnesiacReplicaCounted,
    /// A shard is removed once the newest layout version does not name this node, while an older one still does.
    ShardDroppedBeforeRetirement,
    /// A recovery leaves out the newest record.
    ReplayStopsOneRecordEarly,
    /// Reads move to a layout version when the first of a shard's new replicas has compared.
    ReadsMovedBeforeEveryReplicaSynced,
    /// Writes stop to use a layout version that other nodes still read by.
    WritesLeaveAVersionBeforeItsReaders,
    /// A node that lost a shard drops it while others may still ask it for that shard.
    ShardDroppedBeforeTheVersionRetired,
    /// A node acks a layout version although writes that use only older ones are under way.
    LayoutAckBeforeOlderWritesEnded,
    /// The quorum of a write is counted over the replicas of all layout versions together.
    QuorumCountedOverVersionsTogether,
    /// What a replica acknowledged before it lost its memory counts.
    AckOfAnEarlierIncarnationCounted,
    /// A replica that lost its memory votes.
    AmnesiacVotes,
    /// A replica that lacks something closes the actors that others compare with it.
    IncompleteReplicaClosesActors,
    /// The shard clock covers what was minted, not only what is committed.
    ClockOfWhatWasMinted,
    /// Rows are stripped by a clock that is not stored.
    StrippedByAClockNotStored,
    /// States leave for other replicas without the clock that they were stripped by.
    StateSentStripped,
    /// Other replicas are sent what a write adds, not the whole state.
    MergeSentAsDelta,
    /// A replica merges without its own clock: what it has dropped comes back.
    OwnClockLeftOutOfMerges,
    /// What another replica sends replaces the state instead of being merged into it.
    MergeReplaces,
    /// A merge is acknowledged before it is durable.
    MergeAcknowledgedBeforeTheCommit,
    /// A layout version counts as passed when the first node has accepted it.
    LayoutLiveWithoutMajority,
    /// A node promises not to accept smaller ballots, and does not say what it accepted under one.
    AcceptedVersionNotReported,
    /// A node answers a proposer before its promise is durable.
    AcceptorAnswersBeforePersist,
    /// A change of the control plane is acknowledged once this node alone holds it.
    ChangeAcknowledgedWithoutMajority,
    /// A node that applies a layout a second time uses the ballots of the first again.
    BallotUsedAgain,
}

impl Mutation {
    /// The mistakes that the runs of anti-entropy's own tests find.
    pub const OF_ANTI_ENTROPY: &[Mutation] = &[
        Mutation::ClockRaisedBeforeTheRound,
        Mutation::ClockRaisedToTheEndOfTheRound,
        Mutation::ContextTakenForState,
        Mutation::UnknownTombstoneDropped,
        Mutation::StateSentStripped,
        Mutation::AmnesiacReplicaCounted,
        Mutation::ShardDroppedBeforeRetirement,
    ];

    /// The mistakes that the tests of layout and control plane find.
    pub const OF_THE_CONTROL_PLANE: &[Mutation] = &[
        Mutation::ReadsMovedBeforeEveryReplicaSynced,
        Mutation::WritesLeaveAVersionBeforeItsReaders,
        Mutation::ShardDroppedBeforeTheVersionRetired,
        Mutation::LayoutAckBeforeOlderWritesEnded,
        Mutation::LayoutLiveWithoutMajority,
        Mutation::AcceptedVersionNotReported,
        Mutation::AcceptorAnswersBeforePersist,
        Mutation::ChangeAcknowledgedWithoutMajority,
        Mutation::BallotUsedAgain,
    ];

    /// The mistakes that the simulator of lost memories finds.
    pub const OF_INCARNATIONS: &[Mutation] = &[
        Mutation::UndecidedNodeVotes,
        Mutation::LostNodeVotes,
        Mutation::LaterCommitIgnored,
        Mutation::LossForgottenByRestart,
        Mutation::AskingSinceTheLastStart,
        Mutation::ToldBeforeItIsDurable,
        Mutation::RebornPeerNotAnnounced,
    ];

    /// The mistakes that tests of shards with several replicas find.
    pub const OF_THE_STATES: &[Mutation] = &[
        Mutation::QuorumCountedOverVersionsTogether,
        Mutation::AckOfAnEarlierIncarnationCounted,
        Mutation::AmnesiacVotes,
        Mutation::IncompleteReplicaClosesActors,
        Mutation::ClockOfWhatWasMinted,
        Mutation::StrippedByAClockNotStored,
        Mutation::StateSentStripped,
        Mutation::MergeSentAsDelta,
        Mutation::OwnClockLeftOutOfMerges,
        Mutation::MergeReplaces,
        Mutation::MergeAcknowledgedBeforeTheCommit,
    ];

    /// The mistakes that the tests of the reads of several replicas find.
    pub const OF_THE_REPLICAS: &[Mutation] = &[
        Mutation::SecondCoordinatorAfterSilence,
        Mutation::MergeWithoutTheClock,
        Mutation::ItemFromOneReplica,
        Mutation::IndexFromOneReplica,
        Mutation::PageMergedBeyondItsEnd,
        Mutation::FilterBeforeMerge,
        Mutation::LostReplicaNotLookedAt,
        Mutation::MarkerOfAnotherReplica,
    ];
}

#[cfg(feature = "mutations")]
mod switch {
    use super::Mutation;
    use std::cell::Cell;

    thread_local! {
        static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    /// Whether the cores of this thread make the mistake.
    pub fn is_on(mutation: Mutation) -> bool {
        ON.get() == Some(mutation)
    }

    /// Has the cores of this thread make one mistake from now on, or none.
    pub fn turn_on(mutation: Option<Mutation>) {
        ON.set(mutation);
    }
}
#[cfg(feature = "mutations")]
pub use switch::{is_on, turn_on};

/// Has the cores make no mistake, which they do not: a build without the feature `mutations` knows no other.
#[cfg(not(feature = "mutations"))]
pub fn turn_on(mutation: Option<Mutation>) {
    assert!(mutation.is_none(), "{mutation:?} takes a build with the feature `mutations`");
}

/// Whether the cores make the mistake: they do not.
#[cfg(not(feature = "mutations"))]
#[inline(always)]
pub const fn is_on(_: Mutation) -> bool {
    false
}
