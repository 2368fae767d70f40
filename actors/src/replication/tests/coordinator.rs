use crate::ids::NodeId;
use crate::mutation::{Mutation, turn_on};
use crate::replication::coordinator::{CoordinateError, Coordination, Effect, Outcome};
use crate::replication::message::WriteRefusal;
use crate::shard::WriteError;
use crate::transport::{NotSent, Refusal, UnknownOutcome};

fn node(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// What a write with two candidates wants done, one answer after the other.
fn effects(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<Effect> {
    let (mut write, first) = Coordination::start(vec![node(1), node(2)]);
    std::iter::once(first).chain(outcomes.into_iter().map(|outcome| write.step(outcome))).collect()
}

const NOT_SENT: Outcome = Outcome::NoAnswer(crate::transport::RequestError::NotSent(NotSent::NoLink));
const SILENT: Outcome = Outcome::NoAnswer(crate::transport::RequestError::Unknown(UnknownOutcome::LinkLost));

#[test]
fn the_nearest_replica_coordinates_a_write() {
    assert_eq!(effects([Outcome::Own(Ok(()))]), [Effect::Ask(node(1)), Effect::Answer(Ok(()))]);
    assert_eq!(effects([Outcome::Stored]), [Effect::Ask(node(1)), Effect::Answer(Ok(()))]);
}

#[test]
fn a_replica_that_certainly_did_nothing_is_followed_by_the_next() {
    let passes_on = [
        NOT_SENT,
        Outcome::NoAnswer(Refusal::NotServed.into()),
        Outcome::Own(Err(WriteError::Overloaded)),
        Outcome::Own(Err(WriteError::Stopping)),
        Outcome::Refused(WriteRefusal::Overloaded),
        Outcome::Refused(WriteRefusal::Stopping),
        Outcome::Refused(WriteRefusal::NotCoordinator),
        Outcome::Refused(WriteRefusal::InsufficientStorage),
        Outcome::Refused(WriteRefusal::NotRead),
    ];
    for outcome in passes_on {
        let effects = effects([outcome, Outcome::Stored]);
        assert_eq!(effects, [Effect::Ask(node(1)), Effect::Ask(node(2)), Effect::Answer(Ok(()))]);
    }
}

#[test]
fn a_replica_that_may_have_done_something_is_not_followed_by_another() {
    let unknown = [Effect::Ask(node(1)), Effect::Answer(Err(CoordinateError::Unknown))];
    assert_eq!(effects([SILENT]), unknown);
    assert_eq!(effects([Outcome::Refused(WriteRefusal::Unknown)]), unknown);
    assert!(!CoordinateError::Unknown.is_certainly_not_stored());
    turn_on(Some(Mutation::SecondCoordinatorAfterSilence));
    assert_ne!(effects([SILENT]), unknown);
    turn_on(None);
}

#[test]
fn what_is_the_clients_fault_is_said_at_once() {
    let too_many = WriteError::TooManyConcurrentValues { max: 3 };
    let answer = [Effect::Ask(node(1)), Effect::Answer(Err(too_many.clone().into()))];
    assert_eq!(effects([Outcome::Own(Err(too_many))]), answer);
    assert_eq!(effects([Outcome::Refused(WriteRefusal::TooManyConcurrentValues(3))]), answer);
}

#[test]
fn without_candidates_the_answer_is_the_first_reason_that_one_gave() {
    let last = |outcomes: [Outcome; 2]| effects(outcomes).pop().unwrap();
    assert_eq!(last([NOT_SENT, NOT_SENT]), Effect::Answer(Err(CoordinateError::NoReplica)));
    let full = || Outcome::Refused(WriteRefusal::InsufficientStorage);
    assert_eq!(last([full(), NOT_SENT]), Effect::Answer(Err(CoordinateError::NoRoom)));
    assert_eq!(last([NOT_SENT, full()]), Effect::Answer(Err(CoordinateError::NoRoom)));
    assert!(CoordinateError::NoRoom.is_certainly_not_stored());
    assert_eq!(Coordination::start(vec![]).1, Effect::Answer(Err(CoordinateError::NoReplica)));
}
