//! The nine calls, each seen from both ends.

use std::time::Duration;

use k2v_client::{
    BatchDelete, BatchInsert, BatchRead, Error, K2vClient, KeyRange, Partition, PollRange, RetryPolicy, Value,
};

use crate::server::{BUCKET, Fault, KEY, REGION, SECRET, Server};

const SOON: Option<Duration> = Some(Duration::from_secs(1));
const LATER: Option<Duration> = Some(Duration::from_secs(600));

#[tokio::test]
async fn an_item_goes_through_its_life() {
    let server = Server::start().await;
    let bucket = server.bucket();
    assert!(matches!(bucket.read_item("p", "s").await, Err(Error::NoSuchKey(_))));

    bucket.insert_item("p", "s", "one", None).await.unwrap();
    let one = bucket.read_item("p", "s").await.unwrap();
    assert_eq!(one.values, ["one".into()]);

    bucket.insert_item("p", "s", vec![0, 255], Some(&one.token)).await.unwrap();
    let two = bucket.read_item("p", "s").await.unwrap();
    assert_eq!(two.single().map(|data| data.to_vec()), Some(vec![0, 255]));

    bucket.insert_item("p", "s", b"", Some(&one.token)).await.unwrap();
    let both = bucket.read_item("p", "s").await.unwrap();
    assert_eq!(both.values, [[0, 255].into(), "".into()]);
    assert!(both.is_conflict());

    bucket.delete_item("p", "s", &both.token).await.unwrap();
    let deleted = bucket.read_item("p", "s").await.unwrap();
    assert_eq!(deleted.values, [Value::Tombstone]);
    assert!(deleted.is_tombstone());
}

#[tokio::test]
async fn a_poll_returns_with_the_next_write_or_with_nothing() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "s", "one", None).await.unwrap();
    let one = bucket.read_item("p", "s").await.unwrap();
    assert_eq!(bucket.poll_item("p", "s", &one.token, SOON).await.unwrap(), None);

    let (polled, written) = tokio::join!(
        bucket.poll_item("p", "s", &one.token, LATER),
        bucket.insert_item("p", "s", "two", Some(&one.token)),
    );
    written.unwrap();
    assert_eq!(polled.unwrap().unwrap().values, ["two".into()]);
}

#[tokio::test]
async fn batches_write_read_and_delete() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let ops: Vec<_> = ["a1", "a2", "b1"].map(|sk| BatchInsert::new("p", sk, sk)).into();
    bucket.insert_batch(&ops).await.unwrap();
    bucket.insert_batch(&[]).await.unwrap();

    let queries = [
        BatchRead::range("p", KeyRange::all().prefix("a").limit(1)),
        BatchRead::range("p", KeyRange::all().reverse()),
        BatchRead::item("p", "b1"),
        BatchRead::item("p", "none"),
        BatchRead::range("p", KeyRange::all()).conflicts_only(),
    ];
    let pages = bucket.read_batch(&queries).await.unwrap();
    let keys: Vec<Vec<&str>> =
        pages.iter().map(|page| page.items.iter().map(|entry| entry.sort_key.as_str()).collect()).collect();
    assert_eq!(keys, [vec!["a1"], vec!["b1", "a2", "a1"], vec!["b1"], vec![], vec![]]);
    assert_eq!(pages[0].next_start.as_deref(), Some("a2"));

    let deletes = [BatchDelete::all("p").prefix("a"), BatchDelete::item("p", "none")];
    assert_eq!(bucket.delete_batch(&deletes).await.unwrap(), [2, 0]);
    let all = BatchRead::range("p", KeyRange::all());
    let pages = bucket.read_batch(&[all.clone(), all.tombstones()]).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn the_index_counts_each_partition() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let op = |pk: &str, value: &str| BatchInsert::new(pk, "s", value);
    bucket.insert_batch(&[op("a", "12"), op("b", "1"), op("b", "234"), op("c", "")]).await.unwrap();
    let page = bucket.read_index(&KeyRange::all().start("b").limit(1)).await.unwrap();
    let counts = Partition { partition_key: "b".into(), entries: 1, conflicts: 1, values: 2, bytes: 4 };
    assert_eq!((page.items, page.next_start), (vec![counts], Some("c".into())));
}

#[tokio::test]
async fn a_range_is_read_then_polled() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "a1", "one", None).await.unwrap();
    let range = PollRange::all().prefix("a");
    let now = bucket.poll_range("p", &range, None, SOON).await.unwrap().unwrap();
    assert_eq!(now.items.len(), 1);

    bucket.insert_item("p", "b1", "outside", None).await.unwrap();
    let nothing = bucket.poll_range("p", &range, Some(&now.marker), SOON).await.unwrap();
    assert_eq!(nothing, None);

    let (polled, written) = tokio::join!(
        bucket.poll_range("p", &range, Some(&now.marker), LATER),
        bucket.insert_item("p", "a2", "two", None),
    );
    written.unwrap();
    let changed = polled.unwrap().unwrap();
    assert_eq!(changed.items[0].sort_key, "a2");
    assert_eq!(changed.items[0].item.values, ["two".into()]);
}

