//! InsertItem, ReadItem and DeleteItem: what one item goes through.

use crate::harness::{Item, check_error, shared_node, unique};

#[test]
fn a_value_is_read_back_as_it_was_written() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("value");
    let every_byte: Vec<u8> = (0..=255).collect();
    for (sk, value) in [("text", b"hello".to_vec()), ("empty", Vec::new()), ("bytes", every_byte)] {
        let answer = client.put(&pk, sk, None, &value).expect(204);
        assert!(answer.body.is_empty());
        let read = client.read(&pk, sk);
        assert_eq!(read.values, [Some(value.clone())], "{sk}");
        let raw = client.get_accepting(&pk, sk, "application/octet-stream").expect(200);
        assert_eq!(raw.body, value, "{sk}");
    }
}

#[test]
fn an_item_that_was_never_written_does_not_exist() {
    let node = shared_node();
    check_error(&node.client().get(&unique("nothing"), "sk"), 404, "NoSuchKey");
}

#[test]
fn a_write_with_the_token_of_a_read_replaces_what_the_read_showed() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("replace");
    let first = client.write(&pk, "sk", None, "one");
    let second = client.write(&pk, "sk", Some(&first.token), "two");
    assert!(second.holds(&[Some("two")]));
    assert_ne!(first.token, second.token);
}

#[test]
fn a_write_without_a_token_or_with_a_stale_one_stands_beside_the_others() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("siblings");
    let first = client.write(&pk, "sk", None, "one");
    assert!(client.write(&pk, "sk", None, "two").holds(&[Some("one"), Some("two")]));
    let third = client.write(&pk, "sk", Some(&first.token), "three");
    assert!(third.holds(&[Some("two"), Some("three")]), "the stale token covers the first value only");
    assert!(client.write(&pk, "sk", Some(&third.token), "all").holds(&[Some("all")]));
}

#[test]
fn equal_concurrent_values_are_shown_once() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("equal");
    client.put(&pk, "sk", None, "same").expect(204);
    assert!(client.write(&pk, "sk", None, "same").holds(&[Some("same")]));
    let other = client.write(&pk, "sk", None, "other");
    assert!(other.holds(&[Some("other"), Some("same")]));
    assert!(client.write(&pk, "sk", Some(&other.token), "resolved").holds(&[Some("resolved")]));
}

#[test]
fn a_deleted_item_exists_and_reads_as_a_tombstone() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("deleted");
    let written = client.write(&pk, "sk", None, "soon gone");
    let answer = client.delete(&pk, "sk", Some(&written.token)).expect(204);
    assert!(answer.body.is_empty());
    let tombstone = client.get(&pk, "sk").expect(200);
    assert_eq!(tombstone.text(), "[null]");
    let again = client.write(&pk, "sk", Some(&tombstone.token()), "back");
    assert!(again.holds(&[Some("back")]));
}

#[test]
fn a_deletion_spares_the_values_that_its_token_does_not_cover() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("spared");
    let first = client.write(&pk, "sk", None, "one");
    client.put(&pk, "sk", None, "two").expect(204);
    client.delete(&pk, "sk", Some(&first.token)).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("two"), None]));
}

#[test]
fn a_deletion_needs_a_token() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("tokenless");
    client.put(&pk, "sk", None, "stays").expect(204);
    let message = check_error(&client.delete(&pk, "sk", None), 400, "InvalidRequest");
    assert!(message.to_lowercase().contains("causality"), "{message}");
    assert!(client.read(&pk, "sk").holds(&[Some("stays")]));
}

#[test]
fn partitions_and_items_do_not_meet() {
    let node = shared_node();
    let client = node.client();
    let (one, two) = (unique("apart"), unique("apart"));
    client.put(&one, "sk", None, "1").expect(204);
    client.put(&two, "sk", None, "2").expect(204);
    client.put(&one, "sk2", None, "3").expect(204);
    assert!(client.read(&one, "sk").holds(&[Some("1")]));
    assert!(client.read(&two, "sk").holds(&[Some("2")]));
    assert!(client.read(&one, "sk2").holds(&[Some("3")]));
}

#[test]
fn head_answers_as_get_does_but_for_the_body() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("head");
    client.put(&pk, "sk", None, "some value").expect(204);
    for accept in ["application/json", "application/octet-stream", "*/*"] {
        let request =
            |method| client.request(method, Some(&pk), &[("sort_key", "sk")]).with("accept", accept);
        let got = client.call(request("GET")).expect(200);
        let head = client.call(request("HEAD")).expect(200);
        assert!(head.body.is_empty());
        for name in ["content-type", "content-length", "x-garage-causality-token"] {
            assert_eq!(head.header(name), got.header(name), "{name} with {accept}");
        }
    }
    let token = client.read(&pk, "sk").token;
    client.delete(&pk, "sk", Some(&token)).expect(204);
    let head = client.request("HEAD", Some(&pk), &[("sort_key", "sk")]);
    let gone = client.call(head.with("accept", "application/octet-stream")).expect(204);
    assert_eq!(gone.header("content-type"), Some("application/octet-stream"));
    let missing = client.call(client.request("HEAD", Some(&pk), &[("sort_key", "missing")]));
    assert_eq!((missing.status, missing.body.len()), (404, 0));
    // The connection is still in step: the next answer is the next request's.
    assert!(client.read(&pk, "sk").holds(&[None]));
}

#[test]
fn a_sort_key_is_mandatory_and_never_empty() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("sortless");
    let token = client.write(&pk, "sk", None, "x").token;
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        for query in [&[][..], &[("sort_key", "")][..]] {
            let request = client.request(method, Some(&pk), query).with("x-garage-causality-token", &token);
            let answer = client.call(request);
            if method == "HEAD" {
                assert_eq!(answer.status, 400);
            } else {
                check_error(&answer, 400, "InvalidRequest");
            }
        }
    }
}

#[test]
fn a_token_in_any_letter_case_of_its_header_is_obeyed() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("letter-case");
    let written = client.write(&pk, "sk", None, "one");
    let request = client.put_request(&pk, "sk", None, "two").with("X-Garage-Causality-Token", &written.token);
    client.call(request).expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("two")]));
}

#[test]
fn an_answer_without_accept_is_a_json_list() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("list");
    client.put(&pk, "sk", None, "a?>b").expect(204);
    let answer = client.get(&pk, "sk").expect(200);
    assert_eq!(answer.text(), r#"["YT8+Yg=="]"#, "standard alphabet, with padding");
    assert_eq!(Item::of_answer(&answer).values, [Some(b"a?>b".to_vec())]);
}
