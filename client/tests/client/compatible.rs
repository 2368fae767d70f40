//! A program in the words of the older client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use k2v_client::compat as k2v_client;
use k2v_client::{
    BatchDeleteOp, BatchInsertOp, BatchReadOp, Body, CausalValue, CausalityToken, Error, Filter, K2vClient,
    K2vClientConfig, K2vValue, PaginatedRange, PartitionInfo, PollRangeFilter,
};

use crate::server::{BUCKET, Fault, KEY, REGION, SECRET, Server};

fn config(server: &Server) -> K2vClientConfig {
    K2vClientConfig {
        endpoint: server.endpoint(),
        region: REGION.to_string(),
        aws_access_key_id: KEY.to_string(),
        aws_secret_access_key: SECRET.to_string(),
        bucket: BUCKET.to_string(),
        user_agent: Some("older/0.0.4".to_string()),
    }
}

fn value(text: &str) -> K2vValue {
    K2vValue::Value(text.as_bytes().to_vec())
}

#[tokio::test]
async fn items_are_inserted_read_polled_and_deleted() {
    let server = Server::start().await;
    let client = K2vClient::new(config(&server)).unwrap();
    assert!(matches!(client.read_item("p", "s").await, Err(Error::NotFound)));
    client.insert_item("p", "s", b"one".to_vec(), None).await.unwrap();
    let CausalValue { causality, value: values } = client.read_item("p", "s").await.unwrap();
    assert_eq!(values, [value("one")]);

    let second = Some(Duration::from_secs(1));
    assert_eq!(client.poll_item("p", "s", causality.clone(), second).await.unwrap(), None);
    client.insert_item("p", "s", b"two".to_vec(), Some(causality.clone())).await.unwrap();
    let polled = client.poll_item("p", "s", causality, None).await.unwrap().unwrap();
    assert_eq!(polled.value, [value("two")]);
    client.delete_item("p", "s", polled.causality).await.unwrap();
    assert_eq!(client.read_item("p", "s").await.unwrap().value, [K2vValue::Tombstone]);
    assert!(server.arrived().iter().all(|arrived| arrived.user_agent == "older/0.0.4"));
}

#[tokio::test]
async fn batches_and_the_index_speak_in_maps() {
    let server = Server::start().await;
    let client = K2vClient::new(config(&server)).unwrap();
    let op = |sort_key, value| BatchInsertOp { partition_key: "p", sort_key, causality: None, value };
    let ops = [op("a1", value("1")), op("a2", vec![2].into()), op("b", Some(vec![3]).into())];
    client.insert_batch(&ops).await.unwrap();

    let index = client.read_index(Filter::default()).await.unwrap();
    let counts = PartitionInfo { entries: 3, conflicts: 0, values: 3, bytes: 3 };
    let partitions = BTreeMap::from([("p".to_string(), counts)]);
    assert_eq!(index, PaginatedRange { items: partitions, next_start: None });

    let filter = Filter { prefix: Some("a"), limit: Some(1), ..Filter::default() };
    let query = BatchReadOp {
        partition_key: "p",
        filter,
        single_item: false,
        conflicts_only: false,
        tombstones: false,
    };
    let ranges = client.read_batch(&[query]).await.unwrap();
    assert_eq!(ranges[0].items["a1"].value, [value("1")]);
    assert_eq!(ranges[0].next_start.as_deref(), Some("a2"));

    let delete = BatchDeleteOp { prefix: Some("a"), ..BatchDeleteOp::new("p") };
    assert_eq!(client.delete_batch(&[delete]).await.unwrap(), [2]);
}

#[tokio::test]
async fn ranges_are_polled() {
    let server = Server::start().await;
    let client = K2vClient::new(config(&server)).unwrap();
    client.insert_item("p", "s", b"v".to_vec(), None).await.unwrap();
    let all = client.poll_range("p", None, None, None).await.unwrap().unwrap();
    assert_eq!(all.items["s"].value, [value("v")]);
    let filter = PollRangeFilter { prefix: Some("s"), ..PollRangeFilter::default() };
    let second = Some(Duration::from_secs(1));
    let none = client.poll_range("p", Some(filter), Some(&all.seen_marker), second).await.unwrap();
    assert_eq!(none, None);
}

/// What a program keeps: its field names no connector.
struct Program {
    client: K2vClient,
}

/// Writes and reads through a client with this connector.
async fn check_connector<C>(connector: C)
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let server = Server::start().await;
    let hyper: Client<C, Body> = Client::builder(TokioExecutor::new()).build(connector);
    let program = Program { client: K2vClient::new_with_client(config(&server), hyper).unwrap() };
    program.client.insert_item("p", "s", b"v".to_vec(), None).await.unwrap();
    assert_eq!(program.client.clone().read_item("p", "s").await.unwrap().value, [value("v")]);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn clients_of_different_connectors_are_of_one_type() {
    check_connector(HttpConnector::new()).await;
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    check_connector(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build())
        .await;
    // The version before, with a rustls of its own.
    let tls = rustls_0_22::ClientConfig::builder()
        .with_root_certificates(rustls_0_22::RootCertStore::empty())
        .with_no_client_auth();
    check_connector(
        hyper_rustls_0_26::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build(),
    )
    .await;
}

#[tokio::test]
async fn remote_errors_carry_status_code_message_and_path() {
    let server = Server::start().await;
    let client = K2vClient::new(config(&server)).unwrap();
    server.inject(&[Fault::Refuse(404, "NoSuchBucket")]);
    match client.read_item("p", "s").await {
        Err(Error::Remote(status, code, message, path)) => {
            assert_eq!((status.as_u16(), code.as_ref()), (404, "NoSuchBucket"));
            assert_eq!((message.as_ref(), path.as_ref()), ("as injected", "/"));
        }
        other => panic!("a missing bucket is not a missing item: {other:?}"),
    }
}

#[test]
fn tokens_and_values_convert_and_serialise() {
    let token: CausalityToken = String::from("tok").into();
    assert_eq!(AsRef::<str>::as_ref(&token), "tok");
    assert_eq!(String::from(token.clone()), "tok");
    let item = CausalValue { causality: token, value: vec![value("hello"), K2vValue::Tombstone] };
    let json = serde_json::to_string(&item).unwrap();
    assert_eq!(json, r#"{"causality":"tok","value":["aGVsbG8=",null]}"#);
    assert_eq!(serde_json::from_str::<CausalValue>(&json).unwrap(), item);
}
