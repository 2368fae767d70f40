//! Signatures: every row of the table, in the header form and as a presigned URL.

use crate::harness::sign::Signing;
use crate::harness::{Client, Credentials, Request, check_error, shared_node, unique};
use std::time::{Duration, SystemTime};

fn read_request(client: &Client, pk: &str) -> Request {
    client.request("GET", Some(pk), &[("sort_key", "sk")])
}

fn with_item(client: &Client) -> String {
    let pk = unique("signed");
    client.put(&pk, "sk", None, "value").expect(204);
    pk
}

#[track_caller]
fn check(client: &Client, request: &Request, status: u16, code: &str) -> String {
    check_error(&client.exchange(request), status, code)
}

#[test]
fn without_credentials_there_is_no_access() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    check(&client, &read_request(&client, &pk), 403, "AccessDenied");
    let anonymous = client.request("GET", None, &[]);
    check(&client, &anonymous, 403, "AccessDenied");
}

#[test]
fn an_unknown_key_and_a_wrong_secret_are_told_the_same() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let wrong_secret = Credentials { secret: "0".repeat(64), ..client.credentials.clone() };
    let unknown =
        Credentials { key_id: "GK000000000000000000000000".to_owned(), ..client.credentials.clone() };
    let messages = [wrong_secret, unknown].map(|credentials| {
        check(&client, &credentials.sign(read_request(&client, &pk)), 403, "AccessDenied")
    });
    assert_eq!(messages[0], messages[1]);
}

#[test]
fn what_was_changed_after_signing_is_denied() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let signed = client.credentials.sign(read_request(&client, &pk).with("x-amz-meta-note", "a"));
    let mut method = signed.clone();
    method.method = "HEAD".to_owned();
    assert_eq!(client.exchange(&method).status, 403);
    let mut path = signed.clone();
    path.path.push('x');
    check(&client, &path, 403, "AccessDenied");
    let mut query = signed.clone();
    query.query.push('x');
    check(&client, &query, 403, "AccessDenied");
    let mut header = signed.clone();
    header.replace("x-amz-meta-note", |_| "b".to_owned());
    check(&client, &header, 403, "AccessDenied");
    let mut signature = signed.clone();
    signature.replace("authorization", |value| {
        let (rest, last) = value.split_at(value.len() - 1);
        format!("{rest}{}", if last == "0" { "1" } else { "0" })
    });
    check(&client, &signature, 403, "AccessDenied");
    client.exchange(&signed).expect(200);
}

#[test]
fn another_region_service_or_day_is_malformed() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let elsewhere = Credentials { region: "us-east-1".to_owned(), ..client.credentials.clone() };
    let message =
        check(&client, &elsewhere.sign(read_request(&client, &pk)), 400, "AuthorizationHeaderMalformed");
    assert!(message.contains(&client.credentials.region), "it says which region to sign for: {message}");
    let s3 = Signing { service: "s3", ..Signing::default() };
    let request = client.credentials.sign_as(read_request(&client, &pk), &s3);
    check(&client, &request, 400, "AuthorizationHeaderMalformed");
    let mut other_day = client.credentials.sign(read_request(&client, &pk));
    let day = other_day.header("x-amz-date").unwrap()[..8].to_owned();
    other_day.replace("authorization", |value| value.replacen(&day, "20010101", 1));
    check(&client, &other_day, 400, "AuthorizationHeaderMalformed");
}

#[test]
fn credentials_that_do_not_parse_are_malformed() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let signed = client.credentials.sign(read_request(&client, &pk));
    for broken in [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=00",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA1 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=00",
        "garbage",
    ] {
        let mut request = signed.clone();
        request.replace("authorization", |_| broken.to_owned());
        check(&client, &request, 400, "AuthorizationHeaderMalformed");
    }
}

#[test]
fn the_clock_window_is_a_quarter_of_an_hour_either_way() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let now = SystemTime::now();
    let at = |time| {
        let signing = Signing { time, ..Signing::default() };
        client.exchange(&client.credentials.sign_as(read_request(&client, &pk), &signing))
    };
    for time in [now - minutes(13), now + minutes(13)] {
        at(time).expect(200);
    }
    for time in [now - minutes(17), now + minutes(17), now - minutes(60 * 24), now + minutes(60 * 24 * 365)] {
        check_error(&at(time), 403, "RequestTimeTooSkewed");
    }
}

#[test]
fn host_and_amz_headers_must_be_signed_and_garage_headers_may_be() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let amz = client.credentials.sign(read_request(&client, &pk)).with("x-amz-meta-late", "1");
    check(&client, &amz, 400, "InvalidRequest");
    let mut hostless = client.credentials.sign(read_request(&client, &pk));
    hostless.replace("authorization", |value| value.replace("SignedHeaders=host;", "SignedHeaders="));
    check(&client, &hostless, 400, "InvalidRequest");
    assert!(client.read(&pk, "sk").holds(&[Some("value")]));
    let free = client.credentials.sign(read_request(&client, &pk)).with("x-other", "unsigned is fine");
    client.exchange(&free).expect(200);
    let token = client.read(&pk, "sk").token;
    let put = client.credentials.sign(client.put_request(&pk, "sk", None, "replaced"));
    client.exchange(&put.with("x-garage-causality-token", &token)).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("replaced")]));
    let token = client.read(&pk, "sk").token;
    let mut changed = client.credentials.sign(client.put_request(&pk, "sk", Some(&token), "other"));
    changed.replace("x-garage-causality-token", |token| token[1..].to_owned());
    check(&client, &changed, 403, "AccessDenied");
}

