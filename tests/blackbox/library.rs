//! The client library against a real node: what its own tests show of a server in memory holds here as well.

use crate::harness::{Node, shared_node, unique};
use futures_util::TryStreamExt;
use k2v_client::{
    BatchDelete, BatchInsert, Bucket, Error, Items, K2vClient, KeyRange, Resolver, Union, Value, compat,
};
use std::time::Duration;

/// A bucket of the node, as somebody with this region and secret sees it.
fn bucket_seen_with(node: &Node, region: &str, secret: &str) -> Bucket {
    let endpoint = format!("http://{}", node.addr);
    let client = K2vClient::new(region, endpoint, &node.credentials.key_id, secret).unwrap();
    client.bucket(&node.bucket)
}

fn bucket(node: &Node) -> Bucket {
    bucket_seen_with(node, &node.credentials.region, &node.credentials.secret)
}

#[tokio::test]
async fn an_item_goes_through_its_life() {
    let node = shared_node();
    let (bucket, pk) = (bucket(&node), unique("life"));
    assert!(matches!(bucket.read_item(&pk, "s").await, Err(Error::NoSuchKey(_))));
    bucket.insert_item(&pk, "s", "one", None).await.unwrap();
    let one = bucket.read_item(&pk, "s").await.unwrap();
    bucket.insert_item(&pk, "s", b"", None).await.unwrap();
    let both = bucket.poll_item(&pk, "s", &one.token, None).await.unwrap().unwrap();
    assert!(both.is_conflict() && both.values.contains(&"".into()), "{both:?}");

    bucket.delete_item(&pk, "s", &both.token).await.unwrap();
    let deleted = bucket.read_item(&pk, "s").await.unwrap();
    assert!(deleted.is_tombstone());
    let second = Some(Duration::from_secs(1));
    assert_eq!(bucket.poll_item(&pk, "s", &deleted.token, second).await.unwrap(), None);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let node = shared_node();
    let (own, pk) = (bucket(&node), unique("refused"));
    let elsewhere = own.client().bucket("no-such-bucket").read_item(&pk, "s").await;
    assert!(matches!(elsewhere, Err(Error::NoSuchBucket(_))), "{elsewhere:?}");
    let forged = own.insert_item(&pk, "s", "v", Some(&"AAAAAAAAAAA".into())).await;
    assert!(matches!(forged, Err(Error::InvalidToken(_))), "{forged:?}");
    let long = own.insert_item("k".repeat(5_000), "s", "v", None).await;
    assert!(matches!(long, Err(Error::TooLarge(_))), "{long:?}");
    let stranger = bucket_seen_with(&node, &node.credentials.region, "wrong").read_item(&pk, "s").await;
    assert!(matches!(stranger, Err(Error::AccessDenied(_))), "{stranger:?}");
    let abroad = bucket_seen_with(&node, "elsewhere", &node.credentials.secret).read_item(&pk, "s").await;
    assert!(matches!(abroad, Err(Error::WrongRegion(_))), "{abroad:?}");
}

#[tokio::test]
async fn keys_of_any_content_come_back() {
    let node = shared_node();
    let (bucket, own) = (bucket(&node), unique("key"));
    for key in
        ["a//b", "a/../b", "/x", "x/", "/", ".", "..", "%2F", "\"'\\", "line\nfeed", "🦀 é", "+&=?#;", "\0"]
    {
        // Alone, and where a path begins and ends, as that is where it would be mended.
        for key in [key.to_owned(), format!("{own}{key}"), format!("{key}{own}")] {
            bucket.update(&key, &key, |_values| &*key).await.unwrap();
            assert_eq!(bucket.read_item(&key, &key).await.unwrap().values, [Value::from(&key)], "{key:?}");
            let listed: Vec<_> = bucket.items(&key).prefix(&key).try_collect().await.unwrap();
            assert_eq!(listed[0].sort_key, key);
            let mut indexed = bucket.partitions().prefix(&key);
            assert_eq!(indexed.try_next().await.unwrap().unwrap().partition_key, key);
        }
    }
}

/// Collects sort keys, in pages that are smaller than what there is.
async fn sort_keys(items: Items) -> Vec<String> {
    let entries: Vec<_> = items.page_size(40).try_collect().await.unwrap();
    entries.into_iter().map(|entry| entry.sort_key).collect()
}

fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|n| format!("{n:03}")).collect()
}

