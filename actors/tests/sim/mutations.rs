//! Which promises break when a known mistake is put back into the cores: a simulator that does not find it finds
//! nothing.

use crate::cluster::invariants as of_a_cluster;
use crate::invariants::{
    control, counters, digests, dots, pages, polls, ranges, readable, recovered, refused, rest, snapshots,
    tokens,
};
use troupe_actors::mutation::Mutation;

/// The invariants of one node of which one breaks; none if the mistake is looked for elsewhere.
pub(crate) fn breaks(mutation: Mutation) -> &'static [&'static str] {
    match mutation {
        Mutation::ActorIdReusedAfterAmnesia
        | Mutation::UnknownDotOfMineTaken
        | Mutation::WitnessAlwaysTrue
        | Mutation::EndEpochSkipped => {
            &[dots::ONCE, dots::ALIVE, readable::READABLE, tokens::EXACT, rest::SOUND]
        }
        Mutation::WatermarkIgnored | Mutation::WatermarkNotAhead => {
            &[dots::ONCE, dots::ALIVE, readable::READABLE, tokens::EXACT, ranges::FINAL, polls::CURRENT]
        }
        Mutation::OverlayIgnored => &[readable::READABLE, dots::ALIVE, counters::EXACT, digests::EXACT],
        Mutation::OverlayKeptAfterRefusal => {
            &[readable::READABLE, refused::HONEST, counters::EXACT, digests::EXACT]
        }
        Mutation::NotifyBeforeCommit | Mutation::SignalDuringLookForgotten => {
            &[polls::AWAKE, polls::CURRENT, ranges::FINAL]
        }
        Mutation::SubscribeAfterLook => &[polls::AWAKE, polls::CURRENT, ranges::FINAL, rest::FORGOTTEN],
        Mutation::RingFloorNotRaised | Mutation::MarkerOfWhatWasMinted => &[polls::CURRENT, ranges::FINAL],
        Mutation::PageCursorOffByOne | Mutation::IndexCursorOffByOne => &[pages::ONCE],
        Mutation::LimitBeforeFilter => &[pages::LIMIT],
        Mutation::PublishBeforePersist | Mutation::RefusedChangeMade => &[control::DURABLE, control::MADE],
        Mutation::NewTombstoneTakesReserve | Mutation::DeletionCountsAsGrowth => &[rest::DELETABLE],
        Mutation::CountersOutsideTheTransaction => &[counters::EXACT, digests::EXACT],
        Mutation::DigestsBehindTheCommits => &[digests::EXACT],
        Mutation::BatchSplitOverTransactions => &[recovered::KEPT, recovered::OPENED, counters::EXACT],
        Mutation::TokenOfAnotherItemAccepted => &[tokens::BOUND],
        Mutation::AcknowledgedBeforeTheSync | Mutation::ReplayStopsOneRecordEarly => &[recovered::KEPT],
        Mutation::RoomGivenBackBeforeTheTree => &[recovered::KEPT, recovered::OPENED],
        Mutation::OldTableHidesNewerTree => &[snapshots::MOMENT],
        Mutation::SecondCoordinatorAfterSilence
        | Mutation::ClockRaisedBeforeTheRound
        | Mutation::ClockRaisedToTheEndOfTheRound
        | Mutation::ContextTakenForState
        | Mutation::UnknownTombstoneDropped
        | Mutation::AmnesiacReplicaCounted
        | Mutation::ShardDroppedBeforeRetirement
        | Mutation::MergeWithoutTheClock
        | Mutation::ItemFromOneReplica
        | Mutation::AnsweredWithoutTheRepair
        | Mutation::IndexFromOneReplica
        | Mutation::PageMergedBeyondItsEnd
        | Mutation::FilterBeforeMerge
        | Mutation::LostReplicaNotLookedAt
        | Mutation::MarkerOfAnotherReplica
        | Mutation::ReadsMovedBeforeEveryReplicaSynced
        | Mutation::WritesLeaveAVersionBeforeItsReaders
        | Mutation::ShardDroppedBeforeTheVersionRetired
        | Mutation::LayoutAckBeforeOlderWritesEnded
        | Mutation::UndecidedNodeVotes
        | Mutation::LostNodeVotes
        | Mutation::LaterCommitIgnored
        | Mutation::LossForgottenByRestart
        | Mutation::AskingSinceTheLastStart
        | Mutation::ToldBeforeItIsDurable
        | Mutation::RebornPeerNotAnnounced
        | Mutation::QuorumCountedOverVersionsTogether
        | Mutation::AckOfAnEarlierIncarnationCounted
        | Mutation::AmnesiacVotes
        | Mutation::IncompleteReplicaClosesActors
        | Mutation::ClockOfWhatWasMinted
        | Mutation::StrippedByAClockNotStored
        | Mutation::StateSentStripped
        | Mutation::MergeSentAsDelta
        | Mutation::OwnClockLeftOutOfMerges
        | Mutation::MergeReplaces
        | Mutation::MergeAcknowledgedBeforeTheCommit
        | Mutation::LayoutLiveWithoutMajority
        | Mutation::AcceptedVersionNotReported
        | Mutation::AcceptorAnswersBeforePersist
        | Mutation::ChangeAcknowledgedWithoutMajority
        | Mutation::BallotUsedAgain => &[],
    }
}

