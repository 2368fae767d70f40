//! The table of `Accept`: what the client can read decides what it gets.

use crate::harness::{Client, Item, check_error, shared_node, unique};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// Three items: one value, one tombstone, several values.
fn three_items(client: &Client) -> String {
    let pk = unique("accept");
    client.put(&pk, "one", None, "value").expect(204);
    let gone = client.write(&pk, "tombstone", None, "gone");
    client.delete(&pk, "tombstone", Some(&gone.token)).expect(204);
    client.put(&pk, "several", None, "a").expect(204);
    client.put(&pk, "several", None, "b").expect(204);
    pk
}

#[derive(Clone, Copy)]
enum Expect {
    List,
    Bytes,
    NoContent,
    Conflict,
}

fn check(client: &Client, pk: &str, sk: &str, accept: Option<&str>, expect: Expect) {
    let answer = match accept {
        Some(accept) => client.get_accepting(pk, sk, accept),
        None => client.get(pk, sk),
    };
    let context = format!("{sk} for Accept: {accept:?}: {answer}");
    assert!(!answer.token().is_empty(), "{context}");
    match expect {
        Expect::List => {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(JSON)), "{context}");
            let values = Item::of_answer(&answer).values;
            match sk {
                "one" => assert_eq!(values, [Some(b"value".to_vec())], "{context}"),
                "tombstone" => assert_eq!(values, [None], "{context}"),
                _ => assert_eq!(values.len(), 2, "{context}"),
            }
        }
        Expect::Bytes => {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(BYTES)), "{context}");
            assert_eq!(answer.body, b"value", "{context}");
        }
        Expect::NoContent => {
            assert_eq!((answer.status, answer.body.len()), (204, 0), "{context}");
            assert_eq!(answer.header("content-type"), Some(BYTES), "{context}");
        }
        Expect::Conflict => {
            assert_eq!((answer.status, answer.body.len()), (409, 0), "{context}");
        }
    }
}

#[test]
fn every_row_of_the_table_holds() {
    let node = shared_node();
    let client = node.client();
    let pk = three_items(&client);
    let columns = ["one", "tombstone", "several"];
    let row = |accepts: &[Option<&str>], expected: [Expect; 3]| {
        for accept in accepts {
            for (sk, expect) in columns.iter().zip(expected) {
                check(&client, &pk, sk, *accept, expect);
            }
        }
    };
    row(&[None, Some(JSON)], [Expect::List, Expect::List, Expect::List]);
    row(&[Some(BYTES)], [Expect::Bytes, Expect::NoContent, Expect::Conflict]);
    row(
        &[
            Some("*/*"),
            Some("application/json, application/octet-stream"),
            Some("application/octet-stream,application/json"),
            Some("text/html, */*"),
        ],
        [Expect::Bytes, Expect::NoContent, Expect::List],
    );
}

#[test]
fn parameters_and_wildcards_are_understood() {
    let node = shared_node();
    let client = node.client();
    let pk = three_items(&client);
    check(&client, &pk, "one", Some("application/json;q=0.9"), Expect::List);
    check(&client, &pk, "one", Some("application/octet-stream;q=0.5, text/html"), Expect::Bytes);
    check(&client, &pk, "several", Some("application/*"), Expect::List);
    check(&client, &pk, "one", Some("application/*;q=0.1"), Expect::Bytes);
    check(&client, &pk, "one", Some("*/*;q=0.8"), Expect::Bytes);
    check(&client, &pk, "several", Some("application/octet-stream, application/json; q=0"), Expect::Conflict);
}

#[test]
fn what_cannot_be_served_is_not_acceptable() {
    let node = shared_node();
    let client = node.client();
    let pk = three_items(&client);
    for accept in ["text/html", "image/*", "application/xml, text/plain"] {
        for sk in ["one", "tombstone", "several"] {
            check_error(&client.get_accepting(&pk, sk, accept), 406, "NotAcceptable");
        }
    }
}
