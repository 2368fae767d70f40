//! What happens when the server, a proxy or the network fails.

use std::time::Duration;

use k2v_client::{
    BatchDelete, Bucket, CausalityToken, Error, InvalidResponse, K2vClient, KeyRange, PollRange,
    RepeatWrites, RetryPolicy, limits,
};
use tokio::net::TcpListener;

use crate::server::{BUCKET, Fault, KEY, REGION, SECRET, Server};

/// As many attempts as a call is given.
const ALL: usize = limits::ATTEMPTS_MAX as usize;

/// The bucket of a client with this policy for writes.
fn bucket(server: &Server, repeat_writes: RepeatWrites) -> Bucket {
    let policy = RetryPolicy { repeat_writes, backoff_base: Duration::ZERO, ..RetryPolicy::default() };
    server.builder().retry(policy).build().unwrap().bucket(BUCKET)
}

/// Checks how often a call is tried if it always fails.
async fn check_attempts<T>(
    server: &Server,
    fault: Fault,
    call: impl Future<Output = Result<T, Error>>,
    expected: usize,
) -> Error {
    let before = server.arrived().len();
    server.inject(&vec![fault; expected]);
    let error = call.await.err().expect("every attempt failed");
    assert_eq!(server.arrived().len() - before, expected, "{fault:?}: {error:?}");
    error
}

#[tokio::test]
async fn reads_are_repeated_until_the_server_is_back() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "s", "v", None).await.unwrap();
    server.inject(&[Fault::Refuse(503, "ServiceUnavailable"), Fault::HangUp, Fault::Proxy(502)]);
    assert_eq!(bucket.read_item("p", "s").await.unwrap().values, ["v".into()]);
    server.inject(&[Fault::HangUpAfterwards, Fault::Refuse(503, "ServiceUnavailable")]);
    assert_eq!(bucket.read_index(&KeyRange::all()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn reads_are_given_up_in_the_end() {
    let server = Server::start().await;
    let bucket = server.bucket();
    let refused = Fault::Refuse(503, "ServiceUnavailable");
    let error = check_attempts(&server, refused, bucket.read_item("p", "s"), ALL).await;
    assert!(matches!(error, Error::Unavailable(_)));
    let error = check_attempts(&server, Fault::HangUp, bucket.read_item("p", "s"), ALL).await;
    assert!(matches!(error, Error::Disconnected(_)));
}

#[tokio::test]
async fn what_would_fail_alike_is_not_repeated() {
    let server = Server::start().await;
    let bucket = server.bucket();
    for fault in [
        Fault::Refuse(403, "AccessDenied"),
        Fault::Refuse(400, "InvalidRequest"),
        Fault::Refuse(500, "InternalError"),
        Fault::Refuse(507, "InsufficientStorage"),
        Fault::Nonsense,
    ] {
        check_attempts(&server, fault, bucket.read_item("p", "s"), 1).await;
    }
}

#[tokio::test]
async fn writes_of_unknown_outcome_are_repeated_as_the_policy_says() {
    let server = Server::start().await;
    let token = CausalityToken::from("t0");
    let range = [BatchDelete::all("p")];
    for (policy, covered, blind) in
        [(RepeatWrites::Never, 1, 1), (RepeatWrites::WithToken, ALL, 1), (RepeatWrites::Always, ALL, ALL)]
    {
        let bucket = bucket(&server, policy);
        for fault in [Fault::Refuse(503, "ServiceUnavailable"), Fault::HangUp] {
            let error = check_attempts(&server, fault, bucket.insert_item("p", "s", "v", None), blind).await;
            assert!(error.may_have_been_applied());
            check_attempts(&server, fault, bucket.delete_batch(&range), blind).await;
            let insert = bucket.insert_item("p", "s", "v", Some(&token));
            check_attempts(&server, fault, insert, covered).await;
            check_attempts(&server, fault, bucket.delete_item("p", "s", &token), covered).await;
        }
    }
}

#[tokio::test]
async fn a_repeated_insert_is_shown_once_and_cleared_by_the_next_write() {
    let server = Server::start().await;
    let bucket = server.bucket();
    bucket.insert_item("p", "s", "old", None).await.unwrap();
    let old = bucket.read_item("p", "s").await.unwrap();
    server.inject(&[Fault::HangUpAfterwards]);
    bucket.insert_item("p", "s", "new", Some(&old.token)).await.unwrap();
    assert_eq!(server.store().read("p", "s").unwrap().writes_kept(), 2, "the repeat left a duplicate");

    let new = bucket.read_item("p", "s").await.unwrap();
    assert_eq!(new.values, ["new".into()]);
    bucket.insert_item("p", "s", "newest", Some(&new.token)).await.unwrap();
    assert_eq!(server.store().read("p", "s").unwrap().writes_kept(), 1);
}

#[tokio::test]
async fn a_server_that_stays_silent_is_a_timeout() {
    let server = Server::start().await;
    let brief = Duration::from_millis(500);
    let bucket = server.builder().request_timeout(brief).build().unwrap().bucket(BUCKET);
    let error = check_attempts(&server, Fault::Stall, bucket.read_item("p", "s"), 1).await;
    assert!(matches!(error, Error::Timeout { after } if after == brief), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_a_connect_error_and_nothing_was_applied() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let policy = RetryPolicy { backoff_base: Duration::ZERO, ..RetryPolicy::default() };
    let client = K2vClient::builder(REGION, &endpoint, KEY, SECRET).retry(policy).build().unwrap();
    let error = client.insert_item(BUCKET, "p", "s", "v", None).await.unwrap_err();
    assert!(matches!(&error, Error::Connect { endpoint: named, .. } if *named == endpoint), "{error:?}");
    assert!(!error.may_have_been_applied());
}

#[tokio::test]
async fn something_that_is_not_k2v_is_told_as_such() {
    let server = Server::start().await;
    server.inject(&[Fault::Nonsense, Fault::Nonsense, Fault::Proxy(404)]);
    let bucket = server.bucket();
    let read = bucket.read_item("p", "s").await;
    assert!(matches!(read, Err(Error::InvalidResponse(InvalidResponse::ContentType))), "{read:?}");
    let index = bucket.read_index(&KeyRange::all()).await;
    assert!(matches!(index, Err(Error::InvalidResponse(InvalidResponse::Json(_)))), "{index:?}");
    let missing = bucket.read_item("p", "s").await;
    assert!(matches!(missing, Err(Error::InvalidRequest(_))), "not K2V's 404: {missing:?}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_kept_in_memory() {
    let server = Server::start().await;
    let bucket = server.builder().response_bytes_max(100).build().unwrap().bucket(BUCKET);
    bucket.insert_item("p", "fits", [0; 100], None).await.unwrap();
    bucket.insert_item("p", "does not", [0; 101], None).await.unwrap();
    assert!(bucket.read_item("p", "fits").await.is_ok());
    let error = bucket.read_item("p", "does not").await.unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { bytes_max: 100 }), "{error:?}");
}

#[tokio::test]
async fn a_poll_that_is_dropped_leaves_nothing_at_the_server() {
    let server = Server::start().await;
    let bucket = server.bucket();
    server.inject(&[Fault::Stall]);
    {
        let range = PollRange::all();
        let poll = bucket.poll_range("p", &range, None, None);
        tokio::select! {
            answered = poll => panic!("the server stays silent: {answered:?}"),
            () = server.until_in_flight(1) => {}
        }
    }
    server.until_in_flight(0).await;
}
