//! Links over TCP: who is let in, which connection stays, and what becomes of addresses.

use crate::echo::Heard;
use crate::world::{Nature, PATIENCE, TcpNode, id_of};
use bytes::Bytes;
use std::net::TcpListener;
use std::time::Duration;
use troupe_actors::clock::monotonic_now;
use troupe_actors::ids::ClusterId;
use troupe_actors::transport::{Carry, Link, NotSent, PeerAddr, Subsystem};

fn anybody_at(addr: &str) -> PeerAddr {
    PeerAddr { node: None, addr: addr.to_owned() }
}

/// Starts two nodes, the second of which connects to the first; what comes of it.
async fn connect(first: Nature, second: Nature) -> (TcpNode, TcpNode, Result<(), String>) {
    let (first, second) = (TcpNode::start(first), TcpNode::start(second));
    let outcome = tokio::time::timeout(PATIENCE, second.tcp.connect(&anybody_at(&first.addr))).await;
    let outcome = outcome.expect("it comes to an end").map(|node| assert_eq!(node, first.node.id));
    (first, second, outcome)
}

async fn check_turned_away(first: Nature, second: Nature, reason: &str) {
    let (first, second, outcome) = connect(first, second).await;
    let error = outcome.expect_err("it is turned away");
    assert!(error.contains(reason), "{error}");
    for (node, peer) in [(&first, &second), (&second, &first)] {
        assert_eq!(node.node.ask(peer.node.id, "x").await, Err(NotSent::NoLink.into()));
    }
}

#[tokio::test]
async fn nodes_with_different_secrets_do_not_speak() {
    check_turned_away(Nature::of(1), Nature { secret: 8, ..Nature::of(2) }, "rpc_secret").await;
}

#[tokio::test]
async fn nodes_of_different_clusters_do_not_speak_and_one_without_joins_either() {
    let of = |number, cluster| Nature { cluster, ..Nature::of(number) };
    check_turned_away(of(1, Some(1)), of(2, Some(2)), "different clusters").await;
    assert_eq!(connect(of(3, Some(1)), of(4, None)).await.2, Ok(()));
    assert_eq!(connect(of(5, Some(1)), of(6, Some(1))).await.2, Ok(()));
}

#[tokio::test]
async fn nodes_that_turn_out_to_be_of_different_clusters_part() {
    let (mut first, second, outcome) = connect(Nature::of(1), Nature::of(2)).await;
    assert_eq!(outcome, Ok(()));
    first.tcp.set_cluster(ClusterId([1; 32]));
    second.tcp.set_cluster(ClusterId([2; 32]));
    first.node.sees(second.node.id, false).await;
}

#[tokio::test]
async fn a_node_that_is_not_the_expected_one_is_not_spoken_to() {
    let (first, second) = (TcpNode::start(Nature::of(1)), TcpNode::start(Nature::of(2)));
    let wrong = PeerAddr { node: Some(id_of(3)), addr: first.addr.clone() };
    let error = second.tcp.connect(&wrong).await.expect_err("somebody else is there");
    assert!(error.contains(&first.node.id.to_string()), "{error}");
}

#[tokio::test]
async fn a_node_that_connects_to_itself_says_so() {
    let node = TcpNode::start(Nature::of(1));
    let error = node.tcp.connect(&anybody_at(&node.addr)).await.expect_err("it is its own address");
    assert!(error.contains("own"), "{error}");
}

#[tokio::test]
async fn a_removed_node_is_cut_off_until_it_is_connected_to_again() {
    let (mut first, mut second, _) = connect(Nature::of(1), Nature::of(2)).await;
    first.node.sees(second.node.id, true).await;
    first.tcp.forget(second.node.id);
    first.node.sees(second.node.id, false).await;
    second.node.sees(first.node.id, false).await;
    assert_eq!(first.node.ask(second.node.id, "x").await, Err(NotSent::NoLink.into()));
    let error = second.tcp.connect(&first.at()).await.expect_err("it was removed");
    assert!(error.contains("removed"), "{error}");
    assert!(first.tcp.known().removed.contains(&second.node.id));
    assert_eq!(first.tcp.connect(&second.at()).await, Ok(second.node.id));
    second.node.sees(first.node.id, true).await;
}

#[tokio::test]
async fn nodes_that_connect_to_each_other_at_once_keep_one_link_of_each_kind() {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addrs = listeners.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    let [mut a, mut b] = {
        let mut numbers = 1..;
        listeners.map(|listener| {
            let peers = addrs.iter().map(|addr| anybody_at(addr)).collect();
            let nature = Nature { peers, ..Nature::of(numbers.next().unwrap()) };
            TcpNode::start_at(nature, listener)
        })
    };
    a.reaches(b.node.id).await;
    b.reaches(a.node.id).await;
    // Whatever had to be replaced was, in the time of several pings.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (id_a, id_b) = (a.node.id, b.node.id);
    for (node, peer) in [(&mut a, id_b), (&mut b, id_a)] {
        let mut ups = 0;
        while let Ok(heard) = node.node.heard.try_recv() {
            match heard {
                Heard::Link(of, is_up) if of == peer => ups += if is_up { 1 } else { -1 },
                Heard::Link(..) | Heard::Asked(..) | Heard::Told(..) => {}
            }
        }
        assert_eq!(ups, 1);
        assert_eq!(node.node.ask(peer, "x").await, Ok("x".into()));
        let known = node.tcp.known().addrs;
        assert_eq!(known.len(), 1, "{known:?}");
    }
}