#[test]
fn the_date_is_mandatory_in_the_header_form() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let dateless = client.credentials.sign(read_request(&client, &pk)).without("x-amz-date");
    check(&client, &dateless, 400, "InvalidRequest");
}

#[test]
fn a_body_that_is_not_the_signed_one_is_refused_and_nothing_stored() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("digest");
    let mut put = client.credentials.sign(client.put_request(&pk, "sk", None, "signed"));
    put.body = b"forged".to_vec();
    check(&client, &put, 400, "InvalidDigest");
    assert_eq!(client.get(&pk, "sk").status, 404);
    let batch = format!(r#"[{{"pk":"{pk}","sk":"sk","v":""}}]"#);
    let mut post = client.credentials.sign(client.request("POST", None, &[]).with_body("[]"));
    post.body = batch.into_bytes();
    check(&client, &post, 400, "InvalidDigest");
    assert_eq!(client.get(&pk, "sk").status, 404);
}

#[test]
fn an_unsigned_payload_is_taken_as_it_is() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("unsigned-payload");
    let signing = Signing { covers_body: false, ..Signing::default() };
    let put = client.credentials.sign_as(client.put_request(&pk, "sk", None, "any"), &signing);
    assert_eq!(put.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    client.exchange(&put).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("any")]));
}

#[test]
fn other_payload_forms_are_refused() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("payload-forms");
    for form in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "abc", ""] {
        let mut put = client.credentials.sign(client.put_request(&pk, "sk", None, "x"));
        put.replace("x-amz-content-sha256", |_| form.to_owned());
        check(&client, &put, 400, "InvalidRequest");
    }
    assert_eq!(client.get(&pk, "sk").status, 404);
}

#[test]
fn a_presigned_url_opens_what_it_was_signed_for() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let presigned = client.credentials.presign(read_request(&client, &pk));
    let answer = client.exchange(&presigned).expect(200);
    assert_eq!(answer.text(), r#"["dmFsdWU="]"#);
    let mut other = presigned.clone();
    other.query = other.query.replacen("sort_key=sk", "sort_key=other", 1);
    check(&client, &other, 403, "AccessDenied");
    let put = client.credentials.presign(client.put_request(&pk, "uploaded", None, "by url"));
    client.exchange(&put).expect(204);
    assert!(client.read(&pk, "uploaded").holds(&[Some("by url")]));
}

#[test]
fn a_presigned_url_runs_out() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let signed = |ago_s: u64, for_s: u64| {
        let signing = Signing {
            time: SystemTime::now() - Duration::from_secs(ago_s),
            presigned_for: Some(Duration::from_secs(for_s)),
            covers_body: false,
            ..Signing::default()
        };
        client.exchange(&client.credentials.sign_as(read_request(&client, &pk), &signing))
    };
    signed(3600, 7200).expect(200);
    signed(6 * 24 * 3600, 604_800).expect(200);
    check_error(&signed(120, 60), 403, "RequestTimeTooSkewed");
    check_error(&signed(0, 604_801), 400, "InvalidRequest");
}

#[test]
fn a_life_that_is_no_number_of_seconds_up_to_a_week_is_refused() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    for life in
        ["0", "-1", "604801", "18446744073709551616", "99999999999999999999999", "1e3", "", "+5", "%20"]
    {
        let mut presigned = client.credentials.presign(read_request(&client, &pk));
        presigned.query = presigned.query.replace("X-Amz-Expires=300", &format!("X-Amz-Expires={life}"));
        check(&client, &presigned, 400, "InvalidRequest");
    }
}

#[test]
fn credentials_given_twice_are_refused() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let both = client.credentials.sign(client.credentials.presign(read_request(&client, &pk)));
    check(&client, &both, 400, "InvalidRequest");
    let signed = client.credentials.sign(read_request(&client, &pk));
    let authorization = signed.header("authorization").unwrap().to_owned();
    check(&client, &signed.with("authorization", &authorization), 400, "InvalidRequest");
    let mut presigned = client.credentials.presign(read_request(&client, &pk));
    presigned.query.push_str("&X-Amz-Expires=300");
    check(&client, &presigned, 400, "InvalidRequest");
}

#[test]
fn header_values_are_trimmed_collapsed_and_joined_before_signing() {
    let node = shared_node();
    let client = node.client();
    let pk = with_item(&client);
    let mut request = client.credentials.sign(read_request(&client, &pk).with("x-amz-meta-note", "a b c"));
    request.replace("x-amz-meta-note", |_| "   a   b  c  ".to_owned());
    client.exchange(&request).expect(200);
    let mut joined = client.credentials.sign(read_request(&client, &pk).with("x-amz-meta-list", "one,two"));
    joined.replace("x-amz-meta-list", |_| "one".to_owned());
    client.exchange(&joined.with("x-amz-meta-list", "two")).expect(200);
}
