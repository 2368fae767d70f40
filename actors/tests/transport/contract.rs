//! What every transport promises.

use crate::echo::Heard;
use crate::world::{InMemory, OverTcp, PATIENCE, World, stores_of};
use bytes::Bytes;
use std::time::Duration;
use troupe_actors::clock::monotonic_now;
use troupe_actors::ids::NodeId;
use troupe_actors::limits::MESSAGE_BYTES_MAX;
use troupe_actors::transport::{Link, NotSent, Refusal, RequestError, Subsystem, UnknownOutcome};

macro_rules! contract {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        mod memory {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(InMemory::new()).await; })*
        }

        mod tcp {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(OverTcp::default()).await; })*
        }
    };
}

contract! {
    a_request_is_answered_over_either_link_and_both_ways;
    bodies_of_all_lengths_arrive_as_they_are;
    a_refusal_says_why;
    what_is_told_arrives_with_who_told_it;
    a_request_that_nobody_answers_ends_at_its_deadline;
    a_request_is_sent_although_nobody_polls_or_keeps_its_future;
    a_peer_that_stops_ends_what_waits_and_comes_back_in_a_new_run;
    what_cannot_be_sent_is_not_sent;
    a_request_that_waits_holds_up_no_other;
    requests_of_many_threads_are_answered_each_by_its_own_answer;
}

async fn a_request_is_answered_over_either_link_and_both_ways(mut world: impl World) {
    let (mut a, mut b) = (world.start(1, 5).await, world.start(2, 6).await);
    for link in Link::ALL {
        let body = Bytes::from_static(b"hello");
        let answer = a.peers.request(b.id, link, Subsystem::Merge, body.clone(), PATIENCE).await;
        assert_eq!(answer, Ok(body.clone()));
        while b.hears().await != Heard::Asked(a.id, body.clone()) {}
        let answer = b.peers.request(a.id, link, Subsystem::Merge, body.clone(), PATIENCE).await;
        assert_eq!(answer, Ok(body.clone()));
        while a.hears().await != Heard::Asked(b.id, body.clone()) {}
    }
    for (node, peer, number, boot) in [(&a, b.id, 2, 6), (&b, a.id, 1, 5)] {
        let links = node.peers.links();
        let state = &links[&peer];
        assert!(state.is_up && state.addr.is_some(), "{state:?}");
        assert_eq!((state.boot, &state.environments), (boot, &stores_of(number)));
        assert_eq!(links.len(), 1);
    }
}

async fn bodies_of_all_lengths_arrive_as_they_are(mut world: impl World) {
    let (a, b) = (world.start(1, 1).await, world.start(2, 1).await);
    for length in [0, 1, 1000, 65_535, 65_536, 65_537, 1 << 20, 9 << 20] {
        let body: Bytes = (0..=250).cycle().take(length).collect();
        let answer = a.peers.request(b.id, Link::Bulk, Subsystem::Merge, body.clone(), PATIENCE).await;
        assert!(answer == Ok(body), "{length} bytes come back as they were");
    }
}

async fn a_refusal_says_why(mut world: impl World) {
    let (a, b) = (world.start(1, 1).await, world.start(2, 1).await);
    assert_eq!(a.ask(b.id, "refuse").await, Err(RequestError::Refused(Refusal::Busy)));
    let answer = a.peers.request(b.id, Link::Request, Subsystem::Control, Bytes::new(), PATIENCE).await;
    assert_eq!(answer, Err(RequestError::Refused(Refusal::NotServed)));
}

async fn what_is_told_arrives_with_who_told_it(mut world: impl World) {
    let (a, mut b) = (world.start(1, 1).await, world.start(2, 1).await);
    a.peers.tell(b.id, Subsystem::Merge, Bytes::from_static(b"news")).expect("it is sent");
    while b.hears().await != Heard::Told(a.id, Bytes::from_static(b"news")) {}
}

