//! What raises a shard clock, and what ends an actor.

use super::*;
use crate::causality::CLOSED;
use crate::ids::ActorId;
use crate::mutation::{Mutation, turn_on};
use crate::shard::{Moment, PeerSide, ShardClock};

const B: NodeId = NodeId([2; 32]);
const C: NodeId = NodeId([3; 32]);
const OWN: ActorId = ActorId(1);
const OF_B: ActorId = ActorId(2);
const OF_C: ActorId = ActorId(3);
/// Of nobody any more.
const ENDED: ActorId = ActorId(9);

fn clock() -> ShardClock {
    ShardClock::open(Context::empty(), OWN, 0, &[])
}

fn side(peer: NodeId, actor: ActorId, committed: u64) -> PeerSide {
    PeerSide { peer, actor, committed, is_complete: true }
}

fn round(clock: &mut ShardClock, began: Moment, side: PeerSide) {
    clock.round_is_stored(began, side, &[B, C].into());
}

fn round_now(clock: &mut ShardClock, side: PeerSide) {
    let began = clock.moment();
    round(clock, began, side);
}

#[test]
fn a_round_raises_the_clock_to_what_the_peer_had_committed() {
    let mut clock = clock();
    round_now(&mut clock, side(B, OF_B, 7));
    assert!(clock.has_more_to_store());
    assert_eq!(clock.for_row().time_of(OF_B), 7);
    assert!(!clock.has_more_to_store());
    round_now(&mut clock, side(B, OF_B, 5));
    assert!(!clock.has_more_to_store());
    assert_eq!(clock.shown().time_of(OF_B), 7);
}

#[test]
fn the_own_entry_is_what_is_committed() {
    let mut clock = clock();
    assert_eq!(clock.shown().time_of(OWN), 0);
    clock.committed_up_to(4);
    assert_eq!(clock.shown().time_of(OWN), 4);
    assert_eq!(clock.known(9).time_of(OWN), 9, "what was minted is in a row or on its way to one");
    assert_eq!(clock.strips_by().time_of(OWN), 0, "it is not stored");
    assert_eq!(clock.for_row().time_of(OWN), 4);
    assert_eq!(clock.strips_by().time_of(OWN), 4);
}

/// Two rounds with each of the others: the first tells that the actor is none of theirs, the second brings what they have.
#[test]
fn an_actor_under_which_nobody_mints_is_closed_after_another_round_with_everybody() {
    let mut clock = clock();
    clock.sighted(ENDED);
    let rounds = [side(B, OF_B, 1), side(C, OF_C, 1), side(B, OF_B, 1), side(C, OF_C, 1)];
    for side in rounds {
        assert_eq!(clock.shown().time_of(ENDED), 0);
        round_now(&mut clock, side);
    }
    assert_eq!(clock.shown().time_of(ENDED), CLOSED);
    assert_eq!(clock.shown().time_of(OF_B), 1);
}

#[test]
fn an_actor_under_which_somebody_mints_is_never_closed() {
    let mut clock = clock();
    clock.sighted(OF_B);
    for _ in 0..9 {
        round_now(&mut clock, side(B, OF_B, 1));
        round_now(&mut clock, side(C, OF_C, 1));
    }
    assert_eq!(clock.shown().time_of(OF_B), 1);
}

#[test]
fn a_round_that_began_before_the_end_of_an_actor_does_not_count() {
    let mut clock = ShardClock::open(Context::empty(), OWN, 5, &[]);
    let early = clock.moment();
    clock.actor_begins(ActorId(4));
    assert_eq!(clock.shown().time_of(OWN), 5);
    round(&mut clock, early, side(B, OF_B, 1));
    round_now(&mut clock, side(C, OF_C, 1));
    assert_eq!(clock.shown().time_of(OWN), 5);
    round_now(&mut clock, side(B, OF_B, 1));
    assert_eq!(clock.shown().time_of(OWN), CLOSED);
}

#[test]
fn a_replica_that_lacks_something_closes_no_actor() {
    let closed = || {
        let mut clock = ShardClock::open(Context::empty(), OWN, 0, &[ENDED]);
        round_now(&mut clock, PeerSide { is_complete: false, ..side(B, OF_B, 1) });
        round_now(&mut clock, side(C, OF_C, 1));
        clock.shown().time_of(ENDED) == CLOSED
    };
    assert!(!closed());
    turn_on(Some(Mutation::IncompleteReplicaClosesActors));
    let is_found = closed();
    turn_on(None);
    assert!(is_found);
}

#[test]
fn a_sole_replica_closes_what_has_ended() {
    let mut clock = ShardClock::open(Context::empty(), OWN, 0, &[ENDED]);
    clock.sighted(OF_B);
    clock.is_sole_replica();
    assert_eq!(clock.strips_by().time_of(ENDED), CLOSED);
    assert_eq!(clock.strips_by().time_of(OF_B), 0, "nobody has said that it ended");
}

/// The rows went with the copy: a clock that covers them in the next one would declare every other replica's values dead.
#[test]
fn what_is_learned_late_of_a_removed_copy_does_not_count_for_the_next_one() {
    let mut clock = clock();
    round_now(&mut clock, side(B, OF_B, 7));
    let began = clock.moment();
    clock.begin_anew(ActorId(4));
    assert!(!clock.is_of_this_copy(began), "it was with the copy before");
    assert_eq!(clock.shown(), Context::empty());
    assert!(clock.is_of_this_copy(clock.moment()));
    round_now(&mut clock, side(B, OF_B, 8));
    assert_eq!(clock.shown().time_of(OF_B), 8);
}
