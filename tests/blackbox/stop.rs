//! Stopping and starting: SIGTERM ends a node without losing anything, and one directory has one process.

use crate::harness::node::{Process, troupe};
use crate::harness::{Client, Connection, Home, Node, unique};
use serde_json::json;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn sigterm_answers_the_polls_drains_and_ends_with_success() {
    let mut node = Node::dev();
    let client = node.client();
    let seen = client.write("pk", "sk", None, "kept");
    let page = client.poll_range("pk", &json!({})).expect(200).json();
    let open = || Connection::open(client.addr).unwrap();
    let mut polls: Vec<_> = (0..20).map(|_| open()).collect();
    for (i, poll) in polls.iter_mut().enumerate() {
        let request = if i % 2 == 0 {
            client.poll_request("pk", "sk", &seen.token, "600")
        } else {
            client.poll_range_request("pk", &json!({ "seenMarker": page["seenMarker"], "timeout": 600 }))
        };
        poll.send(&client.credentials.sign(request).to_bytes()).unwrap();
    }
    let mut idle = open();
    idle.call(&client.credentials.sign(client.request("GET", None, &[]))).unwrap().expect(200);
    // A request whose body is still on its way.
    let mut late = open();
    let signed = client.credentials.sign(client.put_request("pk", "late", None, "0123456789"));
    late.send(&signed.head()).unwrap();
    late.send(b"01234").unwrap();
    // Requests on one connection are read in order: once a later one is answered, the earlier ones have arrived.
    client.put("elsewhere", "other", None, "x").expect(204);
    crate::harness::admin::wait_for_pollers(&node, 20);

    node.process().terminate();
    let asked = Instant::now();
    for poll in &mut polls {
        let answer = poll.receive().unwrap();
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{answer}");
    }
    late.send(b"56789").unwrap();
    late.receive().unwrap().expect(204);
    assert!(idle.is_closed_by_server());
    let status = node.process().wait();
    assert!(status.success(), "{status}: {}", node.log());
    assert!(asked.elapsed() < Duration::from_secs(12), "it took {:?}", asked.elapsed());
    assert!(TcpStream::connect(client.addr).is_err());

    let node = Node::dev_in(node.kill(), &[]);
    let client = node.client();
    assert_eq!(client.read("pk", "sk"), seen, "token and all");
    assert!(client.read("pk", "late").holds(&[Some("0123456789")]));
    assert_eq!(client.index(&[("prefix", "pk")]).expect(200).json()["partitionKeys"][0]["entries"], 2);
}

#[test]
fn a_busy_client_is_told_to_leave_and_loses_no_request() {
    /// Writes on one connection until an answer asks to close it.
    fn write_until_told(client: &Client, number: usize, mut connection: Connection) {
        for round in 0.. {
            let request = client.put_request("pk", &format!("{number}-{round}"), None, "x");
            // An error here would be a write whose outcome nobody knows.
            let answer = connection.call(&client.credentials.sign(request)).unwrap().expect(204);
            if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
                assert!(connection.is_closed_by_server());
                return;
            }
        }
    }

    let mut node = Node::dev();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let client = node.client();
            let mut connection = Connection::open(client.addr).unwrap();
            let request = client.put_request("pk", "first", None, "x");
            connection.call(&client.credentials.sign(request)).unwrap().expect(204);
            scope.spawn(move || write_until_told(&client, number, connection));
        }
        node.process().terminate();
    });
    assert!(node.process().wait().success(), "{}", node.log());
}

#[test]
fn a_client_that_does_not_finish_does_not_hold_up_the_end() {
    let mut node = Node::dev();
    let client = node.client();
    let mut stuck = Connection::open(client.addr).unwrap();
    let signed = client.credentials.sign(client.put_request("pk", "sk", None, "0123456789"));
    stuck.send(&signed.head()).unwrap();
    stuck.send(b"0").unwrap();
    client.put("pk", "other", None, "x").expect(204);
    node.process().terminate();
    let asked = Instant::now();
    assert!(node.process().wait().success(), "{}", node.log());
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
    let node = Node::dev_in(node.kill(), &[]);
    assert_eq!(node.client().get("pk", "sk").status, 404);
    assert!(node.client().read("pk", "other").holds(&[Some("x")]));
}

#[test]
fn a_second_process_on_the_same_directory_is_refused_clearly_and_harms_nobody() {
    let node = Node::dev();
    let client = node.client();
    let pk = unique("alone");
    client.put(&pk, "sk", None, "x").expect(204);
    let log = node.home.path().join("second.log");
    let mut second = troupe();
    second.args(["dev", "--dir"]).arg(node.home.path().join("node")).stdout(Stdio::null());
    for flag in ["--k2v-addr", "--admin-addr", "--rpc-addr"] {
        second.args([flag, "127.0.0.1:0"]);
    }
    let mut second = Process::start(second, &log);
    let status = second.wait();
    assert!(!status.success());
    let said = second.log();
    assert!(said.contains("in use") || said.contains("already") || said.contains("another"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(client.read(&pk, "sk").holds(&[Some("x")]));
    // The commands still find the first.
    node.admin().get("/v2/GetClusterStatus", &[]).expect(200);
}

#[test]
fn dev_keeps_its_bucket_and_its_key_across_restarts() {
    let first = Node::dev();
    first.client().put("pk", "sk", None, "kept").expect(204);
    let exports = first.exports.clone();
    let second = Node::dev_in(first.kill(), &[]);
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "K2V_BUCKET"] {
        assert_eq!(second.exports[name], exports[name], "{name}");
    }
    assert!(second.client().read("pk", "sk").holds(&[Some("kept")]));
}

#[test]
fn dev_fills_an_empty_directory_that_it_makes_itself() {
    let home = Home::new();
    assert!(!home.path().join("node").exists());
    let node = Node::dev_in(home, &[]);
    assert!(node.home.path().join("node").is_dir());
    assert!(node.exports["K2V_ENDPOINT"].starts_with("http://127.0.0.1:"));
}

#[test]
fn what_dev_prints_is_ready_to_use_the_moment_it_is_printed() {
    for _ in 0..3 {
        // How soon that is, is measured by `cargo bench --bench gateway`.
        Node::dev().client().put("pk", "sk", None, "x").expect(204);
    }
}
