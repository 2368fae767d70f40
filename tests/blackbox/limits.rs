//! Limits: what fits, what does not, and that the refusal says where the limit is.

use crate::harness::{Home, Node, check_error, shared_node, unique};
use serde_json::json;

#[test]
fn keys_of_1024_bytes_fit_and_longer_ones_are_told_the_limit() {
    let node = shared_node();
    let client = node.client();
    let stem = unique("long");
    let longest = format!("{stem}{}", "k".repeat(1024 - stem.len()));
    let too_long = format!("{longest}k");
    client.put(&longest, &longest, None, "fits").expect(204);
    assert!(client.read(&longest, &longest).holds(&[Some("fits")]));
    assert_eq!(client.list(&json!({ "partitionKey": longest })).len(), 1);
    let multi_byte = "é".repeat(513);
    for (pk, sk) in [(&too_long, "sk"), (&stem, too_long.as_str()), (&stem, multi_byte.as_str())] {
        for answer in [client.get(pk, sk), client.put(pk, sk, None, "x")] {
            let message = check_error(&answer, 400, "KeyTooLong");
            assert!(message.contains("1024") || message.contains("1,024"), "{message}");
        }
    }
    let answer = client.search(&json!([{ "partitionKey": too_long }]));
    check_error(&answer, 400, "KeyTooLong");
}

#[test]
fn a_value_up_to_the_limit_fits_and_a_longer_one_is_told_the_limit() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("value-limit");
    let largest = vec![b'v'; 1 << 20];
    client.put(&pk, "sk", None, &largest).expect(204);
    let read = client.get_accepting(&pk, "sk", "application/octet-stream").expect(200);
    assert!(read.body == largest);
    let message =
        check_error(&client.put(&pk, "more", None, [&largest[..], b"v"].concat()), 413, "EntityTooLarge");
    assert!(
        message.contains("1048576") || message.contains("1 MiB") || message.contains("1,048,576"),
        "{message}"
    );
    let base64 = crate::harness::base64([&largest[..], b"v"].concat());
    let batch = json!([{ "pk": pk, "sk": "first", "v": "" }, { "pk": pk, "sk": "more", "v": base64 }]);
    check_error(&client.insert_batch(&batch), 413, "EntityTooLarge");
    assert_eq!(client.get(&pk, "first").status, 404);
    assert_eq!(client.get(&pk, "more").status, 404);
}

#[test]
fn configured_limits_are_obeyed_and_stated() {
    let environment = [
        ("TROUPE_VALUE_BYTES_MAX", "100"),
        ("TROUPE_BODY_BYTES_MAX", "2000"),
        ("TROUPE_CONCURRENT_VALUES_MAX", "3"),
    ];
    let node = Node::dev_in(Home::new(), &environment);
    let client = node.client();
    client.put("pk", "sk", None, [b'v'; 100]).expect(204);
    let message = check_error(&client.put("pk", "sk", None, [b'v'; 101]), 413, "EntityTooLarge");
    assert!(message.contains("100"), "{message}");
    let body = format!("[{}]", " ".repeat(2000));
    let batch = client.request("POST", None, &[]).with_body(body);
    let message = check_error(&client.call(batch), 413, "EntityTooLarge");
    assert!(message.contains("2000") || message.contains("2,000"), "{message}");
    client.put("pk", "sk", None, "second").expect(204);
    client.put("pk", "sk", None, "third").expect(204);
    let message = check_error(&client.put("pk", "sk", None, "fourth"), 409, "TooManyConcurrentValues");
    assert!(message.contains('3'), "{message}");
}

#[test]
fn one_concurrent_value_too_many_is_refused_until_somebody_resolves_them() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("too-many");
    let batch: Vec<_> = (0..256)
        .map(|i| json!({ "pk": pk, "sk": "sk", "v": crate::harness::base64(i.to_string()) }))
        .collect();
    client.insert_batch(&json!(batch)).expect(204);
    let full = client.read(&pk, "sk");
    assert_eq!(full.values.len(), 256);
    check_error(&client.put(&pk, "sk", None, "one more"), 409, "TooManyConcurrentValues");
    let also = json!([{ "pk": pk, "sk": "free", "v": "" }, { "pk": pk, "sk": "sk", "v": "" }]);
    check_error(&client.insert_batch(&also), 409, "TooManyConcurrentValues");
    assert_eq!(client.get(&pk, "free").status, 404, "the batch is refused as a whole");
    assert_eq!(client.read(&pk, "sk"), full);
    assert!(client.write(&pk, "sk", Some(&full.token), "resolved").holds(&[Some("resolved")]));
    client.put(&pk, "sk", None, "again").expect(204);
}
