//! Addressing: which request means which call, and that any key comes back as it went in.

use crate::harness::admin::{READ, WRITE};
use crate::harness::percent::encoded;
use crate::harness::{check_error, page_items, shared_node, unique};
use serde_json::json;

/// Keys that normalisers, decoders and encoders have stumbled over.
const TRICKY: [&str; 20] = [
    "a//b",
    "a/../b",
    "/x",
    "x/",
    "//",
    "%2F",
    "%",
    "\"quoted\"",
    "back\\slash",
    "line\nbreak",
    "\u{1}\u{7f}",
    "😀 emoji",
    "é",
    "a+b c",
    "?query#fragment",
    "a&b=c;d",
    ".",
    "..",
    "null",
    "\u{10ffff}",
];

#[test]
fn any_partition_key_and_any_sort_key_round_trips() {
    let node = shared_node();
    let bucket = unique("tricky");
    let id = node.admin().create_bucket(&bucket);
    node.admin().allow(&id, &node.credentials, &[READ, WRITE]);
    let client = node.client().in_bucket(&bucket);
    for key in TRICKY {
        client.put(key, key, None, key).expect(204);
        assert!(client.read(key, key).holds(&[Some(key)]), "{key:?}");
        let listed = client.list(&json!({ "partitionKey": key }));
        assert_eq!(listed.len(), 1, "{key:?}");
        assert_eq!(listed[0].0, key);
    }
    let index = client.index(&[]).expect(200).json();
    let listed: Vec<_> =
        index["partitionKeys"].as_array().unwrap().iter().map(|row| row["pk"].as_str().unwrap()).collect();
    let mut expected = TRICKY.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected, "in the order of their bytes");
}

#[test]
fn any_sort_key_survives_batches_and_polls() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("tricky-batch");
    let items: Vec<_> = TRICKY.iter().map(|key| json!({ "pk": pk, "sk": key, "v": "" })).collect();
    client.insert_batch(&json!(items)).expect(204);
    let page = client.poll_range(&pk, &json!({})).expect(200).json();
    let mut expected = TRICKY.to_vec();
    expected.sort_unstable();
    let seen: Vec<_> = page_items(&page).into_iter().map(|(sk, _)| sk).collect();
    assert_eq!(seen, expected);
    for key in TRICKY {
        let single = json!([{ "partitionKey": pk, "start": key, "singleItem": true }]);
        let deleted = client.delete_batch(&single).expect(200).json();
        assert_eq!(deleted[0]["deletedItems"], 1, "{key:?}");
    }
    assert!(client.list(&json!({ "partitionKey": pk })).is_empty());
}

#[test]
fn the_path_is_matched_raw_and_decoded_once() {
    let node = shared_node();
    let client = node.client();
    let unique = unique("raw");
    // (as the path has it, as it is then called)
    for (raw, key) in [
        (format!("{unique}/a//b"), format!("{unique}/a//b")),
        (format!("{unique}/a/../b"), format!("{unique}/a/../b")),
        (format!("{unique}/./c"), format!("{unique}/./c")),
        (format!("{unique}%2Fd"), format!("{unique}/d")),
        (format!("{unique}%252F"), format!("{unique}%2F")),
        (format!("{unique}+e"), format!("{unique}+e")),
        (format!("/{unique}"), format!("/{unique}")),
        (format!("{unique}/"), format!("{unique}/")),
        (format!("{unique}%e2%82%ac"), format!("{unique}€")),
    ] {
        let path = format!("/{}/{raw}", client.bucket);
        client.call(client.raw("PUT", &path, "sort_key=sk").with_body(key.as_str())).expect(204);
        assert!(client.read(&key, "sk").holds(&[Some(&key)]), "{raw}");
    }
    assert_eq!(client.get(&format!("{unique}/b"), "sk").status, 404, "nothing was normalised");
}

#[test]
fn query_parameters_are_percent_decoded() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("decoded");
    let path = format!("/{}/{pk}", client.bucket);
    client.call(client.raw("PUT", &path, "sort_key=a%2Fb%20c%e2%82%ac")).expect(204);
    assert!(client.read(&pk, "a/b c€").holds(&[Some("")]));
    client.call(client.raw("GET", &path, "%73ort_key=a%2Fb%20c%e2%82%ac")).expect(200);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("not-utf-8");
    let bucket = &client.bucket;
    for (path, query) in [
        (format!("/{bucket}/{pk}"), "sort_key=%FF"),
        (format!("/{bucket}/{pk}%c3%28"), "sort_key=sk"),
        (format!("/{bucket}/%ed%a0%80"), "sort_key=sk"),
        (format!("/{bucket}"), "prefix=%80"),
    ] {
        let request = client.credentials.sign_raw(client.raw("GET", &path, query));
        check_error(&client.exchange(&request), 400, "InvalidUtf8String");
    }
}

