//! The log: what operators need, and nothing that is nobody's business.

use crate::harness::{Home, Node};

#[test]
fn no_secret_and_no_value_is_ever_logged_not_even_when_everything_is() {
    let environment =
        [("TROUPE_LOG", "trace"), ("RUST_LOG", "trace"), ("TROUPE_RPC_SECRET", &"ab".repeat(32))];
    let node = Node::dev_in(Home::new(), &environment);
    let client = node.client();
    let value = "the-value-that-nobody-may-see";
    let written = client.write("pk", "sk", None, value);
    client.fill("pk", &["batched-value-that-nobody-may-see"]);
    client.get("pk", "missing").expect(404);
    client.delete("pk", "sk", Some(&written.token)).expect(204);
    let presigned = client.credentials.presign(client.request("GET", Some("pk"), &[("sort_key", "sk")]));
    client.exchange(&presigned).expect(200);
    let log = node.log();
    assert!(log.contains("started"), "{log}");
    let signature = presigned.query.rsplit("X-Amz-Signature=").next().unwrap();
    let base64 = crate::harness::base64(value);
    for secret in [&client.credentials.secret, value, base64.as_str(), &"ab".repeat(32), signature] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}

#[test]
fn a_slow_request_is_worth_a_line_and_a_patient_poll_is_not() {
    let node = Node::dev_in(Home::new(), &[("TROUPE_SLOW_REQUEST_MS", "0")]);
    let client = node.client();
    let written = client.write("slow-partition", "sk", None, "x");
    let log = node.log();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("slow")), "{log}");
    let before = node.log().len();
    client.poll("slow-partition", "sk", &written.token, "1").expect(304);
    let log = node.log();
    assert!(!log[before..].contains("slow"), "{}", &log[before..]);
}
