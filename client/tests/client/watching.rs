//! Watching a partition while the server comes and goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryStreamExt};
use k2v_client::{Changes, Error, Value, Watch, limits};

use crate::server::{Fault, Server};

async fn next(watch: &mut Watch) -> Changes {
    watch.try_next().await.unwrap().expect("a watch does not end")
}

fn keys(changes: &Changes) -> Vec<&str> {
    changes.items.iter().map(|entry| entry.sort_key.as_str()).collect()
}

#[tokio::test]
async fn the_content_comes_first_then_each_change() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "a1", "v", None).await.unwrap();
    bucket.insert_item("p", "b1", "v", None).await.unwrap();
    let mut watch = bucket.watch("p").prefix("a");
    assert_eq!(keys(&next(&mut watch).await), ["a1"]);

    let (changes, written) = tokio::join!(next(&mut watch), async {
        bucket.insert_item("p", "b2", "outside", None).await.unwrap();
        bucket.insert_item("p", "a2", "v", None).await
    });
    written.unwrap();
    assert_eq!(keys(&changes), ["a2"]);
}

#[tokio::test]
async fn a_watch_outlasts_polls_without_news() {
    let server = Server::start().await;
    let bucket = server.bucket();
    // Two polls of a second, which the server takes for a millisecond, run out before the write.
    let mut watch = bucket.watch("p").poll_timeout(std::time::Duration::from_secs(1));
    next(&mut watch).await;
    let write = async {
        while server.arrived().len() < 4 {
            tokio::task::yield_now().await;
        }
        bucket.insert_item("p", "s", "v", None).await
    };
    let (changes, written) = tokio::join!(next(&mut watch), write);
    written.unwrap();
    assert_eq!(keys(&changes), ["s"]);
}

#[tokio::test]
async fn a_watch_goes_on_where_another_one_stopped() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "one", "v", None).await.unwrap();
    let marker = next(&mut bucket.watch("p")).await.marker;
    bucket.insert_item("p", "two", "v", None).await.unwrap();
    assert_eq!(keys(&next(&mut bucket.watch("p").since(marker)).await), ["two"]);
}

#[tokio::test]
async fn every_final_state_is_seen_though_the_server_is_killed_meanwhile() {
    const WRITES: usize = 300;
    let server = Server::start().await;
    let (address, bucket) = (server.address, server.bucket());
    let interruptions = Arc::new(Mutex::new(0));
    let heard = Arc::clone(&interruptions);
    let mut watch = bucket.watch("p").on_interruption(move |_| *heard.lock().unwrap() += 1);
    next(&mut watch).await;

    let writes = async move {
        let mut server = server;
        for n in 0..WRITES {
            if n % 100 == 50 {
                let store = server.kill().await;
                // Some writes while nobody listens, as those of other nodes.
                store.write("p", "meanwhile", 0, Some(n.to_string().into()));
                server = Server::start_with(store, address).await;
            }
            let seen = server.store().count();
            server.store().write("p", &format!("key {}", n % 10), seen, Some(n.to_string().into()));
            tokio::task::yield_now().await;
        }
        server
    };
    let last = (WRITES - 1).to_string();
    let watching = async {
        let mut states = BTreeMap::new();
        while states.get("key 9") != Some(&vec![Value::from(&last)]) {
            for entry in next(&mut watch).await.items {
                states.insert(entry.sort_key, entry.item.values);
            }
        }
        states
    };
    let (server, states) = tokio::join!(writes, watching);
    let final_states = server.store().partition("p");
    assert_eq!(final_states.len(), 11);
    for (sk, item) in final_states {
        let values: Vec<Value> = item.values().into_iter().map(Value::from).collect();
        assert_eq!(states[&sk], values, "{sk}");
    }
}

#[tokio::test]
async fn interruptions_are_told_and_what_waiting_does_not_cure_ends_the_watch() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&errors);
    let mut watch =
        bucket.watch("p").on_interruption(move |error| heard.lock().unwrap().push(error.to_string()));
    next(&mut watch).await;
    // One call with its repeats, then the refusal.
    server.inject(&[Fault::Refuse(503, "ServiceUnavailable"); limits::ATTEMPTS_MAX as usize]);
    server.inject(&[Fault::Refuse(403, "AccessDenied")]);
    assert!(matches!(watch.next().await, Some(Err(Error::AccessDenied(_)))));
    assert!(watch.next().await.is_none());
    assert_eq!(errors.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_watch_that_never_began_does_not_wait_for_ever() {
    let server = Server::start().await;
    server.inject(&[Fault::Refuse(503, "ServiceUnavailable"); limits::ATTEMPTS_MAX as usize]);
    let mut watch = server.bucket().watch("p");
    assert!(matches!(watch.next().await, Some(Err(Error::Unavailable(_)))));
}
