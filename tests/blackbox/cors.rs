//! Preflights and the headers that let a browser read an answer.

use crate::harness::{Response, check_error, shared_node, unique};
use crate::index::in_own_bucket;
use serde_json::json;

fn preflight(
    client: &crate::harness::Client,
    path: &str,
    origin: &str,
    method: &str,
    headers: &str,
) -> Response {
    let mut request =
        client.raw("OPTIONS", path, "").with("origin", origin).with("access-control-request-method", method);
    if !headers.is_empty() {
        request = request.with("access-control-request-headers", headers);
    }
    client.exchange(&request)
}

#[test]
fn a_preflight_is_answered_unsigned_from_the_rules_of_the_bucket() {
    let node = shared_node();
    let client = in_own_bucket(&node, "cors");
    let admin = node.admin();
    let id = admin.bucket_id(&client.bucket);
    admin.set_cors(
        &id,
        &json!([{
            "allowedOrigins": ["https://app.example"],
            "allowedMethods": ["GET", "PUT"],
            "allowedHeaders": ["authorization", "x-amz-*", "x-garage-causality-token"],
            "exposeHeaders": ["x-garage-causality-token"],
            "maxAgeSeconds": 600,
        }]),
    );
    let bucket = format!("/{}", client.bucket);
    for path in [bucket.clone(), format!("{bucket}/pk"), format!("{bucket}/a//b")] {
        let answer =
            preflight(&client, &path, "https://app.example", "PUT", "x-amz-date, X-Garage-Causality-Token");
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"), "{answer}");
        assert!(
            answer.header("access-control-allow-methods").is_some_and(|list| list.contains("PUT")),
            "{answer}"
        );
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        assert!(allowed.contains("x-garage-causality-token"), "{answer}");
    }
    for (origin, method, headers) in [
        ("https://evil.example", "PUT", ""),
        ("https://app.example", "DELETE", ""),
        ("https://app.example", "PUT", "x-secret"),
    ] {
        check_error(&preflight(&client, &bucket, origin, method, headers), 403, "AccessDenied");
    }
    client.put("pk", "sk", None, "x").expect(204);
    let get = client.request("GET", Some("pk"), &[("sort_key", "sk")]).with("origin", "https://app.example");
    let answer = client.call(get).expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"), "{answer}");
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
    assert!(exposed.contains("x-garage-causality-token"), "{answer}");
    let stranger =
        client.request("GET", Some("pk"), &[("sort_key", "sk")]).with("origin", "https://evil.example");
    assert_eq!(client.call(stranger).expect(200).header("access-control-allow-origin"), None);
}

#[test]
fn a_bucket_without_rules_refuses_every_preflight() {
    let node = shared_node();
    let client = in_own_bucket(&node, "no-cors");
    let path = format!("/{}/pk", client.bucket);
    check_error(&preflight(&client, &path, "https://app.example", "GET", ""), 403, "AccessDenied");
    let missing = format!("/{}/pk", unique("no-such-bucket"));
    let answer = preflight(&client, &missing, "https://app.example", "GET", "");
    assert!(matches!(answer.status, 403 | 404), "{answer}");
}

#[test]
fn a_wildcard_origin_is_for_everybody() {
    let node = shared_node();
    let client = in_own_bucket(&node, "any-origin");
    let admin = node.admin();
    let rules = json!([{ "allowedOrigins": ["*"], "allowedMethods": ["GET"], "allowedHeaders": ["*"] }]);
    admin.set_cors(&admin.bucket_id(&client.bucket), &rules);
    let path = format!("/{}/pk", client.bucket);
    let answer = preflight(&client, &path, "https://whoever.example", "GET", "x-anything");
    assert!(matches!(answer.status, 200 | 204), "{answer}");
    let origin = answer.header("access-control-allow-origin");
    assert!(matches!(origin, Some("*" | "https://whoever.example")), "{answer}");
}
