//! Listings as streams.

use futures_util::{Stream, StreamExt, TryStreamExt};
use k2v_client::{BatchInsert, Bucket, Entry, Error};

use crate::server::{BUCKET, Fault, Server};

const PARTITION: &str = "log";

/// Fills the partition with the sort keys `00` to `24`.
async fn fill(bucket: &Bucket) {
    let ops: Vec<_> =
        (0..25).map(|n| BatchInsert::new(PARTITION, format!("{n:02}"), format!("value {n}"))).collect();
    bucket.insert_batch(&ops).await.unwrap();
}

/// Checks which sort keys come, and in how many requests.
async fn check(
    server: &Server,
    items: impl Stream<Item = Result<Entry, Error>>,
    expected: impl Iterator<Item = u32>,
    requests: usize,
) {
    let before = server.arrived().len();
    let keys: Vec<String> = items.map_ok(|entry| entry.sort_key).try_collect().await.unwrap();
    assert_eq!(keys, expected.map(|n| format!("{n:02}")).collect::<Vec<_>>());
    assert_eq!(server.arrived().len() - before, requests);
}

#[tokio::test]
async fn items_come_page_by_page() {
    let server = Server::start().await;
    let bucket = server.bucket();
    fill(&bucket).await;
    let items = || bucket.items(PARTITION).page_size(10);
    check(&server, items(), 0..25, 3).await;
    check(&server, items().prefix("1"), 10..20, 1).await;
    check(&server, items().start("05").end("22"), 5..22, 2).await;
    check(&server, items().reverse(), (0..25).rev(), 3).await;
    check(&server, items().reverse().start("15").limit(12), (4..=15).rev(), 2).await;
    check(&server, items().limit(0), 0..0, 0).await;
    check(&server, bucket.items("empty"), 0..0, 1).await;
    check(&server, bucket.items(PARTITION), 0..25, 1).await;
}

#[tokio::test]
async fn conflicts_and_tombstones_are_chosen() {
    let server = Server::start().await;
    let bucket = server.bucket();
    fill(&bucket).await;
    server.store().write(PARTITION, "03", 0, Some(b"another".to_vec()));
    server.store().write(PARTITION, "05", u64::MAX, None);
    check(&server, bucket.items(PARTITION).conflicts_only(), 3..4, 1).await;
    check(&server, bucket.items(PARTITION).limit(6), (0..7).filter(|n| *n != 5), 1).await;
    check(&server, bucket.items(PARTITION).tombstones().limit(6), 0..6, 1).await;
}

#[tokio::test]
async fn a_lost_page_is_fetched_again() {
    let server = Server::start().await;
    let bucket = server.bucket();
    fill(&bucket).await;
    server.inject(&[Fault::HangUp, Fault::HangUpAfterwards]);
    check(&server, bucket.items(PARTITION).page_size(10), 0..25, 5).await;
}

#[tokio::test]
async fn a_listing_that_fails_says_so_and_ends() {
    let server = Server::start().await;
    let bucket = server.bucket();
    fill(&bucket).await;
    let mut items = bucket.items(PARTITION).page_size(10);
    for _ in 0..10 {
        items.try_next().await.unwrap().unwrap();
    }
    server.inject(&[Fault::Refuse(403, "AccessDenied")]);
    assert!(matches!(items.next().await, Some(Err(Error::AccessDenied(_)))));
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn pages_that_do_not_fit_are_made_smaller() {
    let server = Server::start().await;
    // Each item takes some sixty bytes in the answer: about seven fit.
    let bucket = server.builder().response_bytes_max(500).build().unwrap().bucket(BUCKET);
    fill(&bucket).await;
    let keys: Vec<_> = bucket.items(PARTITION).page_size(20).try_collect().await.unwrap();
    assert_eq!(keys.len(), 25);
}

#[tokio::test]
async fn partitions_come_page_by_page() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let ops: Vec<_> = (0..25).map(|n| BatchInsert::new(format!("{n:02}"), "s", "v")).collect();
    bucket.insert_batch(&ops).await.unwrap();
    let before = server.arrived().len();
    let partitions: Vec<_> = bucket.partitions().page_size(10).try_collect().await.unwrap();
    assert_eq!(partitions.len(), 25);
    assert_eq!(server.arrived().len() - before, 3);
    let some: Vec<_> = bucket.partitions().prefix("2").reverse().try_collect().await.unwrap();
    assert_eq!(some[0].partition_key, "24");
}
