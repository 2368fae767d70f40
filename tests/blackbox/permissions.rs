//! Permissions: what a key may do, per bucket, and which bucket a name means to it.

use crate::harness::admin::{OWNER, READ, WRITE};
use crate::harness::{Client, Response, check_error, shared_node, unique};
use serde_json::json;

/// Every call that takes the permission to read, and every one that takes the permission to write.
fn reading_and_writing(client: &Client, token: &str) -> (Vec<Response>, Vec<Response>) {
    let head = client.call(client.request("HEAD", Some("pk"), &[("sort_key", "sk")]));
    let mut reads = vec![
        client.get("pk", "sk"),
        client.poll("pk", "sk", token, "1"),
        client.index(&[]),
        client.search(&json!([{ "partitionKey": "pk" }])),
        client.poll_range("pk", &json!({})),
    ];
    if head.status != 200 {
        assert_eq!(head.status, 403);
    }
    reads.retain(|answer| !matches!(answer.status, 200 | 304));
    let mut writes = vec![
        client.put("pk", "other", None, "x"),
        client.delete("pk", "sk", Some(token)),
        client.insert_batch(&json!([{ "pk": "pk", "sk": "other", "v": "" }])),
        client.delete_batch(&json!([{ "partitionKey": "pk", "prefix": "other" }])),
    ];
    writes.retain(|answer| !matches!(answer.status, 200 | 204));
    (reads, writes)
}

#[track_caller]
fn check_denied(answers: &[Response], expected: usize) {
    assert_eq!(answers.len(), expected);
    for answer in answers {
        check_error(answer, 403, "AccessDenied");
    }
}

#[test]
fn each_call_takes_the_permission_that_the_contract_names() {
    let node = shared_node();
    let admin = node.admin();
    let bucket = unique("permissions");
    let id = admin.create_bucket(&bucket);
    admin.allow(&id, &node.credentials, &[READ, WRITE]);
    let master = node.client().in_bucket(&bucket);
    let token = master.write("pk", "sk", None, "x").token;
    let key = |permissions: &[&str]| {
        let key = admin.create_key(&unique("key"), &node.credentials.region);
        admin.allow(&id, &key, permissions);
        key
    };
    for (permissions, reads_denied, writes_denied) in
        [(&[][..], 5, 4), (&[READ][..], 0, 4), (&[WRITE][..], 5, 0), (&[READ, WRITE][..], 0, 0)]
    {
        let client = master.with_key(&key(permissions));
        let (reads, writes) = reading_and_writing(&client, &token);
        check_denied(&reads, reads_denied);
        check_denied(&writes, writes_denied);
    }
    let owner = key(&[OWNER]);
    let client = master.with_key(&owner);
    check_error(&client.put("pk", "never", None, "x"), 403, "AccessDenied");
}

#[test]
fn a_permission_that_is_taken_back_is_gone_at_once() {
    let node = shared_node();
    let admin = node.admin();
    let bucket = unique("taken-back");
    let id = admin.create_bucket(&bucket);
    let key = admin.create_key(&unique("key"), &node.credentials.region);
    let client = node.client().in_bucket(&bucket).with_key(&key);
    check_error(&client.put("pk", "sk", None, "x"), 403, "AccessDenied");
    admin.allow(&id, &key, &[READ, WRITE]);
    client.put("pk", "sk", None, "x").expect(204);
    admin.deny(&id, &key, &[WRITE]);
    check_error(&client.put("pk", "sk", None, "y"), 403, "AccessDenied");
    assert!(client.read("pk", "sk").holds(&[Some("x")]));
    admin.deny(&id, &key, &[READ]);
    check_error(&client.get("pk", "sk"), 403, "AccessDenied");
}

#[test]
fn a_deleted_key_is_an_unknown_key() {
    let node = shared_node();
    let admin = node.admin();
    let bucket = unique("deleted-key");
    let id = admin.create_bucket(&bucket);
    let key = admin.create_key(&unique("key"), &node.credentials.region);
    admin.allow(&id, &key, &[READ, WRITE]);
    let client = node.client().in_bucket(&bucket).with_key(&key);
    client.put("pk", "sk", None, "x").expect(204);
    admin.post("/v2/DeleteKey", &[("id", &key.key_id)], &json!(null)).expect(200);
    check_error(&client.get("pk", "sk"), 403, "AccessDenied");
}

#[test]
fn a_local_alias_wins_over_a_global_one_for_its_key_alone() {
    let node = shared_node();
    let admin = node.admin();
    let name = unique("same-name");
    let global = admin.create_bucket(&name);
    let local = admin.create_bucket(&unique("other"));
    let key = admin.create_key(&unique("key"), &node.credentials.region);
    for id in [&global, &local] {
        admin.allow(id, &key, &[READ, WRITE]);
        admin.allow(id, &node.credentials, &[READ, WRITE]);
    }
    admin.add_local_alias(&local, &key, &name);
    let everybody = node.client().in_bucket(&name);
    let insider = everybody.with_key(&key);
    everybody.put("pk", "sk", None, "global").expect(204);
    insider.put("pk", "sk", None, "local").expect(204);
    assert!(everybody.read("pk", "sk").holds(&[Some("global")]));
    assert!(insider.read("pk", "sk").holds(&[Some("local")]));
    assert!(everybody.in_bucket(&local).read("pk", "sk").holds(&[Some("local")]));
    assert!(insider.in_bucket(&global).read("pk", "sk").holds(&[Some("global")]));
}
