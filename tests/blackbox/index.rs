//! ReadIndex: the partitions of a bucket, with counters that are exact.

use crate::harness::admin::{READ, WRITE};
use crate::harness::{Client, Node, check_error, shared_node, unique};
use serde_json::{Value, json};

/// A client in a bucket of its own.
pub(crate) fn in_own_bucket(node: &Node, what: &str) -> Client {
    let bucket = unique(what);
    let admin = node.admin();
    let id = admin.create_bucket(&bucket);
    admin.allow(&id, &node.credentials, &[READ, WRITE]);
    node.client().in_bucket(&bucket)
}

fn rows(index: &Value) -> Vec<&Value> {
    index["partitionKeys"].as_array().unwrap().iter().collect()
}

#[track_caller]
fn check_counters(client: &Client, pk: &str, expected: [u64; 4]) {
    let index = client.index(&[]).expect(200).json();
    let row = rows(&index).into_iter().find(|row| row["pk"] == pk).cloned();
    let [entries, conflicts, values, bytes] = expected;
    let expected =
        json!({ "pk": pk, "entries": entries, "conflicts": conflicts, "values": values, "bytes": bytes });
    if entries == 0 {
        assert_eq!(row, None, "a partition without entries is not listed");
    } else {
        assert_eq!(row, Some(expected));
    }
}

#[test]
fn the_counters_follow_every_write() {
    let node = shared_node();
    let client = in_own_bucket(&node, "counters");
    let pk = "pk";
    check_counters(&client, pk, [0, 0, 0, 0]);
    let one = client.write(pk, "a", None, "123");
    check_counters(&client, pk, [1, 0, 1, 3]);
    client.put(pk, "b", None, "45").expect(204);
    check_counters(&client, pk, [2, 0, 2, 5]);
    client.put(pk, "a", None, "6789").expect(204);
    check_counters(&client, pk, [2, 1, 3, 9]);
    client.delete(pk, "a", Some(&one.token)).expect(204);
    check_counters(&client, pk, [2, 1, 2, 6]);
    let both = client.read(pk, "a");
    let resolved = client.write(pk, "a", Some(&both.token), "x");
    check_counters(&client, pk, [2, 0, 2, 3]);
    client.delete(pk, "a", Some(&resolved.token)).expect(204);
    check_counters(&client, pk, [1, 0, 1, 2]);
    let b = client.read(pk, "b");
    client.delete(pk, "b", Some(&b.token)).expect(204);
    check_counters(&client, pk, [0, 0, 0, 0]);
}

#[test]
fn equal_concurrent_values_count_once() {
    let node = shared_node();
    let client = in_own_bucket(&node, "equal-counters");
    client.put("pk", "sk", None, "same").expect(204);
    client.put("pk", "sk", None, "same").expect(204);
    check_counters(&client, "pk", [1, 0, 1, 4]);
    client.put("pk", "sk", None, "other").expect(204);
    check_counters(&client, "pk", [1, 1, 2, 9]);
}

#[test]
fn the_empty_value_is_a_value() {
    let node = shared_node();
    let client = in_own_bucket(&node, "empty-value");
    client.put("pk", "sk", None, "").expect(204);
    check_counters(&client, "pk", [1, 0, 1, 0]);
}

#[test]
fn partitions_are_listed_in_the_order_of_their_bytes_and_the_answer_echoes_what_was_asked() {
    let node = shared_node();
    let client = in_own_bucket(&node, "order");
    let mut keys = ["b", "a", "B", "é", "a/b", "z", "a b", "10", "9"];
    for pk in keys {
        client.put(pk, "sk", None, "x").expect(204);
    }
    keys.sort_unstable();
    let answer = client.index(&[]).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let index = answer.json();
    assert_eq!(rows(&index).iter().map(|row| row["pk"].as_str().unwrap()).collect::<Vec<_>>(), keys);
    let expected = json!({
        "prefix": null, "start": null, "end": null, "limit": null, "reverse": false,
        "partitionKeys": index["partitionKeys"], "more": false, "nextStart": null,
    });
    assert_eq!(index, expected);
    let asked = [("prefix", "a"), ("start", "a "), ("end", "a/b"), ("limit", "7"), ("reverse", "false")];
    let index = client.index(&asked).expect(200).json();
    for (name, value) in [("prefix", "a"), ("start", "a "), ("end", "a/b")] {
        assert_eq!(index[name], value);
    }
    assert_eq!((&index["limit"], &index["reverse"]), (&json!(7), &json!(false)));
    assert_eq!(rows(&index).len(), 1);
}

fn check_page(client: &Client, query: &[(&str, &str)], keys: &[&str], next_start: Option<&str>) {
    let index = client.index(query).expect(200).json();
    let listed: Vec<_> = rows(&index).iter().map(|row| row["pk"].as_str().unwrap()).collect();
    assert_eq!(listed, keys, "{query:?}");
    assert_eq!(index["more"], next_start.is_some(), "{query:?}");
    assert_eq!(index["nextStart"], json!(next_start), "{query:?}");
}

