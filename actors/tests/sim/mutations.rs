//! Which promises break when a known mistake is put back into the cores: a simulator that does not find it finds
//! nothing.

use crate::invariants::{
    control, counters, dots, pages, polls, ranges, readable, recovered, refused, rest, snapshots, tokens,
};
use troupe_actors::mutation::Mutation;

/// The invariants of which one breaks.
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
        Mutation::OverlayIgnored => &[readable::READABLE, dots::ALIVE, counters::EXACT],
        Mutation::OverlayKeptAfterRefusal => &[readable::READABLE, refused::HONEST, counters::EXACT],
        Mutation::NotifyBeforeCommit | Mutation::SignalDuringLookForgotten => {
            &[polls::AWAKE, polls::CURRENT, ranges::FINAL]
        }
        Mutation::SubscribeAfterLook => &[polls::AWAKE, polls::CURRENT, ranges::FINAL, rest::FORGOTTEN],
        Mutation::RingFloorNotRaised | Mutation::MarkerOfWhatWasMinted => &[polls::CURRENT, ranges::FINAL],
        Mutation::PageCursorOffByOne | Mutation::IndexCursorOffByOne => &[pages::ONCE],
        Mutation::LimitBeforeFilter => &[pages::LIMIT],
        Mutation::PublishBeforePersist | Mutation::RefusedChangeMade => &[control::DURABLE, control::MADE],
        Mutation::NewTombstoneTakesReserve | Mutation::DeletionCountsAsGrowth => &[rest::DELETABLE],
        Mutation::CountersOutsideTheTransaction => &[counters::EXACT],
        Mutation::TokenOfAnotherItemAccepted => &[tokens::BOUND],
        Mutation::AcknowledgedBeforeTheSync | Mutation::ReplayStopsOneRecordEarly => &[recovered::KEPT],
        Mutation::RoomGivenBackBeforeTheTree => &[recovered::KEPT, recovered::OPENED],
        Mutation::OldTableHidesNewerTree => &[snapshots::MOMENT],
        Mutation::SecondCoordinatorAfterSilence
        | Mutation::MergeWithoutTheClock
        | Mutation::ItemFromOneReplica
        | Mutation::IndexFromOneReplica
        | Mutation::PageMergedBeyondItsEnd
        | Mutation::FilterBeforeMerge
        | Mutation::LostReplicaNotLookedAt
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
        | Mutation::MergeAcknowledgedBeforeTheCommit => &[],
    }
}
