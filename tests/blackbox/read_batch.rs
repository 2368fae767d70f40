//! ReadBatch: ranges of one or several partitions, filtered, counted and streamed.

use crate::harness::answers::sort_keys_of;
use crate::harness::{Client, base64, check_error, page_items, shared_node, unique};
use serde_json::{Value, json};

/// The answer to one query about `pk`.
#[track_caller]
fn ask(client: &Client, pk: &str, query: Value) -> Value {
    let mut query = query;
    query["partitionKey"] = json!(pk);
    let answer = client.search(&json!([query])).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()[0].clone()
}

#[track_caller]
fn check(client: &Client, pk: &str, query: &Value, keys: &[&str], next_start: Option<&str>) {
    let page = ask(client, pk, query.clone());
    assert_eq!(sort_keys_of(&page), keys, "{query}");
    assert_eq!(page["more"], next_start.is_some(), "{query}");
    assert_eq!(page["nextStart"], json!(next_start), "{query}");
}

#[test]
fn prefix_start_end_limit_and_reverse_cut_the_range() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("cut");
    client.fill(&pk, &["a1", "a2", "a3", "b1", "b2"]);
    let check = |query: Value, keys: &[&str], next| check(&client, &pk, &query, keys, next);
    let all = ["a1", "a2", "a3", "b1", "b2"];
    check(json!({}), &all, None);
    check(json!({ "prefix": "a" }), &["a1", "a2", "a3"], None);
    check(json!({ "prefix": "" }), &all, None);
    check(json!({ "start": "a3" }), &["a3", "b1", "b2"], None);
    check(json!({ "start": "" }), &all, None);
    check(json!({ "end": "b1" }), &["a1", "a2", "a3"], None);
    check(json!({ "end": "" }), &[], None);
    check(json!({ "start": "a2", "end": "b1" }), &["a2", "a3"], None);
    check(json!({ "start": "b1", "end": "a2" }), &[], None);
    check(json!({ "prefix": "a", "end": "a3" }), &["a1", "a2"], None);
    check(json!({ "prefix": "a", "start": "a2" }), &["a2", "a3"], None);
    check(json!({ "limit": 2 }), &["a1", "a2"], Some("a3"));
    check(json!({ "limit": 5 }), &all, None);
    check(json!({ "prefix": "a", "limit": 3 }), &["a1", "a2", "a3"], None);
    check(json!({ "prefix": "a", "limit": 1, "start": "a2" }), &["a2"], Some("a3"));
    check(json!({ "limit": 0 }), &[], Some("a1"));
    check(json!({ "limit": 0, "prefix": "q" }), &[], None);
    check(json!({ "limit": u64::MAX }), &all, None);
    check(json!({ "reverse": true }), &["b2", "b1", "a3", "a2", "a1"], None);
    check(json!({ "reverse": true, "prefix": "a" }), &["a3", "a2", "a1"], None);
    check(json!({ "reverse": true, "start": "a3" }), &["a3", "a2", "a1"], None);
    check(json!({ "reverse": true, "start": "b1", "end": "a2" }), &["b1", "a3"], None);
    check(json!({ "reverse": true, "start": "a1", "end": "b2" }), &[], None);
    check(json!({ "reverse": true, "limit": 2 }), &["b2", "b1"], Some("a3"));
    check(json!({ "reverse": true, "prefix": "a", "limit": 2 }), &["a3", "a2"], Some("a1"));
    check(json!({ "reverse": true, "limit": 0 }), &[], Some("b2"));
}

