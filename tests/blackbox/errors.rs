//! The body of an error: one shape everywhere, with the request's own path and nothing of the server's inside.

use crate::harness::{check_error, shared_node, unique};
use serde_json::json;

#[test]
fn an_error_names_its_region_and_the_path_that_was_asked_for() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("error");
    let answer = client.get(&pk, "sk");
    check_error(&answer, 404, "NoSuchKey");
    let body = answer.json();
    assert_eq!(body["region"], client.credentials.region.as_str());
    assert_eq!(body["path"], format!("/{}/{pk}", client.bucket));
}

#[test]
fn what_was_asked_for_is_quoted_safely() {
    let node = shared_node();
    let client = node.client();
    let answer = client.get("quote\"back\\slash\nline é😀", "missing");
    check_error(&answer, 404, "NoSuchKey");
    let search = json!([{ "partitionKey": "p", "prefix": "\"\n\u{1}", "start": "</script>\\" }]);
    check_error(&client.search(&search), 400, "InvalidRequest");
}

#[test]
fn the_connection_lives_on_after_a_refusal() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("goes-on");
    let mut connection = crate::harness::Connection::open(node.addr).unwrap();
    for _ in 0..20 {
        let refused = client.credentials.sign(client.put_request(&pk, "", None, "a body that nobody reads"));
        check_error(&connection.call(&refused).unwrap(), 400, "InvalidRequest");
        let fine = client.credentials.sign(client.put_request(&pk, "sk", None, "same"));
        connection.call(&fine).unwrap().expect(204);
    }
}