async fn a_request_that_nobody_answers_ends_at_its_deadline(mut world: impl World) {
    let (a, b) = (world.start(1, 1).await, world.start(2, 1).await);
    let deadline = Duration::from_millis(300);
    let before = monotonic_now();
    let body = Bytes::from_static(b"never");
    let outcome = a.peers.request(b.id, Link::Request, Subsystem::Merge, body, deadline).await;
    assert_eq!(outcome, Err(UnknownOutcome::Deadline.into()));
    assert!(before.elapsed() >= deadline);
}

async fn a_request_is_sent_although_nobody_polls_or_keeps_its_future(mut world: impl World) {
    let (a, mut b) = (world.start(1, 1).await, world.start(2, 1).await);
    drop(a.ask(b.id, "dropped"));
    while b.hears().await != Heard::Asked(a.id, Bytes::from_static(b"dropped")) {}
    assert_eq!(a.ask(b.id, "next").await, Ok("next".into()));
}

async fn a_peer_that_stops_ends_what_waits_and_comes_back_in_a_new_run(mut world: impl World) {
    let (mut a, mut b) = (world.start(1, 1).await, world.start(2, 1).await);
    a.sees(b.id, true).await;
    let waiting = a.ask(b.id, "never");
    while b.hears().await != Heard::Asked(a.id, Bytes::from_static(b"never")) {}
    world.stop(&b).await;
    assert_eq!(waiting.await, Err(UnknownOutcome::LinkLost.into()));
    a.sees(b.id, false).await;
    assert_eq!(a.ask(b.id, "x").await, Err(NotSent::NoLink.into()));
    assert_eq!(b.ask(a.id, "x").await, Err(NotSent::Stopping.into()));
    assert!(!a.peers.links().get(&b.id).is_some_and(|state| state.is_up));
    let b = world.start(2, 2).await;
    a.sees(b.id, true).await;
    assert_eq!(a.ask(b.id, "x").await, Ok("x".into()));
    assert_eq!(a.peers.links()[&b.id].boot, 2);
}

async fn what_cannot_be_sent_is_not_sent(mut world: impl World) {
    let (a, b) = (world.start(1, 1).await, world.start(2, 1).await);
    let stranger = NodeId([99; 32]);
    assert_eq!(a.ask(stranger, "x").await, Err(NotSent::NoLink.into()));
    assert_eq!(a.ask(a.id, "x").await, Err(NotSent::NoLink.into()), "nobody is linked with oneself");
    let body = Bytes::from(vec![0; MESSAGE_BYTES_MAX + 1]);
    assert_eq!(a.peers.tell(b.id, Subsystem::Merge, body.clone()), Err(NotSent::TooLong));
    let outcome = a.peers.request(b.id, Link::Bulk, Subsystem::Merge, body, PATIENCE).await;
    assert_eq!(outcome, Err(NotSent::TooLong.into()));
}

async fn a_request_that_waits_holds_up_no_other(mut world: impl World) {
    let (a, b) = (world.start(1, 1).await, world.start(2, 1).await);
    let waiting: Vec<_> = (0..100).map(|_| a.ask(b.id, "wait")).collect();
    assert_eq!(a.ask(b.id, "x").await, Ok("x".into()));
    for outcome in waiting {
        b.echo.go_on.notify_one();
        assert_eq!(outcome.await, Ok("wait".into()));
    }
}

async fn requests_of_many_threads_are_answered_each_by_its_own_answer(mut world: impl World) {
    let (a, b) = (world.start(1, 1).await, world.start(2, 1).await);
    let threads = (0..4).map(|thread: u32| {
        let (peers, to) = (a.peers.clone(), b.id);
        tokio::task::spawn_blocking(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().build().expect("there is room for it");
            let requests = (0..500u32).map(|number| {
                let body = Bytes::from([thread.to_be_bytes(), number.to_be_bytes()].concat());
                let outcome = peers.request(to, Link::Request, Subsystem::Merge, body.clone(), PATIENCE);
                (body, outcome)
            });
            for (body, outcome) in requests.collect::<Vec<_>>() {
                assert_eq!(runtime.block_on(outcome), Ok(body));
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.await.expect("it ends well");
    }
}
