//! Causality tokens: sealed by the server, opaque to clients, refused when they are anything else.

use crate::harness::token::context_of;
use crate::harness::{Client, check_error, shared_node, unique};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

/// Everything that resembles `token` and is none.
fn impostors(token: &str) -> Vec<(&'static str, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let flipped = |at: usize| {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        encode(&forged)
    };
    let xor_check = {
        // What other implementations take for a check: the XOR of all that follows.
        let mut forged = bytes.clone();
        forged[16..24].copy_from_slice(&u64::MAX.to_be_bytes());
        let words = forged[8..].chunks(8).map(|word| u64::from_be_bytes(word.try_into().unwrap()));
        let check = words.fold(0, |xor, word| xor ^ word);
        forged[..8].copy_from_slice(&check.to_be_bytes());
        encode(&forged)
    };
    vec![
        ("another MAC", flipped(0)),
        ("another actor", flipped(8)),
        ("another time", flipped(bytes.len() - 1)),
        ("an XOR for a MAC", xor_check),
        ("truncated by a byte", encode(&bytes[..bytes.len() - 1])),
        ("truncated by a pair", encode(&bytes[..bytes.len() - 16])),
        ("the MAC alone", encode(&bytes[..8])),
        ("half a MAC", encode(&bytes[..4])),
        ("padded", URL_SAFE.encode([&bytes[..], &[0]].concat())),
        ("standard alphabet", STANDARD.encode([0xfb; 24])),
        ("the start of the text", token[..token.len() - 1].to_owned()),
        ("text after it", format!("{token}A")),
        ("no base64", "§$%&/()".to_owned()),
        ("a word", "token".to_owned()),
        ("five kilobytes", "A".repeat(5 * 1024)),
    ]
}

/// Every way in which a client hands a token in.
fn check_refused_everywhere(client: &Client, pk: &str, what: &str, token: &str) {
    let header_is_possible = token.bytes().all(|byte| byte.is_ascii_graphic());
    if header_is_possible {
        let inserted = client.put(pk, "sk", Some(token), "never");
        assert_eq!(inserted.status, 400, "{what}");
        check_error(&inserted, 400, "CausalityToken");
        check_error(&client.delete(pk, "sk", Some(token)), 400, "CausalityToken");
    }
    check_error(&client.poll(pk, "sk", token, "1"), 400, "CausalityToken");
    let batch =
        json!([{ "pk": pk, "sk": "first", "v": "" }, { "pk": pk, "sk": "sk", "ct": token, "v": null }]);
    check_error(&client.insert_batch(&batch), 400, "CausalityToken");
}

#[test]
fn a_token_that_was_not_issued_here_is_refused_and_changes_nothing() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("impostor");
    let genuine = client.write(&pk, "sk", None, "genuine");
    for (what, token) in impostors(&genuine.token) {
        check_refused_everywhere(&client, &pk, what, &token);
    }
    assert!(client.read(&pk, "sk").holds(&[Some("genuine")]));
    assert_eq!(client.get(&pk, "first").status, 404, "a batch with a bad token writes nothing at all");
}

#[test]
fn an_empty_token_is_a_bad_one() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("empty-token");
    client.put(&pk, "sk", None, "x").expect(204);
    check_error(&client.poll(&pk, "sk", "", "1"), 400, "CausalityToken");
    check_error(&client.put(&pk, "sk", Some(""), "y"), 400, "CausalityToken");
}

#[test]
fn a_seen_marker_is_no_token_and_a_token_is_no_marker() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("confused");
    let item = client.write(&pk, "sk", None, "x");
    let page = client.poll_range(&pk, &json!({})).expect(200).json();
    let marker = page["seenMarker"].as_str().unwrap();
    check_error(&client.poll(&pk, "sk", marker, "1"), 400, "CausalityToken");
    check_error(&client.poll_range(&pk, &json!({ "seenMarker": item.token })), 400, "InvalidRequest");
}

#[test]
fn every_write_adds_exactly_one_dot_and_time_only_grows() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("dots");
    let mut before = context_of(&client.write(&pk, "sk", None, "0").token);
    assert_eq!(before.len(), 1, "one node has one actor for the shard");
    for round in 1..20 {
        let after = context_of(&client.write(&pk, "sk", None, round.to_string()).token);
        assert_eq!(after.len(), 1);
        let ((actor_before, time_before), (actor_after, time_after)) =
            (before.first_key_value().unwrap(), after.first_key_value().unwrap());
        assert_eq!(actor_before, actor_after);
        assert!(time_after > time_before);
        before = after;
    }
}

#[test]
fn a_token_is_text_that_fits_into_a_header_and_a_query() {
    let node = shared_node();
    let client = node.client();
    let token = client.write(&unique("text"), "sk", None, "x").token;
    assert!(
        token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'),
        "{token}"
    );
}

#[test]
fn a_token_of_another_item_is_refused_and_changes_nothing() {
    let node = shared_node();
    let client = node.client();
    let (pk, elsewhere) = (unique("own"), unique("elsewhere"));
    client.put(&pk, "sk", None, "genuine").expect(204);
    let neighbour = client.write(&pk, "sk2", None, "x");
    check_refused_everywhere(&client, &pk, "of another sort key", &neighbour.token);
    let namesake = client.write(&elsewhere, "sk", None, "x");
    check_refused_everywhere(&client, &pk, "of another partition", &namesake.token);
    let page = client.search(&json!([{ "partitionKey": elsewhere }])).expect(200).json();
    let listed = page[0]["items"][0]["ct"].as_str().unwrap();
    check_refused_everywhere(&client, &pk, "of a listing of another partition", listed);
    assert!(client.read(&pk, "sk").holds(&[Some("genuine")]));
    assert_eq!(client.get(&pk, "first").status, 404);
}

#[test]
fn the_token_of_a_listing_or_a_poll_serves_its_item() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("listed");
    client.put(&pk, "sk", None, "one").expect(204);
    let page = client.search(&json!([{ "partitionKey": pk }])).expect(200).json();
    client.put(&pk, "sk", page[0]["items"][0]["ct"].as_str(), "two").expect(204);
    let page = client.poll_range(&pk, &json!({})).expect(200).json();
    client.put(&pk, "sk", page["items"][0]["ct"].as_str(), "three").expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("three")]));
}
