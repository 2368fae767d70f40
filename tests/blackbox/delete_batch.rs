//! DeleteBatch: ranges of tombstones.

use crate::harness::{check_error, shared_node, unique};
use serde_json::json;

#[test]
fn a_range_is_deleted_and_counted() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("range");
    client.fill(&pk, &["a1", "a2", "a3", "b1", "b2"]);
    let answer =
        client.delete_batch(&json!([{ "partitionKey": pk, "prefix": "a", "start": "a2" }])).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = json!([{
        "partitionKey": pk, "prefix": "a", "start": "a2", "end": null, "singleItem": false, "deletedItems": 2,
    }]);
    assert_eq!(answer.json(), expected);
    let left: Vec<_> = client.list(&json!({ "partitionKey": pk })).into_iter().map(|(sk, _)| sk).collect();
    assert_eq!(left, ["a1", "b1", "b2"]);
    assert!(client.read(&pk, "a2").holds(&[None]));
    let again = client.delete_batch(&json!([{ "partitionKey": pk, "end": "b2" }])).expect(200).json();
    assert_eq!(again[0]["deletedItems"], 2, "what is deleted already is not deleted again");
}

#[test]
fn a_whole_partition_goes_and_leaves_the_index() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("whole");
    client.fill(&pk, &["1", "2", "3"]);
    client.put(&pk, "2", None, "conflict").expect(204);
    let answer = client.delete_batch(&json!([{ "partitionKey": pk }])).expect(200).json();
    assert_eq!(answer[0]["deletedItems"], 3);
    let index = client.index(&[("prefix", &pk)]).expect(200).json();
    assert_eq!(index["partitionKeys"], json!([]));
    assert!(client.read(&pk, "2").holds(&[None]), "all concurrent values are covered");
}

#[test]
fn a_single_item_is_named_by_start() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("single");
    client.fill(&pk, &["a", "ab"]);
    let delete = |start: &str| {
        let query = json!([{ "partitionKey": pk, "start": start, "singleItem": true }]);
        client.delete_batch(&query).expect(200).json()[0].clone()
    };
    assert_eq!(delete("missing")["deletedItems"], 0);
    let answer = delete("a");
    assert_eq!((&answer["deletedItems"], &answer["singleItem"]), (&json!(1), &json!(true)));
    assert_eq!(client.get(&pk, "missing").status, 404, "nothing was made for what was not there");
    assert!(client.read(&pk, "ab").holds(&[Some("ab")]));
}

#[test]
fn other_fields_are_ignored() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("ignored");
    client.fill(&pk, &["1", "2"]);
    let query = json!([{ "partitionKey": pk, "limit": 1, "reverse": true, "tombstones": true, "odd": 1 }]);
    assert_eq!(client.delete_batch(&query).expect(200).json()[0]["deletedItems"], 2);
}

#[test]
fn queries_that_mean_nothing_are_refused_and_delete_nothing() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("refused");
    client.fill(&pk, &["a"]);
    for bad in [
        json!({}),
        json!({ "partitionKey": "" }),
        json!({ "partitionKey": pk, "prefix": "a", "start": "b" }),
        json!({ "partitionKey": pk, "singleItem": true }),
        json!({ "partitionKey": pk, "singleItem": true, "start": "a", "prefix": "a" }),
        json!({ "partitionKey": pk, "singleItem": true, "start": "a", "end": "b" }),
        json!({ "partitionKey": pk, "prefix": 1 }),
    ] {
        let answer = client.delete_batch(&json!([{ "partitionKey": pk }, bad]));
        check_error(&answer, 400, "InvalidRequest");
    }
    assert!(client.read(&pk, "a").holds(&[Some("a")]));
    assert_eq!(client.delete_batch(&json!([])).expect(200).json(), json!([]));
}
