//! Many clients at once on the same items: nobody's write is lost, and nobody sees half of a batch.

use crate::harness::{Client, base64, shared_node, unique};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const CLIENTS: usize = 8;

#[test]
fn concurrent_writes_without_tokens_are_all_kept() {
    let node = shared_node();
    let pk = unique("all-kept");
    thread::scope(|scope| {
        for client_number in 0..CLIENTS {
            let (client, pk) = (node.client(), &pk);
            scope.spawn(move || {
                for i in 0..30 {
                    client.put(pk, "sk", None, format!("{client_number}/{i}")).expect(204);
                }
            });
        }
    });
    assert_eq!(node.client().read(&pk, "sk").values.len(), CLIENTS * 30);
}

/// The union of all sets that an item holds, and the token that covers them.
fn read_set(client: &Client, pk: &str) -> (BTreeSet<String>, Option<String>) {
    let answer = client.get(pk, "set");
    if answer.status == 404 {
        return (BTreeSet::new(), None);
    }
    let item = crate::harness::Item::of_answer(&answer.expect(200));
    let texts = item.values.into_iter().flatten().map(|value| String::from_utf8(value).unwrap());
    let members = texts.flat_map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
    (members.collect(), Some(item.token))
}

#[test]
fn read_resolve_write_loses_no_member_of_a_set_however_the_writes_interleave() {
    let node = shared_node();
    let pk = unique("set");
    thread::scope(|scope| {
        for client_number in 0..CLIENTS {
            let (client, pk) = (node.client(), &pk);
            scope.spawn(move || {
                for i in 0..40 {
                    let (mut set, token) = read_set(&client, pk);
                    set.insert(format!("{client_number}/{i}"));
                    let text = set.into_iter().collect::<Vec<_>>().join(",");
                    client.put(pk, "set", token.as_deref(), text).expect(204);
                }
            });
        }
    });
    assert_eq!(read_set(&node.client(), &pk).0.len(), CLIENTS * 40);
}

#[test]
fn a_reader_sees_all_of_a_batch_in_one_partition_or_nothing_of_it() {
    let node = shared_node();
    let pk = unique("whole-batches");
    let is_over = AtomicBool::new(false);
    let batch = |round: usize, tokens: &[String]| {
        let item = |i: usize| json!({ "pk": pk, "sk": format!("{i:02}"), "ct": tokens.get(i), "v": base64(round.to_string()) });
        Value::Array((0..30).map(item).collect())
    };
    node.client().insert_batch(&batch(0, &[])).expect(204);
    thread::scope(|scope| {
        for _ in 0..3 {
            let (client, pk, is_over) = (node.client(), &pk, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Acquire) {
                    let items = client.list(&json!({ "partitionKey": pk }));
                    let rounds: BTreeSet<_> = items.iter().map(|(_, item)| item.values.clone()).collect();
                    assert_eq!((items.len(), rounds.len()), (30, 1), "half a batch: {rounds:?}");
                }
            });
        }
        let client = node.client();
        for round in 1..60 {
            let items = client.list(&json!({ "partitionKey": pk }));
            let tokens: Vec<_> = items.into_iter().map(|(_, item)| item.token).collect();
            client.insert_batch(&batch(round, &tokens)).expect(204);
        }
        is_over.store(true, Ordering::Release);
    });
}
