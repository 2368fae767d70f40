//! Generic signers state no payload hash: their signature covers the hash of the body, which is read first.

use crate::harness::sign::Signing;
use crate::harness::{
    Client, Connection, Credentials, Home, Node, Request, check_error, shared_node, unique,
};
use std::time::Duration;

fn unstated() -> Signing {
    Signing { states_payload: false, ..Signing::default() }
}

fn sign(client: &Client, request: Request) -> Request {
    let signed = client.credentials.sign_as(request, &unstated());
    assert_eq!(signed.header("x-amz-content-sha256"), None);
    signed
}

#[test]
fn every_kind_of_call_is_taken_without_a_stated_payload_hash() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("unstated");
    client.exchange(&sign(&client, client.put_request(&pk, "sk", None, "value"))).expect(204);
    let read = client.request("GET", Some(&pk), &[("sort_key", "sk")]);
    assert_eq!(client.exchange(&sign(&client, read)).expect(200).text(), r#"["dmFsdWU="]"#);
    let token = client.read(&pk, "sk").token;
    // Such signers leave the token's header out of their signature.
    let put = sign(&client, client.put_request(&pk, "sk", None, "second"));
    client.exchange(&put.with("x-garage-causality-token", &token)).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("second")]));
    let batch = format!(r#"[{{"pk":"{pk}","sk":"batch","v":"dmFsdWU="}}]"#);
    client.exchange(&sign(&client, client.request("POST", None, &[]).with_body(batch))).expect(204);
    let search = format!(r#"[{{"partitionKey":"{pk}"}}]"#);
    let search = client.request("POST", None, &[("search", "")]).with_body(search);
    assert!(client.exchange(&sign(&client, search)).expect(200).text().contains(r#""sk":"batch""#));
}

#[test]
fn a_body_that_is_not_the_signed_one_is_denied_and_nothing_stored() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("unstated-forged");
    let mut put = sign(&client, client.put_request(&pk, "sk", None, "signed"));
    put.body = b"forged".to_vec();
    check_error(&client.exchange(&put), 403, "AccessDenied");
    let wrong = Credentials { secret: "0".repeat(64), ..client.credentials.clone() };
    let put = wrong.sign_as(client.put_request(&pk, "sk", None, "forged"), &unstated());
    check_error(&client.exchange(&put), 403, "AccessDenied");
    assert_eq!(client.get(&pk, "sk").status, 404);
}

#[test]
fn who_has_not_signed_learns_nothing_of_what_is_wrong_with_the_request() {
    let node = shared_node();
    let client = node.client();
    let wrong = Credentials { secret: "0".repeat(64), ..client.credentials.clone() };
    for (bucket, query) in [("no-such-bucket", "sort_key=sk"), (&client.bucket, "sort_key=%ff"), ("", "")] {
        let request = client.raw("PUT", &format!("/{bucket}/pk"), query).with_body("value");
        let answer = client.exchange(&wrong.sign_as(request.clone(), &unstated()));
        check_error(&answer, 403, "AccessDenied");
    }
    let request = client.raw("PUT", "/no-such-bucket/pk", "sort_key=sk").with_body("value");
    check_error(&client.exchange(&sign(&client, request)), 404, "NoSuchBucket");
}

#[test]
fn a_presigned_url_may_cover_its_body() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("presigned-body");
    let signing = Signing { presigned_for: Some(Duration::from_secs(300)), ..unstated() };
    let put = client.credentials.sign_as(client.put_request(&pk, "sk", None, "covered"), &signing);
    let forged = put.clone().with_body("forged");
    check_error(&client.exchange(&forged), 403, "AccessDenied");
    client.exchange(&put).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("covered")]));
    let read = client.request("GET", Some(&pk), &[("sort_key", "sk")]);
    client.exchange(&client.credentials.sign_as(read, &signing)).expect(200);
}

#[test]
fn an_unknown_key_is_refused_before_its_body_is_awaited() {
    let node = shared_node();
    let client = node.client();
    let unknown =
        Credentials { key_id: "GK000000000000000000000000".to_owned(), ..client.credentials.clone() };
    let put = client.put_request("pk", "sk", None, vec![b'x'; 1 << 20]);
    let mut connection = Connection::open(client.addr).unwrap();
    connection.send(&unknown.sign_as(put, &unstated()).head()).unwrap();
    check_error(&connection.receive().unwrap(), 403, "AccessDenied");
}

/// Three bodies of 63 MiB, all but their last byte, from someone who knows a key id and no secret.
#[test]
fn bodies_that_prove_nothing_yet_leave_room_for_those_that_did() {
    const BODY_BYTES: usize = 63 << 20;
    let node = Node::dev_in(Home::new(), &[]);
    let client = node.client();
    let guessed = Credentials { secret: "0".repeat(64), ..client.credentials.clone() };
    let request =
        client.request("POST", None, &[("search", "")]).with("content-length", &BODY_BYTES.to_string());
    let head = guessed.sign_as(request, &unstated()).head();
    let mut connections: Vec<_> = (0..3).map(|_| Connection::open(client.addr).unwrap()).collect();
    let body = vec![b' '; BODY_BYTES - 1];
    for connection in &mut connections {
        connection.send(&head).unwrap();
        // The last one is refused while it is still sending.
        let _ = connection.send(&body);
    }
    let message = check_error(&connections[2].receive().unwrap(), 503, "ServiceUnavailable");
    assert!(message.contains("x-amz-content-sha256"), "it says how to be let in: {message}");
    let value = vec![b'v'; 1 << 20];
    client.put("proven", "sk", None, &value).expect(204);
    // The share of those that hang up is given back as soon as the node hears of it.
    drop(connections);
    let large = client.request("POST", None, &[("search", "")]).with_body(vec![b' '; 32 << 20]);
    let large = sign(&client, large);
    let answer = (0..100).map(|_| client.exchange(&large)).find(|answer| answer.status != 503);
    check_error(&answer.expect("a share that is given back"), 400, "InvalidRequest");
}
