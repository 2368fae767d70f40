//! PollRange: the content of a range, then its changes, with a marker that says how far one has come.

use crate::harness::answers::sort_keys_of;
use crate::harness::{Client, Connection, check_error, page_items, shared_node, unique};
use serde_json::{Value, json};

fn start_poll(client: &Client, pk: &str, body: &Value) -> Connection {
    let request = client.credentials.sign(client.poll_range_request(pk, body));
    let mut connection = Connection::open(client.addr).unwrap();
    connection.send(&request.to_bytes()).unwrap();
    connection
}

#[track_caller]
fn marker_of(page: &Value) -> String {
    let marker = page["seenMarker"].as_str().unwrap_or_else(|| panic!("no marker in {page}"));
    assert!(marker.len() < 4096);
    marker.to_owned()
}

#[test]
fn without_a_marker_the_whole_range_comes_at_once_tombstones_included() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("whole");
    client.fill(&pk, &["a", "b", "c"]);
    let b = client.read(&pk, "b");
    client.delete(&pk, "b", Some(&b.token)).expect(204);
    let answer = client.poll_range(&pk, &json!({})).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let page = answer.json();
    let mut fields: Vec<_> = page.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["items", "seenMarker"]);
    let items = page_items(&page);
    assert_eq!(sort_keys_of(&page), ["a", "b", "c"]);
    assert!(items[1].1.holds(&[None]));
    assert_eq!(items[0].1, client.read(&pk, "a"));
}

#[test]
fn an_empty_range_has_a_marker_too() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("empty");
    let page = client.poll_range(&pk, &json!({ "seenMarker": null })).expect(200).json();
    assert!(sort_keys_of(&page).is_empty());
    let marker = marker_of(&page);
    let mut poll = start_poll(&client, &pk, &json!({ "seenMarker": marker, "timeout": 600 }));
    client.put(&pk, "first", None, "x").expect(204);
    assert_eq!(sort_keys_of(&poll.receive().unwrap().expect(200).json()), ["first"]);
}

#[test]
fn with_a_marker_the_changes_since_come_and_nothing_twice() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("since");
    client.fill(&pk, &["a", "b", "c"]);
    let mut marker = marker_of(&client.poll_range(&pk, &json!({})).expect(200).json());
    for (sk, round) in [("b", 1), ("d", 2), ("a", 3)] {
        client.put(&pk, sk, None, round.to_string()).expect(204);
        let page =
            client.poll_range(&pk, &json!({ "seenMarker": marker, "timeout": 600 })).expect(200).json();
        assert_eq!(sort_keys_of(&page), [sk]);
        marker = marker_of(&page);
        client.poll_range(&pk, &json!({ "seenMarker": marker, "timeout": 1 })).expect(304);
    }
}

#[test]
fn a_waiting_poll_is_woken_by_a_change_of_its_range_only() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("only");
    client.fill(&pk, &["a1", "a2", "b1"]);
    let marker = marker_of(&client.poll_range(&pk, &json!({ "prefix": "a" })).expect(200).json());
    let body = json!({ "prefix": "a", "seenMarker": marker, "timeout": 600 });
    let mut poll = start_poll(&client, &pk, &body);
    client.put(&pk, "b1", None, "elsewhere").expect(204);
    client.put(&pk, "b2", None, "elsewhere").expect(204);
    client.put(&pk, "a2", None, "here").expect(204);
    assert_eq!(sort_keys_of(&poll.receive().unwrap().expect(200).json()), ["a2"]);
}

#[test]
fn without_changes_the_timeout_is_answered_with_304() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("quiet");
    client.fill(&pk, &["a"]);
    let marker = marker_of(&client.poll_range(&pk, &json!({})).expect(200).json());
    let answer = client.poll_range(&pk, &json!({ "seenMarker": marker, "timeout": 1 })).expect(304);
    assert!(answer.body.is_empty());
}

fn check_range(client: &Client, pk: &str, range: &Value, expected: &[&str]) {
    let page = client.poll_range(pk, range).expect(200).json();
    assert_eq!(sort_keys_of(&page), expected, "{range}");
}

#[test]
fn prefix_start_and_end_cut_the_range() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("cut");
    client.fill(&pk, &["a1", "a2", "a3", "b1"]);
    check_range(&client, &pk, &json!({ "prefix": "a" }), &["a1", "a2", "a3"]);
    check_range(&client, &pk, &json!({ "prefix": "a", "start": "a2" }), &["a2", "a3"]);
    check_range(&client, &pk, &json!({ "prefix": "a", "start": "a2", "end": "a3" }), &["a2"]);
    check_range(&client, &pk, &json!({ "start": "a3" }), &["a3", "b1"]);
    check_range(&client, &pk, &json!({ "end": "a2" }), &["a1"]);
    check_range(&client, &pk, &json!({ "start": "b", "end": "a" }), &[]);
}

#[test]
fn a_marker_serves_any_sub_range() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("sub-range");
    client.fill(&pk, &["a1", "a2", "b1", "b2"]);
    let marker = marker_of(&client.poll_range(&pk, &json!({})).expect(200).json());
    client.put(&pk, "a1", None, "new").expect(204);
    client.put(&pk, "b2", None, "new").expect(204);
    for (range, expected) in [
        (json!({ "prefix": "a" }), vec!["a1"]),
        (json!({ "prefix": "b", "start": "b1" }), vec!["b2"]),
        (json!({ "start": "a2", "end": "c" }), vec!["b2"]),
        (json!({}), vec!["a1", "b2"]),
    ] {
        let mut body = range;
        body["seenMarker"] = json!(marker);
        body["timeout"] = json!(600);
        let page = client.poll_range(&pk, &body).expect(200).json();
        assert_eq!(sort_keys_of(&page), expected, "{body}");
    }
    let untouched = json!({ "start": "a2", "end": "b2", "seenMarker": marker, "timeout": 1 });
    client.poll_range(&pk, &untouched).expect(304);
}

#[test]
fn bodies_and_markers_that_do_not_parse_are_refused() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("refused");
    client.fill(&pk, &["a"]);
    for body in [
        "",
        "[]",
        "null",
        "{",
        r#"{"timeout":-1}"#,
        r#"{"timeout":"1"}"#,
        r#"{"prefix":1}"#,
        r#"{"prefix":"a","start":"b"}"#,
    ] {
        let request = client.request("SEARCH", Some(&pk), &[("poll_range", "")]).with_body(body);
        check_error(&client.call(request), 400, "InvalidRequest");
    }
    let genuine = marker_of(&client.poll_range(&pk, &json!({})).expect(200).json());
    let forged = if let Some(rest) = genuine.strip_prefix('A') {
        format!("B{rest}")
    } else {
        format!("A{}", &genuine[1..])
    };
    for marker in ["", "x", "§", &genuine[..genuine.len() - 2], &forged, &"A".repeat(10_000)] {
        let body = json!({ "seenMarker": marker, "timeout": 1 });
        check_error(&client.poll_range(&pk, &body), 400, "InvalidRequest");
    }
}

#[test]
fn a_marker_of_another_partition_is_not_taken_for_this_ones() {
    let node = shared_node();
    let client = node.client();
    let (one, two) = (unique("mine"), unique("yours"));
    client.fill(&one, &["a"]);
    client.fill(&two, &["a"]);
    let marker = marker_of(&client.poll_range(&one, &json!({})).expect(200).json());
    check_error(&client.poll_range(&two, &json!({ "seenMarker": marker })), 400, "InvalidRequest");
}
