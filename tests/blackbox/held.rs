//! Clients that have the node hold as much for them as they can: what that is has a bound, others have room beside it,
//! and the memory goes back.

use crate::harness::admin::{READ, WRITE, wait_for_pollers, wait_until_pollers};
use crate::harness::memory::{Watch, anonymous_kib, settled_kib};
use crate::harness::sign::Signing;
use crate::harness::{Client, Connection, Home, Node, Request, base64};
use serde_json::json;

/// What the process may keep a minute after an onslaught, beyond what it had before.
const KEPT_KIB_MAX: u64 = 64 << 10;

const MIB: usize = 1 << 20;

/// Runs an attack that has a warmed-up node hold at most `growth_mib_max` more, all of which goes back after it.
fn check_bounded(node: &Node, growth_mib_max: u64, attack: impl FnOnce()) {
    let before = anonymous_kib(node.pid());
    let watch = Watch::begin(node.pid());
    attack();
    let growth_mib = watch.peak_kib().saturating_sub(before) >> 10;
    drop(watch);
    let kept = settled_kib(node.pid(), before + KEPT_KIB_MAX).saturating_sub(before);
    println!("{growth_mib} MiB more during the attack, {kept} KiB more after it");
    assert!(growth_mib <= growth_mib_max, "{growth_mib} MiB more during the attack");
    assert!(kept <= KEPT_KIB_MAX, "{kept} KiB more a minute after the attack");
    assert!(!node.log().contains("panicked"), "{}", node.log());
}

/// A node that takes values of 32 MiB.
fn node_of_large_values() -> Node {
    let node = Node::dev_in(Home::new(), &[("TROUPE_VALUE_BYTES_MAX", "32MiB")]);
    node.client().put("pk", "warm", None, "x").expect(204);
    node
}

/// Another key with a bucket of its own.
fn neighbour(node: &Node) -> Client {
    let admin = node.admin();
    let bucket = admin.create_bucket("neighbour");
    let key = admin.create_key("neighbour", &node.credentials.region);
    admin.allow(&bucket, &key, &[READ, WRITE]);
    node.client().with_key(&key).in_bucket("neighbour")
}

/// Signed without a digest: digests of this much take their time in an unoptimised build, and are not what is tried.
fn sign(client: &Client, request: Request) -> Request {
    client.credentials.sign_as(request, &Signing { covers_body: false, ..Signing::default() })
}

fn put(client: &Client, sk: &str, bytes: usize) {
    client.exchange(&sign(client, client.put_request("pk", sk, None, vec![b'v'; bytes]))).expect(204);
}