#[tokio::test]
async fn a_node_without_an_address_of_its_own_is_spoken_to_over_its_connection() {
    let second = Nature { tells_its_addr: false, ..Nature::of(2) };
    let (first, second, outcome) = connect(Nature::of(1), second).await;
    assert_eq!(outcome, Ok(()));
    first.reaches(second.node.id).await;
    assert_eq!(first.tcp.links()[&second.node.id].addr, None);
}

#[tokio::test]
async fn a_node_that_comes_back_at_another_address_is_found_by_what_it_tells() {
    let (mut first, second, _) = connect(Nature::of(1), Nature::of(2)).await;
    first.node.sees(second.node.id, true).await;
    second.tcp.stop().await;
    first.node.sees(second.node.id, false).await;
    let peers = vec![first.at()];
    let second = TcpNode::start(Nature { boot: 2, peers, ..Nature::of(2) });
    first.node.sees(second.node.id, true).await;
    assert_eq!(first.tcp.links()[&second.node.id].addr, Some(second.addr.clone()));
    assert!(first.tcp.known().addrs.contains(&(second.node.id, second.addr)));
}

#[tokio::test]
async fn short_requests_do_not_wait_for_long_ones_on_the_same_link() {
    let (first, second, _) = connect(Nature::of(1), Nature::of(2)).await;
    let long = Bytes::from(vec![1; 100 << 20]);
    let ask_long = || {
        let body = long.clone();
        second.tcp.request(first.node.id, Link::Request, Subsystem::Merge, body, PATIENCE)
    };
    let started = monotonic_now();
    let waiting = ask_long();
    let mut short_times = Vec::new();
    tokio::pin!(waiting);
    loop {
        let before = monotonic_now();
        tokio::select! {
            biased;
            answer = &mut waiting => {
                assert_eq!(answer.unwrap().len(), long.len());
                break;
            }
            answer = second.node.ask(first.node.id, "short") => {
                assert_eq!(answer, Ok("short".into()));
                short_times.push(before.elapsed());
            }
        }
    }
    let long_time = started.elapsed();
    short_times.sort_unstable();
    let median = short_times[short_times.len() / 2];
    assert!(median * 5 < long_time, "{median:?} beside {long_time:?}, {} times", short_times.len());
}

#[tokio::test]
async fn a_node_that_stops_answers_what_it_took_and_refuses_what_comes_later() {
    let (first, second, _) = connect(Nature::of(1), Nature::of(2)).await;
    let waiting = second.node.ask(first.node.id, "wait");
    // The answer to a later request shows that the first one has come.
    assert_eq!(second.node.ask(first.node.id, "x").await, Ok("x".into()));
    let stopping = tokio::spawn({
        let tcp = first.tcp.clone();
        async move { tcp.stop().await }
    });
    first.node.echo.go_on.notify_one();
    assert_eq!(waiting.await, Ok("wait".into()));
    stopping.await.unwrap();
    assert_eq!(second.node.ask(first.node.id, "x").await, Err(NotSent::NoLink.into()));
}

#[tokio::test]
async fn what_is_asked_at_once_goes_out_together() {
    let (first, second, _) = connect(Nature::of(1), Nature::of(2)).await;
    second.reaches(first.node.id).await;
    let before = second.tcp.traffic();
    let asked: Vec<_> = (0..1000).map(|_| second.node.ask(first.node.id, "x")).collect();
    for outcome in asked {
        assert_eq!(outcome.await, Ok("x".into()));
    }
    let after = second.tcp.traffic();
    let (frames, writes) = (after.frames_sent - before.frames_sent, after.writes - before.writes);
    assert!(frames >= 1000 && writes < frames / 2, "{frames} frames in {writes} writes");
    assert!(after.frames_received - before.frames_received >= 1000);
    assert!(after.bytes_received > before.bytes_received && after.bytes_sent > before.bytes_sent);
}

#[tokio::test]
async fn as_many_requests_as_may_be_under_way_are_served_at_once() {
    let (first, second, _) = connect(Nature::of(1), Nature::of(2)).await;
    second.reaches(first.node.id).await;
    let ask = |body: &'static str| {
        let body = Bytes::from_static(body.as_bytes());
        second.tcp.request(first.node.id, Link::Request, Subsystem::Merge, body, Duration::MAX)
    };
    let waiting: Vec<_> = (0..10_000).map(|_| ask("wait")).collect();
    assert_eq!(ask("x").await, Ok("x".into()));
    for outcome in waiting {
        first.node.echo.go_on.notify_one();
        assert_eq!(outcome.await, Ok("wait".into()));
    }
}
