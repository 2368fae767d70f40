//! Read, resolve, write.

use k2v_client::{Bucket, Resolver, Union, Value};

use crate::server::{Fault, Server};

/// The lines of all values, and one more.
fn with_line(values: &[Value], line: &str) -> Value {
    let all: Vec<Value> = values.iter().cloned().chain([Value::from(format!("{line}\n"))]).collect();
    Union::lines().resolve(&all)
}

async fn add(bucket: &Bucket, line: &str) -> Value {
    bucket.update("p", "s", |values| with_line(values, line)).await.unwrap()
}

fn held(server: &Server) -> Vec<Option<Vec<u8>>> {
    server.store().read("p", "s").unwrap().values()
}

#[tokio::test]
async fn an_update_creates_then_changes() {
    let server = Server::start().await;
    let bucket = server.bucket();
    assert_eq!(add(&bucket, "a").await, "a\n".into());
    assert_eq!(add(&bucket, "b").await, "a\nb\n".into());
    assert_eq!(held(&server), [Some(b"a\nb\n".to_vec())]);
}

#[tokio::test]
async fn concurrent_updates_lose_nothing() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let updates = (0..10).map(|n| {
        let bucket = bucket.clone();
        // Spawned, as programs do: the future has to be `Send`.
        tokio::spawn(async move { add(&bucket, &n.to_string()).await })
    });
    for update in updates.collect::<Vec<_>>() {
        update.await.unwrap();
    }
    assert_eq!(held(&server), [Some(b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n".to_vec())]);
}

#[tokio::test]
async fn a_sibling_that_appears_during_the_update_is_merged() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "s", "a\n", None).await.unwrap();
    let mut is_first = true;
    let merged = bucket.update("p", "s", |values| {
        if std::mem::take(&mut is_first) {
            server.store().write("p", "s", 0, Some(b"c\n".to_vec()));
        }
        with_line(values, "b")
    });
    assert_eq!(merged.await.unwrap(), "a\nb\nc\n".into());
}

#[tokio::test]
async fn a_change_is_applied_once_however_many_rounds_it_takes() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let mut calls = 0;
    let lines = Union::lines();
    let updated = bucket.update_with("p", "s", &lines, |before| {
        calls += 1;
        assert_eq!(before, Value::Tombstone, "there was no item");
        server.store().write("p", "s", 0, Some(b"theirs\n".to_vec()));
        "ours\n"
    });
    assert_eq!(updated.await.unwrap(), "ours\ntheirs\n".into());
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_lost_answer_to_the_write_leaves_one_value() {
    let server = Server::start().await;
    let bucket = server.bucket();
    // The read that finds nothing, the write that is applied unheard.
    server.inject(&[Fault::Refuse(404, "NoSuchKey"), Fault::HangUpAfterwards]);
    assert_eq!(add(&bucket, "a").await, "a\n".into());
    assert_eq!(held(&server), [Some(b"a\n".to_vec())]);
}

#[tokio::test]
async fn an_update_deletes() {
    let server = Server::start().await;
    let bucket = server.bucket();
    add(&bucket, "a").await;
    let deleted = bucket.update("p", "s", |_values| None::<Vec<u8>>).await.unwrap();
    assert_eq!((deleted, held(&server)), (Value::Tombstone, vec![None]));
}

#[tokio::test]
async fn resolving_writes_only_where_there_is_a_conflict() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "s", "a\n", None).await.unwrap();
    let before = server.store().count();
    let value = bucket.resolve("p", "s", &Union::lines()).await.unwrap();
    assert_eq!((value, server.store().count()), ("a\n".into(), before));

    bucket.insert_item("p", "s", "b\n", None).await.unwrap();
    let value = bucket.resolve("p", "s", &Union::lines()).await.unwrap();
    assert_eq!((value, held(&server)), ("a\nb\n".into(), vec![Some(b"a\nb\n".to_vec())]));
}
