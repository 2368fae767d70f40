//! Several nodes of one cluster: calls go on at another one when theirs is away.

use std::sync::Arc;
use std::time::Duration;

use k2v_client::{Bucket, CausalityToken, ClientBuilder, Error, RepeatWrites, RetryPolicy};

use crate::server::{BUCKET, Fault, Server, Store};

/// Servers of one store, which stands for a cluster.
async fn cluster(count: usize) -> (Arc<Store>, Vec<Server>) {
    let store = Arc::new(Store::default());
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(Server::start_with(Arc::clone(&store), "127.0.0.1:0".parse().unwrap()).await);
    }
    (store, servers)
}

/// A client of all of them, in this order, that repeats without pauses.
fn builder(servers: &[Server]) -> ClientBuilder {
    let (first, others) = servers.split_first().unwrap();
    others.iter().fold(first.builder(), |builder, server| builder.also_at(&server.endpoint()))
}

fn bucket(servers: &[Server]) -> Bucket {
    builder(servers).build().unwrap().bucket(BUCKET)
}

fn arrived(servers: &[Server]) -> Vec<usize> {
    servers.iter().map(|server| server.arrived().len()).collect()
}

#[tokio::test]
async fn the_first_that_is_there_is_asked_and_a_failed_one_left_alone() {
    let (_, servers) = cluster(3).await;
    let bucket = bucket(&servers);
    bucket.insert_item("p", "s", "v", None).await.unwrap();
    assert_eq!(arrived(&servers), [1, 0, 0]);
    servers[0].inject(&[Fault::Refuse(503, "ServiceUnavailable")]);
    servers[1].inject(&[Fault::HangUp]);
    for _ in 0..3 {
        assert_eq!(bucket.read_item("p", "s").await.unwrap().values, ["v".into()]);
    }
    assert_eq!(arrived(&servers), [2, 1, 3]);
}

#[tokio::test]
async fn a_failed_one_is_tried_again_and_preferred_once_it_answers() {
    let (_, servers) = cluster(2).await;
    let bucket = bucket(&servers);
    bucket.insert_item("p", "s", "v", None).await.unwrap();
    servers[0].inject(&[Fault::Refuse(503, "ServiceUnavailable")]);
    bucket.read_item("p", "s").await.unwrap();
    let before = arrived(&servers)[0];
    while arrived(&servers)[0] == before {
        bucket.read_item("p", "s").await.unwrap();
    }
    let elsewhere = arrived(&servers)[1];
    bucket.read_item("p", "s").await.unwrap();
    assert_eq!(arrived(&servers)[1], elsewhere);
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_one_call_its_timeout() {
    let (_, servers) = cluster(2).await;
    let brief = Duration::from_millis(500);
    let bucket = builder(&servers).request_timeout(brief).build().unwrap().bucket(BUCKET);
    bucket.insert_item("p", "s", "v", None).await.unwrap();
    servers[0].inject(&[Fault::Stall]);
    bucket.read_item("p", "s").await.unwrap();
    bucket.read_item("p", "s").await.unwrap();
    assert_eq!(arrived(&servers), [2, 2]);
}

#[tokio::test]
async fn a_write_that_was_not_sent_goes_elsewhere_and_one_of_unknown_outcome_as_the_policy_says() {
    let token = CausalityToken::from("t0");
    for (repeat_writes, blind, covered) in
        [(RepeatWrites::Never, 1, 1), (RepeatWrites::WithToken, 1, 2), (RepeatWrites::Always, 2, 2)]
    {
        for fault in [Fault::HangUpAfterwards, Fault::Refuse(503, "ServiceUnavailable")] {
            for (token, expected) in [(None, blind), (Some(&token), covered)] {
                let (_, servers) = cluster(2).await;
                let policy = RetryPolicy { repeat_writes, ..RetryPolicy::default() };
                let bucket = builder(&servers).retry(policy).build().unwrap().bucket(BUCKET);
                servers[0].inject(&[fault]);
                let inserted = bucket.insert_item("p", "s", "v", token).await;
                assert_eq!(arrived(&servers).iter().sum::<usize>(), expected, "{repeat_writes:?} {fault:?}");
                match inserted {
                    Ok(()) => assert_eq!(expected, 2),
                    Err(error) => assert!(error.may_have_been_applied(), "{error:?}"),
                }
            }
        }
    }
    let (_, mut servers) = cluster(2).await;
    let bucket = bucket(&servers);
    servers.remove(0).kill().await;
    bucket.insert_item("p", "s", "v", None).await.unwrap();
    assert_eq!(arrived(&servers), [1]);
}

#[tokio::test]
async fn what_one_refuses_is_not_asked_of_another() {
    let (_, servers) = cluster(2).await;
    let bucket = bucket(&servers);
    servers[0].inject(&[Fault::Refuse(403, "AccessDenied"), Fault::Refuse(507, "InsufficientStorage")]);
    assert!(matches!(bucket.read_item("p", "s").await, Err(Error::AccessDenied(_))));
    let full = bucket.insert_item("p", "s", "v", None).await;
    assert!(matches!(full, Err(Error::InsufficientStorage(_))), "{full:?}");
    assert_eq!(arrived(&servers), [2, 0]);
}

#[tokio::test]
async fn if_none_is_there_the_error_is_that_of_the_last_attempt() {
    let (_, servers) = cluster(2).await;
    let bucket = bucket(&servers);
    for server in servers {
        server.kill().await;
    }
    let error = bucket.read_item("p", "s").await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_rolling_restart_is_not_seen_by_readers_nor_by_writers_with_tokens() {
    let (_, mut servers) = cluster(3).await;
    let bucket = bucket(&servers);
    bucket.insert_item("p", "s", "0", None).await.unwrap();
    let counting = tokio::spawn({
        let bucket = bucket.clone();
        async move {
            // Ends when the restarts do, and with the first error.
            loop {
                let seen = bucket.read_item("p", "s").await?;
                if seen.values.contains(&"stop".into()) {
                    return Ok::<_, Error>(());
                }
                bucket.insert_item("p", "s", "1", Some(&seen.token)).await?;
            }
        }
    });
    for index in 0..servers.len() {
        let address = servers[index].address;
        // Somebody is always at work there, or on the way there, when it ends.
        bucket.read_item("p", "s").await.unwrap();
        let server = servers.remove(index);
        let store = server.kill().await;
        bucket.read_item("p", "s").await.unwrap();
        servers.insert(index, Server::start_with(store, address).await);
    }
    bucket.insert_item("p", "s", "stop", None).await.unwrap();
    counting.await.unwrap().unwrap();
}