#[test]
fn prefix_start_end_limit_and_reverse_cut_the_list() {
    let node = shared_node();
    let client = in_own_bucket(&node, "cut");
    for pk in ["a1", "a2", "a3", "b1", "b2"] {
        client.put(pk, "sk", None, "x").expect(204);
    }
    check_page(&client, &[("prefix", "a")], &["a1", "a2", "a3"], None);
    check_page(&client, &[("prefix", "")], &["a1", "a2", "a3", "b1", "b2"], None);
    check_page(&client, &[("start", "a3")], &["a3", "b1", "b2"], None);
    check_page(&client, &[("start", "")], &["a1", "a2", "a3", "b1", "b2"], None);
    check_page(&client, &[("end", "b1")], &["a1", "a2", "a3"], None);
    check_page(&client, &[("start", "a2"), ("end", "b1")], &["a2", "a3"], None);
    check_page(&client, &[("start", "b1"), ("end", "a2")], &[], None);
    check_page(&client, &[("start", "a2"), ("end", "a2")], &[], None);
    check_page(&client, &[("limit", "2")], &["a1", "a2"], Some("a3"));
    check_page(&client, &[("limit", "5")], &["a1", "a2", "a3", "b1", "b2"], None);
    check_page(&client, &[("prefix", "a"), ("limit", "3")], &["a1", "a2", "a3"], None);
    check_page(&client, &[("prefix", "a"), ("start", "a2"), ("limit", "1")], &["a2"], Some("a3"));
    check_page(&client, &[("limit", "18446744073709551615")], &["a1", "a2", "a3", "b1", "b2"], None);
    check_page(&client, &[("reverse", "true")], &["b2", "b1", "a3", "a2", "a1"], None);
    check_page(&client, &[("reverse", "true"), ("prefix", "a")], &["a3", "a2", "a1"], None);
    check_page(&client, &[("reverse", "true"), ("start", "a3")], &["a3", "a2", "a1"], None);
    check_page(&client, &[("reverse", "true"), ("start", "b1"), ("end", "a2")], &["b1", "a3"], None);
    check_page(&client, &[("reverse", "true"), ("limit", "2")], &["b2", "b1"], Some("a3"));
    check_page(&client, &[("reverse", "true"), ("end", "b2"), ("start", "a1")], &[], None);
}

#[test]
fn a_limit_of_zero_says_whether_there_is_anything() {
    let node = shared_node();
    let client = in_own_bucket(&node, "zero");
    client.put("pk", "sk", None, "x").expect(204);
    let some = client.index(&[("limit", "0")]).expect(200).json();
    assert_eq!((rows(&some).len(), &some["more"], &some["nextStart"]), (0, &json!(true), &json!("pk")));
    let none = client.index(&[("limit", "0"), ("prefix", "q")]).expect(200).json();
    assert_eq!((rows(&none).len(), &none["more"], &none["nextStart"]), (0, &json!(false), &json!(null)));
}

#[test]
fn pages_that_follow_next_start_are_the_whole_list() {
    let node = shared_node();
    let client = in_own_bucket(&node, "pages");
    let mut keys: Vec<_> = (0..23).map(|i| format!("pk{i}")).collect();
    let items: Vec<_> = keys.iter().map(|pk| json!({ "pk": pk, "sk": "s", "v": "" })).collect();
    client.insert_batch(&json!(items)).expect(204);
    keys.sort_unstable();
    for reverse in ["false", "true"] {
        let mut collected = Vec::new();
        let mut start: Option<String> = None;
        loop {
            let mut query = vec![("limit", "4"), ("reverse", reverse)];
            if let Some(start) = &start {
                query.push(("start", start));
            }
            let page = client.index(&query).expect(200).json();
            collected.extend(rows(&page).iter().map(|row| row["pk"].as_str().unwrap().to_owned()));
            match page["nextStart"].as_str() {
                Some(next) => start = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(collected, keys);
        keys.reverse();
    }
}

#[test]
fn a_partition_that_was_emptied_does_not_eat_the_limit() {
    let node = shared_node();
    let client = in_own_bucket(&node, "emptied");
    client.fill("a", &["1", "2"]);
    client.fill("b", &["1"]);
    client.fill("c", &["1"]);
    client.delete_batch(&json!([{ "partitionKey": "a" }])).expect(200);
    check_page(&client, &[("limit", "1")], &["b"], Some("c"));
    check_page(&client, &[("limit", "2")], &["b", "c"], None);
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    let node = shared_node();
    let client = node.client();
    for (name, value) in [
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", ""),
        ("limit", "1.5"),
        ("limit", "18446744073709551616"),
        ("reverse", "yes"),
        ("reverse", "1"),
        ("reverse", "True"),
    ] {
        check_error(&client.index(&[(name, value)]), 400, "InvalidRequest");
    }
    let message = check_error(&client.index(&[("prefix", "a"), ("start", "b")]), 400, "InvalidRequest");
    assert!(message.contains("Start key 'b' does not start with prefix 'a'"), "{message}");
    let reversed = [("prefix", "a"), ("start", "b"), ("reverse", "true")];
    check_error(&client.index(&reversed), 400, "InvalidRequest");
}

#[test]
fn buckets_do_not_share_partitions() {
    let node = shared_node();
    let (one, two) = (in_own_bucket(&node, "mine"), in_own_bucket(&node, "yours"));
    one.put("pk", "sk", None, "1").expect(204);
    check_page(&one, &[], &["pk"], None);
    check_page(&two, &[], &[], None);
    assert_eq!(two.get("pk", "sk").status, 404);
}