/// The body of an InsertBatch with so many items of a MiB.
fn batch_of_mebibytes(count: usize) -> String {
    let value = base64(vec![b'v'; MIB]);
    let items = (0..count).map(|i| format!(r#"{{"pk":"pk","sk":"{i}","v":"{value}"}}"#));
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn get_octets(client: &Client, sk: &str) -> Request {
    let request = client.request("GET", Some("pk"), &[("sort_key", sk)]);
    client.credentials.sign(request.with("accept", "application/octet-stream"))
}

fn open(client: &Client, request: &Request) -> Connection {
    let mut connection = Connection::open(client.addr).unwrap();
    connection.send(&request.to_bytes()).unwrap();
    connection
}

#[test]
fn answers_that_nobody_takes_hold_their_budget_and_leave_room_for_others() {
    let node = node_of_large_values();
    let (client, neighbour) = (node.client(), neighbour(&node));
    put(&client, "large", 32 * MIB);
    put(&neighbour, "own", 8 * MIB);
    check_bounded(&node, 300, || {
        let get = get_octets(&client, "large");
        let mut first = open(&client, &get);
        assert!(!first.is_closed_by_server(), "its answer begins");
        let _unread: Vec<_> = (0..24).map(|_| open(&client, &get)).collect();
        let own = neighbour.exchange(&get_octets(&neighbour, "own")).expect(200);
        assert_eq!(own.body.len(), 8 * MIB);
        client.get("pk", "warm").expect(200);
    });
    // Those who take theirs get it, one after the other.
    let get = get_octets(&client, "large");
    std::thread::scope(|scope| {
        for mut reader in (0..6).map(|_| open(&client, &get)) {
            scope.spawn(move || assert_eq!(reader.receive().unwrap().expect(200).body.len(), 32 * MIB));
        }
    });
}

#[test]
fn a_batch_of_queries_is_counted_until_its_answer_is_taken() {
    let node = Node::dev_in(Home::new(), &[]);
    let client = node.client();
    client.put("pk", "warm", None, "x").expect(204);
    let prefix = "p".repeat(400);
    let query = json!({ "partitionKey": "pk", "prefix": prefix }).to_string();
    let body = format!("[{}]", vec![query; 40_000].join(","));
    check_bounded(&node, 512, || {
        let request = sign(&client, client.request("SEARCH", None, &[]).with_body(body));
        // Those for which there is no room are told so before they have sent everything.
        let bytes = request.to_bytes();
        let unread: Vec<_> = (0..16)
            .map(|_| {
                let mut connection = Connection::open(node.addr).unwrap();
                let _ = connection.send(&bytes);
                connection
            })
            .collect();
        let answers = unread.into_iter().rev().map(|mut connection| connection.receive());
        let statuses: Vec<_> = answers.map(|answer| answer.map(|answer| answer.status).ok()).collect();
        assert!(statuses.contains(&Some(200)), "{statuses:?}");
        assert!(statuses.iter().any(|status| *status != Some(200)), "{statuses:?}");
    });
}

#[test]
fn one_key_cannot_use_up_what_others_need_to_send() {
    let node = Node::dev_in(Home::new(), &[]);
    let (client, neighbour) = (node.client(), neighbour(&node));
    client.put("pk", "warm", None, "x").expect(204);
    check_bounded(&node, 450, || {
        let request = sign(&client, client.request("POST", None, &[]).with_body(batch_of_mebibytes(44)));
        let mut bytes = request.to_bytes();
        // The last byte never comes.
        bytes.pop();
        let _held: Vec<_> = (0..10)
            .map(|_| {
                let mut connection = Connection::open(node.addr).unwrap();
                let _ = connection.send(&bytes);
                connection
            })
            .collect();
        let upload = neighbour.request("POST", None, &[]).with_body(batch_of_mebibytes(20));
        neighbour.exchange(&sign(&neighbour, upload)).expect(204);
    });
}

#[test]
fn a_poll_that_waits_holds_nothing_of_its_body() {
    let node = Node::dev_in(Home::new(), &[]);
    let (client, neighbour) = (node.client(), neighbour(&node));
    client.put("pk", "sk", None, "x").expect(204);
    let marker = client.poll_range("pk", &json!({})).expect(200).json()["seenMarker"].clone();
    let body = json!({ "seenMarker": marker, "timeout": 600, "junk": "j".repeat(60 * MIB) }).to_string();
    let poll = sign(&client, client.request("SEARCH", Some("pk"), &[("poll_range", "")]).with_body(body));
    check_bounded(&node, 300, || {
        let mut polls = Vec::new();
        for count in 1..=8 {
            polls.push(open(&client, &poll));
            wait_for_pollers(&node, count);
        }
        assert!(settled_kib(node.pid(), 128 << 10) <= 128 << 10, "eight polls hold what they sent");
        let upload = neighbour.request("POST", None, &[]).with_body(batch_of_mebibytes(40));
        neighbour.exchange(&sign(&neighbour, upload)).expect(204);
        client.put("pk", "sk", None, "news").expect(204);
        for poll in &mut polls {
            poll.receive().unwrap().expect(200);
        }
    });
}

#[test]
fn a_value_that_wakes_hundreds_of_polls_is_held_for_a_few_at_a_time() {
    const POLLS: u32 = 150;
    const VALUE_BYTES: usize = 4 * MIB;
    let node = node_of_large_values();
    let (client, neighbour) = (node.client(), neighbour(&node));
    let seen = client.write("pk", "sk", None, "seen");
    let poll = client.poll_request("pk", "sk", &seen.token, "600");
    let poll = client.credentials.sign(poll.with("accept", "application/octet-stream")).to_bytes();
    check_bounded(&node, 300, || {
        let polls: Vec<_> = (0..POLLS)
            .map(|_| {
                let mut connection = Connection::open_narrow(node.addr).unwrap();
                connection.send(&poll).unwrap();
                connection
            })
            .collect();
        wait_for_pollers(&node, POLLS);
        let value = client.put_request("pk", "sk", Some(&seen.token), vec![b'v'; VALUE_BYTES]);
        client.exchange(&sign(&client, value)).expect(204);
        wait_until_pollers(&node, |waiting| waiting <= POLLS - 20);
        // Others are served while hundreds wait for their turn.
        for i in 0..20 {
            neighbour.put("other", &i.to_string(), None, "x").expect(204);
            client.get("pk", "warm").expect(200);
        }
        std::thread::scope(|scope| {
            for mut poll in polls {
                scope.spawn(move || assert_eq!(poll.receive().unwrap().expect(200).body.len(), VALUE_BYTES));
            }
        });
    });
}