#[test]
fn a_repeated_parameter_is_refused_and_an_unknown_one_ignored() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("repeated");
    let path = format!("/{}/{pk}", client.bucket);
    client.put(&pk, "sk", None, "x").expect(204);
    for query in ["sort_key=sk&sort_key=sk", "sort_key=sk&sort_key=other", "sort_key=sk&%73ort_key=sk"] {
        check_error(&client.call(client.raw("GET", &path, query)), 400, "InvalidRequest");
    }
    let index = format!("/{}", client.bucket);
    check_error(&client.call(client.raw("GET", &index, "limit=1&limit=1")), 400, "InvalidRequest");
    client.call(client.raw("GET", &path, "sort_key=sk&x-id=ReadItem&unknown")).expect(200);
}

#[test]
fn a_keyword_comes_bare_or_with_an_empty_value() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("keyword");
    client.put(&pk, "sk", None, "x").expect(204);
    let bucket = format!("/{}", client.bucket);
    let partition = format!("{bucket}/{pk}");
    let queries = json!([{ "partitionKey": pk }]).to_string();
    for (method, query) in [("SEARCH", ""), ("SEARCH", "search"), ("POST", "search"), ("POST", "search=")] {
        let answer = client.call(client.raw(method, &bucket, query).with_body(queries.as_str())).expect(200);
        assert_eq!(page_items(&answer.json()[0]).len(), 1, "{method} ?{query}");
    }
    for (method, query) in
        [("SEARCH", "poll_range"), ("SEARCH", "poll_range="), ("POST", "poll_range"), ("POST", "poll_range=")]
    {
        let answer = client.call(client.raw(method, &partition, query).with_body("{}")).expect(200);
        assert_eq!(page_items(&answer.json()).len(), 1, "{method} ?{query}");
    }
    for query in ["delete", "delete="] {
        client.put(&pk, "sk", None, "x").expect(204);
        let answer = client.call(client.raw("POST", &bucket, query).with_body(queries.as_str())).expect(200);
        assert_eq!(answer.json()[0]["deletedItems"], 1);
    }
}

#[test]
fn what_is_no_call_is_an_invalid_request() {
    let node = shared_node();
    let client = node.client();
    let bucket = format!("/{}", client.bucket);
    let partition = format!("{bucket}/pk");
    for (method, path, query) in [
        ("PATCH", &bucket, ""),
        ("PATCH", &partition, "sort_key=sk"),
        ("BREW", &partition, "sort_key=sk"),
        ("PUT", &bucket, ""),
        ("DELETE", &bucket, ""),
        ("POST", &partition, "sort_key=sk"),
        ("SEARCH", &partition, ""),
        ("GET", &"/".to_owned(), ""),
    ] {
        check_error(&client.call(client.raw(method, path, query)), 400, "InvalidRequest");
    }
}

#[test]
fn a_bucket_goes_by_its_name_or_by_its_id_in_hex() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("by-id");
    client.put(&pk, "sk", None, "same bucket").expect(204);
    let id = node.admin().bucket_id(&node.bucket);
    assert_eq!(id.len(), 64);
    assert!(client.in_bucket(&id).read(&pk, "sk").holds(&[Some("same bucket")]));
    check_error(&client.in_bucket(&unique("missing")).get(&pk, "sk"), 404, "NoSuchBucket");
    check_error(&client.in_bucket(&"0".repeat(64)).get(&pk, "sk"), 404, "NoSuchBucket");
}

#[test]
fn a_bucket_name_may_be_percent_encoded() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("encoded-bucket");
    client.put(&pk, "sk", None, "x").expect(204);
    let first = client.bucket.chars().next().unwrap();
    let bucket = format!("%{:02X}{}", u32::from(first), &client.bucket[first.len_utf8()..]);
    client.call(client.raw("GET", &format!("/{bucket}/{}", encoded(&pk)), "sort_key=sk")).expect(200);
}
