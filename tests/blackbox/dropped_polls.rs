//! Polls that nobody waits for any more cost nothing.

use crate::harness::admin::wait_for_pollers;
use crate::harness::memory::anonymous_kib;
use crate::harness::{Client, Connection, Home, Node, rounds};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::time::Duration;

/// What the allocator's pools may still grow by after they held a thousand polls several times: less than 4 KiB for
/// each, which is less than any poll takes.
const KEPT_KIB_MAX: u64 = 4 << 10;

/// A thousand connections need more descriptors than some systems give at first; the processes started after this
/// inherit the new limit.
fn allow_many_connections(count: usize) {
    let limit = getrlimit(Resource::Nofile);
    let needed = count as u64 + 500;
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).expect("the system allows enough open files for this story");
    }
}

/// Opens `count` polls, half of them of an item, half of a range, and waits until the node counts them all.
fn open_polls(node: &Node, client: &Client, count: usize) -> Vec<Connection> {
    let seen = client.write("pk", "sk", None, "x");
    let marker = client.poll_range("pk", &json!({})).expect(200).json()["seenMarker"].clone();
    let item = client.credentials.sign(client.poll_request("pk", "sk", &seen.token, "600")).to_bytes();
    let range_body = json!({ "seenMarker": marker, "timeout": 600 });
    let range = client.credentials.sign(client.poll_range_request("pk", &range_body)).to_bytes();
    let polls = (0..count)
        .map(|i| {
            let mut connection = Connection::open(client.addr).unwrap();
            connection.send(if i % 2 == 0 { &item } else { &range }).unwrap();
            connection
        })
        .collect();
    wait_for_pollers(node, u32::try_from(count).unwrap());
    polls
}

#[test]
fn a_thousand_polls_whose_clients_hang_up_are_gone_within_five_seconds_with_their_memory() {
    let count = rounds("DROPPED_POLLS", 1000);
    allow_many_connections(count);
    let node = Node::dev_in(Home::new(), &[]);
    let client = node.client();
    // The first thousands fill the allocator's pools; the last must find room in them.
    for _ in 0..3 {
        drop(open_polls(&node, &client, count));
        wait_for_pollers(&node, 0);
    }
    let before = anonymous_kib(node.pid());
    let polls = open_polls(&node, &client, count);
    let during = anonymous_kib(node.pid());
    drop(polls);
    let took = wait_for_pollers(&node, 0);
    assert!(took < Duration::from_secs(5), "they were still counted after {took:?}");
    let after = anonymous_kib(node.pid());
    println!("{before} KiB before, {during} KiB with {count} polls, {after} KiB after");
    assert!(after < before + KEPT_KIB_MAX, "{before} KiB before, {after} KiB after");
    client.put("pk", "sk", None, "nobody listens").expect(204);
}

#[test]
fn a_poll_that_is_answered_is_counted_no_more() {
    let node = Node::dev();
    let client = node.client();
    let mut polls = open_polls(&node, &client, 10);
    client.put("pk", "sk", None, "news").expect(204);
    for poll in &mut polls {
        poll.receive().unwrap().expect(200);
    }
    wait_for_pollers(&node, 0);
}
