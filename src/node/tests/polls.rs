use super::harness::{Connection, TestNode};
use serde_json::json;
use std::time::Duration;

/// Lets everything else run until `is_so`, which some event is about to make true.
async fn eventually(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn poll_item(client: &mut Connection, token: &str, timeout_s: u64) {
    let uri = format!("/bucket/p?causality_token={token}&sort_key=k&timeout={timeout_s}");
    client.send("GET", &uri, &[], b"").await;
}

#[actix_web::test]
async fn a_poll_of_an_item_returns_with_the_next_write() {
    let node = TestNode::ready().await;
    let mut poller = node.connect().await;
    node.call("PUT", "/bucket/p?sort_key=k", &[], b"old").await;
    let old = node.call("GET", "/bucket/p?sort_key=k", &[], b"").await;

    poll_item(&mut poller, old.token(), 600).await;
    eventually(|| node.node.poller_count() == 1).await;
    node.call("PUT", "/bucket/p?sort_key=k", &[("x-garage-causality-token", old.token())], b"new").await;
    let news = poller.answer(false).await.unwrap();
    assert_eq!((news.status, news.json()), (200, json!(["bmV3"])));

    poll_item(&mut poller, old.token(), 600).await;
    assert_eq!(poller.answer(false).await.unwrap().json(), json!(["bmV3"]), "at once, as it is news already");
    poll_item(&mut poller, news.token(), 1).await;
    let nothing = poller.answer(false).await.unwrap();
    assert_eq!((nothing.status, nothing.text()), (304, ""));
    eventually(|| node.node.poller_count() == 0).await;
}

#[actix_web::test]
async fn a_client_that_hangs_up_frees_its_poll() {
    let node = TestNode::ready().await;
    node.call("PUT", "/bucket/p?sort_key=k", &[], b"old").await;
    let old = node.call("GET", "/bucket/p?sort_key=k", &[], b"").await;
    let mut item = node.connect().await;
    poll_item(&mut item, old.token(), 600).await;
    let all = node.call("SEARCH", "/bucket/p?poll_range", &[], b"{}").await;
    let mut range = node.connect().await;
    let poll = json!({"timeout": 600, "seenMarker": all.json()["seenMarker"]}).to_string();
    range.send("SEARCH", "/bucket/p?poll_range", &[], poll.as_bytes()).await;
    eventually(|| node.node.poller_count() == 2).await;
    drop(item);
    eventually(|| node.node.poller_count() == 1).await;
    drop(range);
    eventually(|| node.node.poller_count() == 0).await;
}

#[actix_web::test]
async fn a_poll_of_a_range_shows_everything_once_and_then_what_changes() {
    let node = TestNode::ready().await;
    let mut client = node.connect().await;
    let search = "/bucket/p?poll_range";
    let nothing = client.call("SEARCH", search, &[], b"{}").await;
    assert_eq!((nothing.status, &nothing.json()["items"]), (200, &json!([])));
    let marker = nothing.json()["seenMarker"].clone();

    let mut waiting = node.connect().await;
    let poll = json!({"prefix": "a", "timeout": 600, "seenMarker": marker}).to_string();
    waiting.send("POST", "/bucket/p?poll_range=", &[], poll.as_bytes()).await;
    eventually(|| node.node.poller_count() == 1).await;
    client.call("PUT", "/bucket/p?sort_key=b", &[], b"other").await;
    client.call("PUT", "/bucket/p?sort_key=a", &[], b"mine").await;
    let news = waiting.answer(false).await.unwrap().json();
    assert_eq!(news["items"].as_array().unwrap().len(), 1);
    assert_eq!((&news["items"][0]["sk"], &news["items"][0]["v"]), (&json!("a"), &json!(["bWluZQ=="])));

    let poll = json!({"timeout": 1, "seenMarker": news["seenMarker"]}).to_string();
    let later = client.call("SEARCH", search, &[], poll.as_bytes()).await;
    assert_eq!(
        later.status,
        304,
        "the marker covers the whole partition: {}",
        String::from_utf8_lossy(&later.body)
    );

    client.call("PUT", "/bucket/p?sort_key=c", &[], b"new").await;
    let later = client.call("SEARCH", search, &[], poll.as_bytes()).await;
    assert_eq!(later.json()["items"][0]["sk"], json!("c"));
    let forged = json!({"seenMarker": "AAAAAAAAAAA"}).to_string();
    assert_eq!(client.call("SEARCH", search, &[], forged.as_bytes()).await.status, 400);
    assert_eq!(client.call("SEARCH", search, &[], b"").await.status, 400);
}

#[actix_web::test]
async fn a_stop_answers_waiting_polls_and_lets_the_rest_finish() {
    let node = TestNode::ready().await;
    node.call("PUT", "/bucket/p?sort_key=k", &[], b"old").await;
    let old = node.call("GET", "/bucket/p?sort_key=k", &[], b"").await;
    let mut waiting = node.connect().await;
    poll_item(&mut waiting, old.token(), 600).await;
    eventually(|| node.node.poller_count() == 1).await;
    let (stopped, answer) = tokio::join!(node.stop(), waiting.answer(false));
    stopped.unwrap();
    assert_eq!(answer.unwrap().status, 304);
}
