//! Large items: how large one may become, and that a small request about one stays small.

use crate::harness::memory::{Peak, anonymous_kib};
use crate::harness::{Home, Node, check_error, shared_node, unique};
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

#[test]
fn concurrent_values_of_too_many_bytes_are_refused_until_resolved() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("too-large");
    for _ in 0..4 {
        client.put(&pk, "sk", None, vec![b'v'; MIB]).expect(204);
    }
    let message = check_error(&client.put(&pk, "sk", None, "x"), 409, "TooManyConcurrentValues");
    assert!(message.contains("4194304") && message.contains("causality token"), "{message}");
    let also = json!([{ "pk": pk, "sk": "free", "v": "" }, { "pk": pk, "sk": "sk", "v": "eA==" }]);
    check_error(&client.insert_batch(&also), 409, "TooManyConcurrentValues");
    assert_eq!(client.get(&pk, "free").status, 404, "the batch is refused as a whole");
    let token = client.get_accepting(&pk, "sk", "application/json").expect(200).token();
    assert!(client.write(&pk, "sk", Some(&token), "resolved").holds(&[Some("resolved")]));
    client.put(&pk, "sk", None, "again").expect(204);
}

#[test]
fn a_configured_limit_of_an_item_is_obeyed_and_a_single_value_is_always_taken() {
    let node = Node::dev_in(Home::new(), &[("TROUPE_ITEM_BYTES_MAX", "100")]);
    let client = node.client();
    client.put("pk", "sk", None, [b'v'; 300]).expect(204);
    let message = check_error(&client.put("pk", "sk", None, "second"), 409, "TooManyConcurrentValues");
    assert!(message.contains("100"), "{message}");
    let token = client.get("pk", "sk").expect(200).token();
    client.put("pk", "sk", Some(&token), [b'w'; 60]).expect(204);
    client.put("pk", "sk", None, [b'x'; 40]).expect(204);
    check_error(&client.put("pk", "sk", None, "x"), 409, "TooManyConcurrentValues");
}

/// It was loaded once for each time that the batch names it, before any limit was looked at: 10 GB.
#[test]
fn a_small_batch_that_names_a_large_item_often_takes_little_memory() {
    let mut node = Node::dev_in(Home::new(), &[]);
    let client = node.client();
    client.put("large", "sk", None, vec![b'v'; MIB]).expect(204);
    let mut batch = vec![json!({ "pk": "large", "sk": "sk" }); 10_000];
    let before = anonymous_kib(node.pid());
    let peak = Peak::new(std::io::empty(), node.pid());
    check_error(&client.insert_batch(&Value::Array(batch.clone())), 409, "TooManyConcurrentValues");
    // Shards are asked first where there are several.
    batch.extend((0..20).map(|i| json!({ "pk": format!("other-{i}"), "sk": "sk" })));
    check_error(&client.insert_batch(&Value::Array(batch)), 409, "TooManyConcurrentValues");
    let grown = peak.kib().saturating_sub(before);
    assert!(grown < 128 << 10, "{grown} KiB for 200 kB");
    assert_eq!(client.read("large", "sk").values.len(), 1);
    assert!(node.is_running());
}
