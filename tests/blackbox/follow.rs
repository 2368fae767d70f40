//! One client follows a range while others write to it: nothing is missed, and the marker stays small.

use crate::harness::{Client, Item, base64, page_items, rounds, shared_node, unique};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const KEYS: usize = 500;
const WRITERS: usize = 4;

/// What a follower has been shown, per sort key the latest.
#[derive(Default)]
struct Follower {
    shown: BTreeMap<String, Item>,
    marker: Value,
}

impl Follower {
    /// Asks once; whether anything came.
    fn ask(&mut self, client: &Client, pk: &str, range: &Value, timeout_s: u64) -> bool {
        let mut body = range.clone();
        body["seenMarker"] = self.marker.clone();
        body["timeout"] = json!(timeout_s);
        let answer = client.poll_range(pk, &body);
        if answer.status == 304 {
            return false;
        }
        let page = answer.expect(200).json();
        self.shown.extend(page_items(&page));
        let marker = page["seenMarker"].as_str().unwrap();
        assert!(marker.len() < 4096, "a marker of {} bytes", marker.len());
        self.marker = json!(marker);
        true
    }

    /// Asks until nothing is left, which must be soon when nobody writes: what was shown is not shown for ever.
    fn catch_up(&mut self, client: &Client, pk: &str, range: &Value) {
        for _ in 0..5 {
            if !self.ask(client, pk, range, 1) {
                return;
            }
        }
        panic!("the same changes come again and again");
    }
}

/// Writer `w` of several writes its share: batches and single writes by turns, each value a new one.
fn write_share(client: &Client, pk: &str, w: usize, writes: usize) {
    let key = |i: usize| format!("{}/{:04}", ["a", "b"][i % 2], i % KEYS);
    let mut written = 0;
    while written < writes {
        let batch = if written % 100 < 80 { 20 } else { 1 };
        let address = |i: usize| key((written + i) * WRITERS + w);
        let value = |i: usize| format!("{w}:{}", written + i);
        if batch == 1 {
            client.put(pk, &address(0), None, value(0)).expect(204);
        } else {
            let items: Vec<_> =
                (0..batch).map(|i| json!({ "pk": pk, "sk": address(i), "v": base64(value(i)) })).collect();
            client.insert_batch(&Value::Array(items)).expect(204);
        }
        written += batch;
    }
}

#[test]
fn every_final_state_is_delivered_whatever_part_of_the_range_is_followed() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("follow");
    let writes = rounds("FOLLOWED_WRITES", 10_000);
    let is_over = AtomicBool::new(false);
    let ranges = [json!({}), json!({ "prefix": "a/" }), json!({ "start": "b/0100", "end": "b/0400" })];
    let mut followers: Vec<Follower> = ranges.iter().map(|_| Follower::default()).collect();
    thread::scope(|scope| {
        for (follower, range) in followers.iter_mut().zip(&ranges) {
            let (client, pk, is_over) = (client.clone(), &pk, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Acquire) {
                    follower.ask(&client, pk, range, 1);
                }
                follower.catch_up(&client, pk, range);
            });
        }
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| {
                let (client, pk) = (client.clone(), &pk);
                scope.spawn(move || write_share(&client, pk, w, writes / WRITERS))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        // Tombstones are changes like any other.
        client.delete_batch(&json!([{ "partitionKey": pk, "prefix": "b/03" }])).expect(200);
        is_over.store(true, Ordering::Release);
    });
    for (follower, range) in followers.iter().zip(&ranges) {
        let mut query = range.clone();
        query["partitionKey"] = json!(pk);
        query["tombstones"] = json!(true);
        let truth: BTreeMap<_, _> = client.list(&query).into_iter().collect();
        assert!(!truth.is_empty());
        assert_eq!(follower.shown.len(), truth.len(), "{range}");
        for (sk, item) in &truth {
            assert_eq!(follower.shown.get(sk), Some(item), "{range}: {sk}");
        }
    }
}