#[tokio::test]
async fn listings_come_page_by_page() {
    let node = shared_node();
    let (bucket, pk) = (bucket(&node), unique("pages"));
    let ops: Vec<_> = (0..250).map(|n| BatchInsert::new(&pk, format!("{n:03}"), "v")).collect();
    bucket.insert_batch(&ops).await.unwrap();
    bucket.insert_item(&pk, "007", "another", None).await.unwrap();
    assert_eq!(sort_keys(bucket.items(&pk)).await, numbered(0..250));
    assert_eq!(sort_keys(bucket.items(&pk).reverse()).await, numbered((0..250).rev()));
    assert_eq!(sort_keys(bucket.items(&pk).prefix("1").limit(90)).await, numbered(100..190));
    let backwards = bucket.items(&pk).reverse().start("200").end("100");
    assert_eq!(sort_keys(backwards).await, numbered((101..=200).rev()));
    assert_eq!(sort_keys(bucket.items(&pk).conflicts_only()).await, ["007"]);

    let index = bucket.read_index(&KeyRange::all().start(&pk).limit(1)).await.unwrap();
    let counted = &index.items[0];
    assert_eq!((counted.entries, counted.conflicts, counted.values), (250, 1, 251));
    assert_eq!(bucket.delete_batch(&[BatchDelete::all(&pk).prefix("1")]).await.unwrap(), [100]);
    assert_eq!(sort_keys(bucket.items(&pk)).await.len(), 150);
    assert_eq!(sort_keys(bucket.items(&pk).tombstones()).await.len(), 250);
}

#[tokio::test]
async fn concurrent_updates_lose_nothing() {
    let node = shared_node();
    let (bucket, pk) = (bucket(&node), unique("updates"));
    let updates = (0..8).map(|n| {
        let (bucket, pk) = (bucket.clone(), pk.clone());
        let add_line = move |lines: Value| Union::lines().resolve(&[lines, format!("{n}\n").into()]);
        tokio::spawn(async move { bucket.update_with(&pk, "s", &Union::lines(), add_line).await })
    });
    for update in updates.collect::<Vec<_>>() {
        update.await.unwrap().unwrap();
    }
    let lines = bucket.read_item(&pk, "s").await.unwrap();
    assert_eq!(lines.values, ["0\n1\n2\n3\n4\n5\n6\n7\n".into()]);
}

#[tokio::test]
async fn a_watch_shows_the_content_then_each_change() {
    let node = shared_node();
    let (bucket, pk) = (bucket(&node), unique("watched"));
    bucket.insert_item(&pk, "a1", "v", None).await.unwrap();
    let mut watch = bucket.watch(&pk).prefix("a");
    let content = watch.try_next().await.unwrap().unwrap();
    assert_eq!(content.items[0].sort_key, "a1");

    bucket.insert_item(&pk, "b1", "outside", None).await.unwrap();
    bucket.insert_item(&pk, "a2", "v", None).await.unwrap();
    let change = watch.try_next().await.unwrap().unwrap();
    assert_eq!(change.items.iter().map(|entry| entry.sort_key.as_str()).collect::<Vec<_>>(), ["a2"]);
    let mut resumed = bucket.watch(&pk).prefix("a").since(content.marker);
    assert_eq!(resumed.try_next().await.unwrap().unwrap().items, change.items);
}

#[tokio::test]
async fn programs_for_the_older_client_find_what_they_know() {
    use compat::{CausalValue, Error, K2vClientConfig, K2vValue};
    let node = shared_node();
    let client = compat::K2vClient::new(K2vClientConfig {
        endpoint: format!("http://{}", node.addr),
        region: node.credentials.region.clone(),
        aws_access_key_id: node.credentials.key_id.clone(),
        aws_secret_access_key: node.credentials.secret.clone(),
        bucket: node.bucket.clone(),
        user_agent: None,
    })
    .unwrap();
    let pk = unique("older");
    assert!(matches!(client.read_item(&pk, "s").await, Err(Error::NotFound)));
    client.insert_item(&pk, "s", b"v".to_vec(), None).await.unwrap();
    let CausalValue { causality, value } = client.read_item(&pk, "s").await.unwrap();
    assert_eq!(value, [K2vValue::Value(b"v".to_vec())]);
    client.delete_item(&pk, "s", causality).await.unwrap();
    let range = client.poll_range(&pk, None, None, None).await.unwrap().unwrap();
    assert_eq!(range.items["s"].value, [K2vValue::Tombstone]);
}