#[test]
fn the_answer_echoes_the_whole_query() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("echo");
    client.fill(&pk, &["sk"]);
    let page = ask(&client, &pk, json!({}));
    let expected = json!({
        "partitionKey": pk, "prefix": null, "start": null, "end": null, "limit": null, "reverse": false,
        "singleItem": false, "conflictsOnly": false, "tombstones": false,
        "items": page["items"], "more": false, "nextStart": null,
    });
    assert_eq!(page, expected);
    let asked = json!({
        "prefix": "s", "start": "sk", "end": "sl", "limit": 9, "reverse": false,
        "conflictsOnly": true, "tombstones": true,
    });
    let page = ask(&client, &pk, asked.clone());
    for (name, value) in asked.as_object().unwrap() {
        assert_eq!(&page[name], value, "{name}");
    }
    assert_eq!(page["partitionKey"], pk.as_str());
}

#[test]
fn each_item_carries_its_values_and_a_token_that_covers_them() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("values");
    client.put(&pk, "sk", None, "one").expect(204);
    client.put(&pk, "sk", None, "two").expect(204);
    let items = page_items(&ask(&client, &pk, json!({})));
    assert_eq!(items.len(), 1);
    assert!(items[0].1.holds(&[Some("one"), Some("two")]));
    assert_eq!(items[0].1, client.read(&pk, "sk"));
    assert!(client.write(&pk, "sk", Some(&items[0].1.token), "three").holds(&[Some("three")]));
}

#[test]
fn tombstones_are_left_out_unless_asked_for_and_shown_beside_values() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("tombstones");
    client.fill(&pk, &["alive", "dead"]);
    let dead = client.read(&pk, "dead");
    client.delete(&pk, "dead", Some(&dead.token)).expect(204);
    let mixed = client.write(&pk, "mixed", None, "first");
    client.put(&pk, "mixed", None, "second").expect(204);
    client.delete(&pk, "mixed", Some(&mixed.token)).expect(204);
    let items = page_items(&ask(&client, &pk, json!({})));
    assert_eq!(items.iter().map(|(sk, _)| sk.as_str()).collect::<Vec<_>>(), ["alive", "mixed"]);
    assert!(items[1].1.holds(&[Some("second"), None]));
    let items = page_items(&ask(&client, &pk, json!({ "tombstones": true })));
    assert_eq!(items.iter().map(|(sk, _)| sk.as_str()).collect::<Vec<_>>(), ["alive", "dead", "mixed"]);
    assert!(items[1].1.holds(&[None]));
}

#[test]
fn the_limit_counts_what_the_filters_leave() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("filtered");
    client.fill(&pk, &["1", "2", "3", "4", "5", "6"]);
    for sk in ["1", "3", "4"] {
        let item = client.read(&pk, sk);
        client.delete(&pk, sk, Some(&item.token)).expect(204);
    }
    check(&client, &pk, &json!({ "limit": 1 }), &["2"], Some("5"));
    check(&client, &pk, &json!({ "limit": 2 }), &["2", "5"], Some("6"));
    check(&client, &pk, &json!({ "limit": 3 }), &["2", "5", "6"], None);
    check(&client, &pk, &json!({ "limit": 2, "tombstones": true }), &["1", "2"], Some("3"));
    client.put(&pk, "5", None, "conflict").expect(204);
    client.put(&pk, "6", None, "conflict").expect(204);
    check(&client, &pk, &json!({ "limit": 1, "conflictsOnly": true }), &["5"], Some("6"));
}

#[test]
fn conflicts_only_shows_items_with_several_distinct_values() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("conflicts");
    client.fill(&pk, &["quiet", "twice", "value-and-tombstone"]);
    client.put(&pk, "twice", None, "other").expect(204);
    let quiet = client.read(&pk, "quiet");
    client.put(&pk, "quiet", None, "quiet").expect(204);
    let item = client.read(&pk, "value-and-tombstone");
    client.put(&pk, "value-and-tombstone", None, "newer").expect(204);
    client.delete(&pk, "value-and-tombstone", Some(&item.token)).expect(204);
    assert!(quiet.holds(&[Some("quiet")]));
    check(&client, &pk, &json!({ "conflictsOnly": true }), &["twice", "value-and-tombstone"], None);
}

