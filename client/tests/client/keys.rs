//! Keys of any content come back as they went.

use k2v_client::{BatchInsert, BatchRead, KeyRange};
use proptest::prelude::*;

use crate::server::Server;

const AWKWARD: &[&str] = &[
    "a//b",
    "a/../b",
    "/x",
    "x/",
    "/",
    "//",
    ".",
    "..",
    "%2F",
    "%",
    "%zz",
    "\"quoted\"",
    "it's",
    "line\nfeed",
    "\r\n",
    "\0",
    "tab\t",
    "🦀",
    "é",
    "a b",
    "a+b",
    "a&b=c",
    "?search",
    "#",
    ";",
    "\\",
    "\u{7f}",
    "\u{feff}",
];

async fn check(server: &Server, key: &str) {
    let bucket = server.bucket();
    bucket.insert_item(key, key, key, None).await.unwrap();
    let item = bucket.read_item(key, key).await.unwrap();
    assert_eq!(item.values, [key.into()], "{key:?}");
    let stored = server.store().read(key, key).unwrap();
    assert_eq!(stored.values(), [Some(key.as_bytes().to_vec())], "{key:?}");

    bucket.insert_batch(&[BatchInsert::new(key, format!("{key}2"), key)]).await.unwrap();
    let prefix = KeyRange::all().prefix(key);
    let pages = bucket.read_batch(&[BatchRead::range(key, prefix.clone())]).await.unwrap();
    let found: Vec<_> = pages[0].items.iter().map(|entry| entry.sort_key.clone()).collect();
    assert_eq!(found, [key.to_owned(), format!("{key}2")]);
    let index = bucket.read_index(&prefix.start(key).limit(1)).await.unwrap();
    assert_eq!(index.items[0].partition_key, key);
}

#[tokio::test]
async fn awkward_keys_come_back() {
    let server = Server::start().await;
    for key in AWKWARD {
        check(&server, key).await;
    }
}

#[test]
fn any_key_comes_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(key in "\\PC{1,20}|[\\x00-\\x7f]{1,20}")| {
        runtime.block_on(check(&server, &key));
    });
}