#[tokio::test]
async fn the_client_names_each_bucket_itself() {
    let server = Server::start().await;
    let client = server.builder().build().unwrap();
    client.insert_item(BUCKET, "p", "s", String::from("v"), None).await.unwrap();
    let item = client.read_item(BUCKET.to_owned(), "p", "s").await.unwrap();
    assert_eq!(client.poll_item(BUCKET, "p", "s", &item.token, SOON).await.unwrap(), None);
    assert_eq!(client.read_index(BUCKET, &KeyRange::all()).await.unwrap().items.len(), 1);
    client.insert_batch(BUCKET, &[BatchInsert::new("p", "t", "v")]).await.unwrap();
    let query = [BatchRead::range("p", KeyRange::all())];
    assert_eq!(client.read_batch(BUCKET, &query).await.unwrap()[0].items.len(), 2);
    let changes = client.poll_range(BUCKET, "p", &PollRange::all(), None, SOON).await.unwrap();
    assert_eq!(changes.unwrap().items.len(), 2);
    client.delete_item(BUCKET, "p", "s", &item.token).await.unwrap();
    assert_eq!(client.delete_batch(BUCKET, &[BatchDelete::all("p")]).await.unwrap(), [1]);
    assert!(matches!(client.read_item("other", "p", "s").await, Err(Error::NoSuchBucket(_))));
}

#[tokio::test]
async fn http_2_serves_as_well() {
    let server = Server::start().await;
    let bucket = server.builder().http2_only().user_agent("two/2").build().unwrap().bucket(BUCKET);
    bucket.insert_item("p/q", "s", "v", None).await.unwrap();
    assert_eq!(bucket.read_item("p/q", "s").await.unwrap().values, ["v".into()]);
    for arrived in server.arrived() {
        assert_eq!((arrived.version, arrived.user_agent.as_str()), (http::Version::HTTP_2, "two/2"));
    }
}

#[tokio::test]
async fn calls_in_a_row_share_one_connection_and_so_do_clients() {
    let server = Server::start().await;
    let client = server.builder().build().unwrap();
    let sharing = server.builder().http_client(client.http_client().clone()).build().unwrap();
    for value in [vec![], vec![7; 10], vec![7; 1_000_000]] {
        for bucket in [client.bucket(BUCKET), sharing.bucket(BUCKET)] {
            bucket.insert_item("p", value.len().to_string(), &value, None).await.unwrap();
            let read = bucket.read_item("p", value.len().to_string()).await.unwrap();
            assert_eq!(read.values, [Value::from(&value)]);
            assert!(bucket.read_item("p", "none").await.is_err());
            bucket.read_index(&KeyRange::all()).await.unwrap();
        }
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_signed_request_is_accepted_however_it_is_sent() {
    use k2v_client::Call;
    let server = Server::start().await;
    let client = server.builder().build().unwrap();
    let call = Call::insert_item(BUCKET, "p", "s", "v", None).unwrap();
    for _ in 0..2 {
        let request = client.signed_request(&call).unwrap();
        let answer = client.http_client().send(request).await.unwrap();
        assert_eq!(answer.status(), 204);
    }
    assert_eq!(server.store().read("p", "s").unwrap().writes_kept(), 2);
}

#[tokio::test]
async fn a_wrong_secret_or_region_is_told_apart() {
    let server = Server::start().await;
    let client = |region, secret| {
        let builder = K2vClient::builder(region, server.endpoint(), KEY, secret);
        builder.retry(RetryPolicy::none()).build().unwrap().bucket(BUCKET)
    };
    let denied = client(REGION, "wrong").read_item("p", "s").await;
    assert!(matches!(denied, Err(Error::AccessDenied(_))), "{denied:?}");
    let elsewhere = client("elsewhere", SECRET).read_item("p", "s").await;
    assert!(matches!(elsewhere, Err(Error::WrongRegion(_))), "{elsewhere:?}");
}

#[tokio::test]
async fn each_refusal_keeps_the_words_of_the_server() {
    let server = Server::start().await;
    let bucket = server.bucket();
    server.inject(&[Fault::Refuse(409, "TooManyConcurrentValues")]);
    let error = bucket.insert_item("p", "s", "v", None).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)));
    assert!(!error.may_have_been_applied());
    let remote = error.remote().unwrap();
    assert_eq!((remote.code.as_str(), remote.message.as_str()), ("TooManyConcurrentValues", "as injected"));
    assert!(error.to_string().contains("as injected"), "{error}");
}

#[test]
fn clients_and_streams_move_between_threads() {
    fn check_send<T: Send>() {}
    fn check_sync<T: Sync>() {}
    check_send::<K2vClient>();
    check_sync::<K2vClient>();
    check_send::<k2v_client::Items>();
    check_send::<k2v_client::Partitions>();
    check_send::<k2v_client::Watch>();
    check_send::<Error>();
    check_sync::<Error>();
}