#[test]
fn a_single_item_is_asked_for_by_its_start() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("single");
    client.fill(&pk, &["a", "ab", "b"]);
    check(&client, &pk, &json!({ "start": "a", "singleItem": true }), &["a"], None);
    check(&client, &pk, &json!({ "start": "missing", "singleItem": true }), &[], None);
    let a = client.read(&pk, "a");
    client.delete(&pk, "a", Some(&a.token)).expect(204);
    check(&client, &pk, &json!({ "start": "a", "singleItem": true }), &[], None);
    check(&client, &pk, &json!({ "start": "a", "singleItem": true, "tombstones": true }), &["a"], None);
}

#[test]
fn a_single_item_needs_a_start_and_forbids_a_range() {
    let node = shared_node();
    let client = node.client();
    for extra in [
        json!({}),
        json!({ "start": "a", "prefix": "a" }),
        json!({ "start": "a", "end": "b" }),
        json!({ "start": "a", "limit": 1 }),
        json!({ "start": "a", "reverse": true }),
    ] {
        let mut query = extra;
        query["partitionKey"] = json!("pk");
        query["singleItem"] = json!(true);
        check_error(&client.search(&json!([query])), 400, "InvalidRequest");
    }
}

#[test]
fn several_queries_are_answered_in_their_order() {
    let node = shared_node();
    let client = node.client();
    let (one, two) = (unique("one"), unique("two"));
    client.fill(&one, &["x", "y"]);
    client.fill(&two, &["z"]);
    let queries = json!([
        { "partitionKey": two },
        { "partitionKey": one, "limit": 1 },
        { "partitionKey": unique("nothing") },
        { "partitionKey": one, "reverse": true },
    ]);
    let answers = client.search(&queries).expect(200).json();
    let keys: Vec<_> = answers.as_array().unwrap().iter().map(sort_keys_of).collect();
    assert_eq!(keys, [vec!["z"], vec!["x"], vec![], vec!["y", "x"]]);
}

#[test]
fn no_query_gets_no_answer() {
    let node = shared_node();
    assert_eq!(node.client().search(&json!([])).expect(200).json(), json!([]));
}

#[test]
fn queries_that_do_not_parse_are_refused_before_anything_is_sent() {
    let node = shared_node();
    let client = node.client();
    for body in [
        "",
        "{}",
        "null",
        "[",
        "[{}]",
        r#"[{"partitionKey":1}]"#,
        r#"[{"partitionKey":""}]"#,
        r#"[{"partitionKey":null}]"#,
        r#"[{"partitionKey":"p","limit":-1}]"#,
        r#"[{"partitionKey":"p","limit":"1"}]"#,
        r#"[{"partitionKey":"p","limit":18446744073709551616}]"#,
        r#"[{"partitionKey":"p","reverse":"true"}]"#,
        r#"[{"partitionKey":"p"}] trailing"#,
        r#"[{"partitionKey":"p"},{"partitionKey":"p","prefix":"a","start":"b"}]"#,
    ] {
        let request = client.request("SEARCH", None, &[]).with_body(body);
        check_error(&client.call(request), 400, "InvalidRequest");
    }
    let wrong_start = json!([{ "partitionKey": "p", "prefix": "a", "start": "b" }]);
    let message = check_error(&client.search(&wrong_start), 400, "InvalidRequest");
    assert!(message.contains("Start key 'b' does not start with prefix 'a'"), "{message}");
}

#[test]
fn strings_come_without_needless_escapes() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("é/😀");
    client.put(&pk, "a/b é \"quoted\"", None, "x").expect(204);
    let answer = client.search(&json!([{ "partitionKey": pk }])).expect(200);
    assert!(answer.text().contains(&pk), "{answer}");
    assert!(answer.text().contains(r#""a/b é \"quoted\"""#), "{answer}");
    assert!(answer.text().contains(&format!("\"{}\"", base64("x"))), "{answer}");
    assert!(!answer.text().contains("\\u") && !answer.text().contains("\\/"), "{answer}");
}
