//! Large answers: as long as they need to be, at the memory of a small one.
//!
//! The values are 600 bytes, so that any of these answers, or the work for it, held in memory as a whole would take
//! more than the 32 MiB that are allowed.

use crate::harness::memory::{Peak, anonymous_kib};
use crate::harness::sign::Signing;
use crate::harness::{Client, Home, Node, Response, base64, rounds};
use serde_json::{Value, json};
use std::io::BufReader;
use std::io::{Read, Write};
use std::net::TcpStream;

const GROWTH_KIB_MAX: u64 = 32 << 10;
const VALUE_BYTES: usize = 600;

fn count() -> usize {
    rounds("ITEMS", 50_000)
}

/// Writes `count` items in batches of a thousand, `address` naming the partition and sort key of each.
fn fill(client: &Client, count: usize, address: impl Fn(usize) -> (String, String)) {
    let value = base64([b'v'; VALUE_BYTES]);
    for first in (0..count).step_by(1000) {
        let items: Vec<_> = (first..count.min(first + 1000))
            .map(|i| {
                let (pk, sk) = address(i);
                json!({ "pk": pk, "sk": sk, "v": value })
            })
            .collect();
        // Digests of this much take their time in an unoptimised build, and are not what is tried here.
        let signing = Signing { covers_body: false, ..Signing::default() };
        let request = client.request("POST", None, &[]).with_body(Value::Array(items).to_string());
        client.exchange(&client.credentials.sign_as(request, &signing)).expect(204);
    }
}

/// A node that has not yet used the memory that filling it took.
fn fresh_after_filling(fill: impl FnOnce(&Client)) -> Node {
    let mut node = Node::dev_in(Home::new(), &[]);
    fill(&node.client());
    node.process().terminate();
    node.process().wait();
    let node = Node::dev_in(node.kill(), &[]);
    // The first request starts threads and fills caches: the growth that is measured is the answer's own.
    node.client().index(&[("limit", "10")]).expect(200);
    node
}

/// The answer, and the most memory that the node had while it was sent.
fn measured(node: &Node, request: crate::harness::Request) -> (Response, u64) {
    let request = node.credentials.sign(request);
    let before = anonymous_kib(node.pid());
    let mut stream = TcpStream::connect(node.addr).unwrap();
    stream.write_all(&request.to_bytes()).unwrap();
    let mut reader = BufReader::with_capacity(64 << 10, Peak::new(stream, node.pid()));
    let answer = Response::read(&mut reader, false).unwrap();
    let growth_kib = reader.get_ref().kib().saturating_sub(before);
    println!("{} bytes were answered with {growth_kib} KiB more memory", answer.body.len());
    (answer, growth_kib)
}

/// Asks for the whole partition twenty times over, and reads no more than the beginning of any answer.
fn growth_with_clients_that_do_not_read(node: &Node, queries: &str) -> u64 {
    let client = node.client();
    let before = anonymous_kib(node.pid());
    let request = client.credentials.sign(client.request("SEARCH", None, &[]).with_body(queries)).to_bytes();
    let stalled: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(node.addr).unwrap();
            stream.write_all(&request).unwrap();
            let mut beginning = [0; 1000];
            stream.read_exact(&mut beginning).unwrap();
            stream
        })
        .collect();
    // Somebody else is served as if they were not there.
    for i in 0..100 {
        client.put("beside", &i.to_string(), None, "x").expect(204);
    }
    let growth_kib = anonymous_kib(node.pid()).saturating_sub(before);
    println!("{} stalled answers took {growth_kib} KiB", stalled.len());
    client.delete_batch(&json!([{ "partitionKey": "beside" }])).expect(200);
    growth_kib
}

#[test]
fn a_partition_of_50_000_items_comes_in_one_answer_in_order_and_goes_in_one_request() {
    let count = count();
    let sort_key = |i: usize| format!("{:08}", (i * 7919) % count);
    let node = fresh_after_filling(|client| fill(client, count, |i| ("large".to_owned(), sort_key(i))));
    let client = node.client();
    let queries = json!([{ "partitionKey": "large" }]).to_string();

    let search = client.request("SEARCH", None, &[]).with_body(queries.as_str());
    let (answer, growth_kib) = measured(&node, search);
    let answer = answer.expect(200).json();
    let items = answer[0]["items"].as_array().unwrap();
    assert_eq!(items.len(), count);
    for (i, item) in items.iter().enumerate() {
        assert_eq!(item["sk"], format!("{i:08}"));
    }
    assert_eq!((&answer[0]["more"], &answer[0]["nextStart"]), (&json!(false), &Value::Null));
    assert!(growth_kib < GROWTH_KIB_MAX, "the listing took {growth_kib} KiB");

    let reverse = json!([{ "partitionKey": "large", "reverse": true }]).to_string();
    let (answer, growth_kib) = measured(&node, client.request("SEARCH", None, &[]).with_body(reverse));
    let answer = answer.expect(200).json();
    let items = answer[0]["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["sk"]), (count, &json!(format!("{:08}", count - 1))));
    assert!(growth_kib < GROWTH_KIB_MAX, "the reverse listing took {growth_kib} KiB");

    let growth_kib = growth_with_clients_that_do_not_read(&node, &queries);
    assert!(growth_kib < GROWTH_KIB_MAX, "clients that do not read took {growth_kib} KiB");

    let delete = client.request("POST", None, &[("delete", "")]).with_body(queries);
    let (answer, growth_kib) = measured(&node, delete);
    assert_eq!(answer.expect(200).json()[0]["deletedItems"], count);
    assert!(growth_kib < GROWTH_KIB_MAX, "the deletion took {growth_kib} KiB");
    assert_eq!(client.index(&[]).expect(200).json()["partitionKeys"], json!([]));
    assert!(client.list(&json!({ "partitionKey": "large" })).is_empty());
}

#[test]
fn a_bucket_of_50_000_partitions_is_listed_in_one_answer_in_order() {
    let count = count();
    // Long keys, so that the listing is longer than the memory that it may take.
    let padding = "p".repeat(VALUE_BYTES);
    let node = fresh_after_filling(|client| {
        fill(client, count, |i| (format!("{:08}/{padding}", (i * 7919) % count), "sk".to_owned()));
    });
    let (answer, growth_kib) = measured(&node, node.client().request("GET", None, &[]));
    let answer = answer.expect(200).json();
    let rows = answer["partitionKeys"].as_array().unwrap();
    assert_eq!(rows.len(), count);
    for (i, row) in rows.iter().enumerate() {
        assert!(row["pk"].as_str().unwrap().starts_with(&format!("{i:08}/")));
        assert_eq!((&row["entries"], &row["bytes"]), (&json!(1), &json!(VALUE_BYTES)));
    }
    assert_eq!(answer["more"], false);
    assert!(growth_kib < GROWTH_KIB_MAX, "the index took {growth_kib} KiB");
}
