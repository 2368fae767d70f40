//! Waiting for other replicas: for some time, and for no longer than somebody wants to know.

use super::*;
use crate::limits::{PEER_TICKS_MAX, SHARD_WRITES_IN_FLIGHT_MAX};

const PEERS: [NodeId; 2] = [NodeId([2; 32]), NodeId([3; 32])];

fn shared(request: u64) -> Request {
    let plan = WritePlan::majority_of(&[NODE, PEERS[0], PEERS[1]]);
    Request { plan, ..write(request, &request.to_string(), &Context::empty(), b"v", None) }
}

fn merged(batch: u64, peer: NodeId) -> Event {
    Event::PeerAnswered { batch: BatchId(batch), peer, durable: true }
}

fn told(request: u64, outcome: Result<(), WriteError>) -> Effect {
    Effect::Answer { request: RequestId(request), outcome }
}

#[test]
fn peers_that_never_answer_end_a_write_with_an_unknown_outcome() {
    let mut shard = shard();
    let effects = shard.feed(NOW, shared(1));
    assert_eq!(effects.last(), Some(&Effect::ScheduleTick));
    assert_eq!(shard.feed(NOW, persisted(0)), vec![]);
    for _ in 1..PEER_TICKS_MAX {
        assert_eq!(shard.feed(NOW, Event::Tick), vec![Effect::ScheduleTick]);
    }
    let unknown = Err(WriteError::Unknown(UnknownCause::Replicas));
    assert_eq!(shard.feed(NOW, Event::Tick), vec![told(1, unknown)], "and no tick is scheduled any more");
    assert_eq!(shard.feed(NOW, merged(0, PEERS[0])), vec![], "too late");
}

#[test]
fn ticks_are_scheduled_once_for_all_batches_and_each_batch_has_its_whole_time() {
    let mut shard = shard();
    shard.feed(NOW, shared(1));
    shard.feed(NOW, Event::Tick);
    let second = shard.feed(NOW, shared(2));
    assert!(!second.contains(&Effect::ScheduleTick), "one is on its way: {second:?}");
    shard.feed(NOW, persisted(0));
    shard.feed(NOW, persisted(1));
    let mut answers = Vec::new();
    for tick in 2..=PEER_TICKS_MAX + 1 {
        let of_tick = shard.feed(NOW, Event::Tick).into_iter();
        answers.extend(of_tick.filter(|effect| *effect != Effect::ScheduleTick).map(|effect| (tick, effect)));
    }
    let unknown = || Err(WriteError::Unknown(UnknownCause::Replicas));
    let expected = [(PEER_TICKS_MAX, told(1, unknown())), (PEER_TICKS_MAX + 1, told(2, unknown()))];
    assert_eq!(answers, expected);
}

/// 4,096 writes whose third replica never answered stopped a shard for good, although two had, and the clients knew.
#[test]
fn a_peer_that_never_answers_holds_nothing_of_writes_that_stand_without_it() {
    let mut shard = shard();
    for number in 0..=SHARD_WRITES_IN_FLIGHT_MAX as u64 {
        assert!(matches!(shard.feed(NOW, shared(number))[0], Effect::Persist { .. }), "write {number}");
        assert_eq!(shard.feed(NOW, persisted(number)), vec![]);
        assert_eq!(shard.feed(NOW, merged(number, PEERS[0])), vec![told(number, Ok(()))]);
    }
}

#[test]
fn a_disk_that_answers_after_the_peers_were_given_up_on_frees_the_batch() {
    let mut shard = shard();
    shard.feed(NOW, shared(1));
    let given_up = (0..PEER_TICKS_MAX).map(|_| shard.feed(NOW, Event::Tick)).last();
    let unknown = Err(WriteError::Unknown(UnknownCause::Replicas));
    assert_eq!(given_up, Some(vec![told(1, unknown)]));
    assert_eq!(shard.feed(NOW, persisted(0)), vec![]);
    assert_eq!(shard.feed(NOW, persisted(0)), vec![], "it is not known any more");
}