/// Mistakes that a cluster finds, each with the invariants of which one breaks. `AnsweredWithoutTheRepair` and
/// `IncompleteReplicaClosesActors` are too rare for it: their cores' own tests hold those rules.
pub(crate) const OF_A_CLUSTER: &[(Mutation, &[&str])] = &[
    (
        Mutation::ActorIdReusedAfterAmnesia,
        &[dots::ONCE, dots::ALIVE, of_a_cluster::held::EXACT, of_a_cluster::context::TRUE],
    ),
    (Mutation::OverlayIgnored, &[of_a_cluster::held::EXACT, counters::EXACT]),
    (Mutation::TokenOfAnotherItemAccepted, &[tokens::BOUND]),
    (Mutation::AcknowledgedBeforeTheSync, &[recovered::KEPT]),
    (Mutation::QuorumCountedOverVersionsTogether, &[of_a_cluster::acknowledged::DURABLE]),
    (Mutation::SecondCoordinatorAfterSilence, &[of_a_cluster::readable::ONCE, refused::HONEST]),
    (Mutation::MergeWithoutTheClock, &[of_a_cluster::readable::DEAD]),
    (Mutation::ItemFromOneReplica, &[of_a_cluster::readable::READABLE, of_a_cluster::readable::DEAD]),
    (Mutation::FilterBeforeMerge, &[of_a_cluster::readable::DEAD]),
    (
        Mutation::AckOfAnEarlierIncarnationCounted,
        &[of_a_cluster::acknowledged::DURABLE, of_a_cluster::readable::READABLE],
    ),
    (Mutation::AmnesiacVotes, &[of_a_cluster::readable::READABLE, of_a_cluster::readable::DEAD]),
    (Mutation::ClockOfWhatWasMinted, &[of_a_cluster::context::TRUE]),
    (
        Mutation::StrippedByAClockNotStored,
        &[
            of_a_cluster::held::EXACT,
            of_a_cluster::context::TRUE,
            of_a_cluster::readable::DEAD,
            of_a_cluster::converged::EQUAL,
        ],
    ),
    (Mutation::StateSentStripped, &[of_a_cluster::held::EXACT, of_a_cluster::readable::DEAD]),
    (Mutation::MergeSentAsDelta, &[of_a_cluster::held::EXACT, of_a_cluster::readable::READABLE]),
    (Mutation::OwnClockLeftOutOfMerges, &[of_a_cluster::held::EXACT, of_a_cluster::readable::DEAD]),
    (Mutation::MergeReplaces, &[of_a_cluster::held::EXACT, of_a_cluster::readable::READABLE]),
    (
        Mutation::MergeAcknowledgedBeforeTheCommit,
        &[of_a_cluster::acknowledged::DURABLE, of_a_cluster::readable::READABLE],
    ),
];
