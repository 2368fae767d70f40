//! InsertBatch: everything or nothing, with the strictness that keeps a mistake from becoming data.

use crate::harness::{base64, check_error, shared_node, unique};
use serde_json::json;

#[test]
fn a_batch_writes_deletes_and_replaces() {
    let node = shared_node();
    let client = node.client();
    let (one, two) = (unique("batch"), unique("batch"));
    let replaced = client.write(&one, "replaced", None, "old");
    let deleted = client.write(&one, "deleted", None, "old");
    let batch = json!([
        { "pk": one, "sk": "new", "ct": null, "v": base64("new") },
        { "pk": one, "sk": "replaced", "ct": replaced.token, "v": base64("newer") },
        { "pk": one, "sk": "deleted", "ct": deleted.token, "v": null },
        { "pk": two, "sk": "elsewhere", "v": "" },
        { "pk": two, "sk": "nothing" },
    ]);
    let answer = client.insert_batch(&batch).expect(204);
    assert!(answer.body.is_empty());
    assert!(client.read(&one, "new").holds(&[Some("new")]));
    assert!(client.read(&one, "replaced").holds(&[Some("newer")]));
    assert!(client.read(&one, "deleted").holds(&[None]));
    assert!(client.read(&two, "elsewhere").holds(&[Some("")]));
    assert!(client.read(&two, "nothing").holds(&[None]), "a missing value deletes");
}

#[test]
fn an_empty_batch_is_fine() {
    let node = shared_node();
    node.client().insert_batch(&json!([])).expect(204);
}

#[test]
fn the_same_key_twice_makes_two_concurrent_values() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("twice");
    let batch =
        json!([{ "pk": pk, "sk": "sk", "v": base64("a") }, { "pk": pk, "sk": "sk", "v": base64("b") }]);
    client.insert_batch(&batch).expect(204);
    let both = client.read(&pk, "sk");
    assert!(both.holds(&[Some("a"), Some("b")]));
    let batch = json!([
        { "pk": pk, "sk": "sk", "ct": both.token, "v": base64("c") },
        { "pk": pk, "sk": "sk", "ct": both.token, "v": base64("d") },
    ]);
    client.insert_batch(&batch).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("c"), Some("d")]));
}

#[test]
fn everything_is_validated_before_anything_is_written() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("nothing-written");
    let long = "k".repeat(1025);
    for (bad, code) in [
        (json!({ "pk": pk, "sk": "", "v": "" }), "InvalidRequest"),
        (json!({ "pk": "", "sk": "sk", "v": "" }), "InvalidRequest"),
        (json!({ "pk": pk, "v": "" }), "InvalidRequest"),
        (json!({ "sk": "sk", "v": "" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": 5, "v": "" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "v": 5 }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "v": "YQ" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "v": "-_-_" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "v": "YQ==\n" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "v": "YR==" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "v": "Y Q=" }), "InvalidRequest"),
        (json!({ "pk": pk, "sk": "sk", "ct": "AAAA", "v": "" }), "CausalityToken"),
        (json!({ "pk": pk, "sk": "sk", "ct": 1, "v": "" }), "InvalidRequest"),
        (json!({ "pk": long, "sk": "sk", "v": "" }), "KeyTooLong"),
        (json!({ "pk": pk, "sk": long, "v": "" }), "KeyTooLong"),
        (json!("text"), "InvalidRequest"),
        (json!(null), "InvalidRequest"),
    ] {
        let batch = json!([{ "pk": pk, "sk": "first", "v": "" }, bad]);
        check_error(&client.insert_batch(&batch), 400, code);
        assert_eq!(client.get(&pk, "first").status, 404, "{batch}");
    }
}

#[test]
fn a_body_that_is_no_list_is_refused() {
    let node = shared_node();
    let client = node.client();
    for body in ["", "{}", "null", "[", "[]]", "\u{feff}[]", "[1]", "\"[]\"", "[{\"pk\":\"a\"}"] {
        let answer = client.call(client.request("POST", None, &[]).with_body(body));
        check_error(&answer, 400, "InvalidRequest");
    }
    let not_text = client.call(client.request("POST", None, &[]).with_body(&b"[\"\xff\xfe\"]"[..]));
    assert_eq!(not_text.status, 400);
}

#[test]
fn a_batch_over_many_partitions_arrives_whole() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("many");
    let items: Vec<_> = (0..1000)
        .map(|i| json!({ "pk": format!("{pk}/{}", i % 100), "sk": format!("{i:04}"), "v": base64(i.to_string()) }))
        .collect();
    client.insert_batch(&json!(items)).expect(204);
    let queries: Vec<_> = (0..100).map(|i| json!({ "partitionKey": format!("{pk}/{i}") })).collect();
    let answers = client.search(&json!(queries)).expect(200).json();
    for (i, page) in answers.as_array().unwrap().iter().enumerate() {
        let items = crate::harness::page_items(page);
        let expected: Vec<_> = (0..10).map(|row| format!("{:04}", row * 100 + i)).collect();
        assert_eq!(items.iter().map(|(sk, _)| sk).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    }
}
