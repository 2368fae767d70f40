//! What clients hold on to across the node's restarts: values, tokens, markers.

use crate::harness::answers::sort_keys_of;
use crate::harness::node::Node;
use crate::harness::{Client, Home, page_items};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
enum End {
    Asked,
    Killed,
}

fn restarted(mut node: Node, end: End) -> Node {
    if let End::Asked = end {
        node.process().terminate();
        assert!(node.process().wait().success(), "{}", node.log());
    }
    Node::dev_in(node.kill(), &[])
}

fn changes_since(client: &Client, marker: &Value) -> (Vec<String>, Value) {
    let answer = client.poll_range("pk", &json!({ "seenMarker": marker, "timeout": 1 }));
    if answer.status == 304 {
        return (Vec::new(), marker.clone());
    }
    let page = answer.expect(200).json();
    (sort_keys_of(&page), page["seenMarker"].clone())
}

#[test]
fn tokens_are_still_good() {
    for end in [End::Asked, End::Killed] {
        let node = Node::dev();
        let client = node.client();
        let covered = client.write("pk", "sk", None, "covered");
        client.put("pk", "sk", None, "beside").expect(204);
        let node = restarted(node, end);
        let client = node.client();
        let after = client.write("pk", "sk", Some(&covered.token), "after");
        assert!(after.holds(&[Some("beside"), Some("after")]), "{end:?}: {after:?}");
        let polled = client.poll("pk", "sk", &covered.token, "600").expect(200);
        assert_eq!(polled.token(), after.token);
        assert_eq!(client.poll("pk", "sk", &after.token, "1").status, 304, "{end:?}");
    }
}

#[test]
fn markers_are_still_good_and_miss_nothing() {
    for end in [End::Asked, End::Killed] {
        let node = Node::dev();
        let client = node.client();
        client.fill("pk", &["a", "b", "c"]);
        let marker = client.poll_range("pk", &json!({})).expect(200).json()["seenMarker"].clone();
        client.put("pk", "b", None, "before the end").expect(204);
        let node = restarted(node, end);
        let client = node.client();
        let (changed, _) = changes_since(&client, &marker);
        assert!(changed.contains(&"b".to_owned()), "{end:?}: {changed:?}");
        client.put("pk", "c", None, "after the start").expect(204);
        let (changed, marker) = changes_since(&client, &marker);
        for sk in ["b", "c"] {
            assert!(changed.contains(&sk.to_owned()), "{end:?}: {changed:?}");
        }
        let (again, _) = changes_since(&client, &marker);
        assert!(again.is_empty(), "{end:?}: {again:?} came again");
    }
}

#[test]
fn an_idle_partition_is_not_shown_again_after_a_clean_restart() {
    let node = Node::dev();
    node.client().fill("pk", &["a", "b", "c"]);
    let node = restarted(node, End::Killed);
    let marker = node.client().poll_range("pk", &json!({})).expect(200).json()["seenMarker"].clone();
    let node = restarted(node, End::Asked);
    let (changed, _) = changes_since(&node.client(), &marker);
    assert!(changed.is_empty(), "{changed:?} came again");
}

#[test]
fn a_follower_through_many_restarts_sees_every_final_state() {
    let mut node = Node::dev();
    let mut marker = Value::Null;
    let mut shown = std::collections::BTreeMap::new();
    for round in 0..8 {
        let client = node.client();
        for sk in ["a", "b", "c"] {
            client.put("pk", &format!("{sk}{}", round % 3), None, round.to_string()).expect(204);
        }
        let page =
            client.poll_range("pk", &json!({ "seenMarker": marker, "timeout": 600 })).expect(200).json();
        shown.extend(page_items(&page));
        marker = page["seenMarker"].clone();
        client.put("pk", "unseen", None, round.to_string()).expect(204);
        node = restarted(node, if round % 2 == 0 { End::Killed } else { End::Asked });
    }
    let client = node.client();
    let page = client.poll_range("pk", &json!({ "seenMarker": marker, "timeout": 600 })).expect(200).json();
    shown.extend(page_items(&page));
    assert!(page["seenMarker"].as_str().unwrap().len() < 4096);
    let truth: std::collections::BTreeMap<_, _> =
        client.list(&json!({ "partitionKey": "pk", "tombstones": true })).into_iter().collect();
    assert_eq!(shown, truth);
}

#[test]
fn relaxed_durability_survives_the_end_of_the_process_too() {
    let environment = [("TROUPE_DURABILITY", "relaxed")];
    let mut home = Home::new();
    for round in 0..5 {
        let node = Node::dev_in(home, &environment);
        let client = node.client();
        assert_eq!(client.list(&json!({ "partitionKey": "pk" })).len(), round);
        client.put("pk", &round.to_string(), None, "x").expect(204);
        home = node.kill();
    }
}

#[test]
fn what_the_node_keeps_secret_nobody_else_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let node = Node::dev();
    for name in ["admin.sock", "node_key"] {
        let path = crate::harness::home::find(node.home.path(), name).expect("it is there");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
    }
}
