use super::harness::TestNode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// More than one page holds, and more than a socket's buffers do.
const ITEMS: usize = 3000;
const VALUE_BYTES: usize = 3000;

async fn filled() -> TestNode {
    let node = TestNode::ready().await;
    let value = STANDARD.encode(vec![7; VALUE_BYTES]);
    let items: Vec<_> =
        (0..ITEMS).map(|at| json!({"pk": "p", "sk": format!("{at:05}"), "v": value})).collect();
    for part in items.chunks(1000) {
        let body = serde_json::to_vec(part).unwrap();
        assert_eq!(node.call("POST", "/bucket", &[], &body).await.status, 204);
    }
    node
}

#[actix_web::test]
async fn a_long_answer_is_streamed_whole_and_in_order() {
    let node = filled().await;
    let body = json!([{"partitionKey": "p"}, {"partitionKey": "p", "limit": 2, "reverse": true}]).to_string();
    let answer = node.call("POST", "/bucket?search", &[], body.as_bytes()).await;
    assert_eq!(answer.headers["transfer-encoding"], "chunked");
    let results = answer.json();
    let keys: Vec<_> =
        results[0]["items"].as_array().unwrap().iter().map(|item| item["sk"].as_str().unwrap()).collect();
    assert_eq!(keys, (0..ITEMS).map(|at| format!("{at:05}")).collect::<Vec<_>>());
    assert_eq!(results[1]["nextStart"], json!("02997"));

    let short = node.call("SEARCH", "/bucket", &[], br#"[{"partitionKey": "p", "limit": 2}]"#).await;
    assert!(short.headers.contains_key("content-length"), "what fits in a page is sent with its length");
}

#[actix_web::test]
async fn a_reader_who_leaves_in_the_middle_harms_nobody() {
    let node = filled().await;
    for _ in 0..3 {
        let mut client = node.connect().await;
        client.send("SEARCH", "/bucket", &[], br#"[{"partitionKey": "p"}]"#).await;
        client.read_some(100_000).await;
    }
    assert_eq!(node.call("GET", "/bucket/p?sort_key=00000", &[], b"").await.status, 200);
    node.stop().await.unwrap();
}

#[actix_web::test]
async fn a_whole_partition_is_deleted_page_by_page() {
    let node = filled().await;
    let deleted = node.call("POST", "/bucket?delete", &[], br#"[{"partitionKey": "p"}]"#).await;
    assert_eq!(deleted.json()[0]["deletedItems"], json!(ITEMS));
    let index = node.call("GET", "/bucket", &[], b"").await;
    assert_eq!(index.json()["partitionKeys"], json!([]));
    let all = node.call("SEARCH", "/bucket", &[], br#"[{"partitionKey": "p"}]"#).await;
    assert_eq!(all.json()[0]["items"], json!([]));
}
