use super::harness::{BUCKET, TestNode};
use serde_json::json;
use troupe_actors::control::{Command, CorsRule};

const OCTETS: (&str, &str) = ("accept", "application/octet-stream");
const TOKEN: &str = "x-garage-causality-token";

#[actix_web::test]
async fn an_item_is_written_read_replaced_and_deleted() {
    let node = TestNode::ready().await;
    let mut client = node.connect().await;
    let uri = "/bucket/a%2Fb//c?sort_key=k%20%C3%A9";
    let missing = client.call("GET", uri, &[], b"").await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "NoSuchKey"));

    assert_eq!(client.call("PUT", uri, &[], b"one").await.status, 204);
    let one = client.call("GET", uri, &[OCTETS], b"").await;
    assert_eq!((one.status, one.text()), (200, "one"));
    assert_eq!(one.headers["content-type"], "application/octet-stream");

    assert_eq!(client.call("PUT", uri, &[], b"two").await.status, 204);
    let conflict = client.call("GET", uri, &[OCTETS], b"").await;
    assert_eq!((conflict.status, conflict.text()), (409, ""));
    let both = client.call("GET", uri, &[], b"").await;
    assert_eq!((both.status, both.json()), (200, json!(["b25l", "dHdv"])));
    let head = client.call("HEAD", uri, &[], b"").await;
    assert_eq!((head.status, head.token()), (200, both.token()));
    assert_eq!(head.headers["content-length"], both.headers["content-length"]);

    let token = both.token().to_owned();
    assert_eq!(client.call("PUT", uri, &[(TOKEN, &token)], b"three").await.status, 204);
    let three = client.call("GET", uri, &[OCTETS], b"").await;
    assert_eq!(three.text(), "three");

    let unaware = client.call("DELETE", uri, &[], b"").await;
    assert_eq!((unaware.status, unaware.code().as_str()), (400, "InvalidRequest"));
    let token = three.token().to_owned();
    assert_eq!(client.call("DELETE", uri, &[(TOKEN, &token)], b"").await.status, 204);
    assert_eq!(client.call("GET", uri, &[OCTETS], b"").await.status, 204);
    assert_eq!(client.call("GET", uri, &[], b"").await.json(), json!([null]));
    drop(client);
    node.stop().await.unwrap();
}

#[actix_web::test]
async fn what_was_acknowledged_is_there_after_a_restart_and_tokens_still_hold() {
    let node = TestNode::ready().await;
    node.call("PUT", "/bucket/p?sort_key=k", &[], b"kept").await;
    let before = node.call("GET", "/bucket/p?sort_key=k", &[], b"").await;
    let node = node.restart().await;
    let after = node.call("GET", "/bucket/p?sort_key=k", &[], b"").await;
    assert_eq!((after.text(), after.token()), (before.text(), before.token()));
    let token = before.token().to_owned();
    assert_eq!(node.call("PUT", "/bucket/p?sort_key=k", &[(TOKEN, &token)], b"new").await.status, 204);
    assert_eq!(node.call("GET", "/bucket/p?sort_key=k", &[], b"").await.json(), json!(["bmV3"]));
}

#[actix_web::test]
async fn batches_write_list_and_delete_ranges() {
    let node = TestNode::ready().await;
    let items = json!([
        {"pk": "p", "sk": "a1", "ct": null, "v": "MQ=="},
        {"pk": "p", "sk": "a2", "v": "Mg=="},
        {"pk": "p", "sk": "b1", "v": "Mw=="},
        {"pk": "q", "sk": "z", "v": "NA=="},
        {"pk": "p", "sk": "dead", "v": null},
    ]);
    assert_eq!(node.call("POST", "/bucket", &[], items.to_string().as_bytes()).await.status, 204);

    let queries = json!([
        {"partitionKey": "p", "prefix": "a"},
        {"partitionKey": "p", "limit": 1, "reverse": true, "tombstones": true},
        {"partitionKey": "q", "start": "z", "singleItem": true},
        {"partitionKey": "nobody", "conflictsOnly": true},
    ]);
    let read = node.call("SEARCH", "/bucket", &[], queries.to_string().as_bytes()).await;
    assert_eq!(read.headers["content-type"], "application/json");
    let keys = |result: &serde_json::Value| -> Vec<String> {
        let items = result["items"].as_array().unwrap();
        items.iter().map(|item| item["sk"].as_str().unwrap().to_owned()).collect()
    };
    let results = read.json();
    assert_eq!(keys(&results[0]), ["a1", "a2"]);
    assert_eq!(results[0]["items"][0]["v"], json!(["MQ=="]));
    assert_eq!((&results[0]["more"], &results[0]["nextStart"]), (&json!(false), &json!(null)));
    assert_eq!((keys(&results[1]), &results[1]["nextStart"]), (vec!["dead".to_owned()], &json!("b1")));
    assert_eq!((keys(&results[2]), &results[2]["more"]), (vec!["z".to_owned()], &json!(false)));
    assert_eq!(
        results[3],
        json!({"partitionKey": "nobody", "prefix": null, "start": null, "end": null, "limit": null, "reverse": false,
               "singleItem": false, "conflictsOnly": true, "tombstones": false, "items": [], "more": false,
               "nextStart": null})
    );

    let index = node.call("GET", "/bucket?limit=1", &[], b"").await;
    assert_eq!(
        index.json(),
        json!({"prefix": null, "start": null, "end": null, "limit": 1, "reverse": false,
               "partitionKeys": [{"pk": "p", "entries": 3, "conflicts": 0, "values": 3, "bytes": 3}],
               "more": true, "nextStart": "q"})
    );

    let deletes = json!([{"partitionKey": "p", "start": "a2"}, {"partitionKey": "q", "start": "z", "singleItem": true}]);
    let deleted = node.call("POST", "/bucket?delete", &[], deletes.to_string().as_bytes()).await;
    assert_eq!(
        deleted.json(),
        json!([{"partitionKey": "p", "prefix": null, "start": "a2", "end": null, "singleItem": false, "deletedItems": 2},
               {"partitionKey": "q", "prefix": null, "start": "z", "end": null, "singleItem": true, "deletedItems": 1}])
    );
    let index = node.call("GET", "/bucket/", &[], b"").await;
    assert_eq!(
        index.json()["partitionKeys"],
        json!([{"pk": "p", "entries": 1, "conflicts": 0, "values": 1, "bytes": 1}])
    );
}

#[actix_web::test]
async fn without_a_layout_the_node_says_what_to_do() {
    let node = TestNode::bare().await;
    node.add_bucket().await;
    let refused = node.call("PUT", "/bucket/p?sort_key=k", &[], b"x").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "ServiceUnavailable"));
    assert!(refused.text().contains("troupe layout assign"), "{}", refused.text());
    node.apply_layout().await;
    assert_eq!(node.call("PUT", "/bucket/p?sort_key=k", &[], b"x").await.status, 204);
}

#[actix_web::test]
async fn browsers_are_answered_by_the_buckets_cors_rules() {
    let node = TestNode::ready().await;
    let preflight = b"OPTIONS /bucket/p HTTP/1.1\r\nhost: x\r\norigin: https://app.example\r\n\
        access-control-request-method: GET\r\n\r\n";
    let mut client = node.connect().await;
    client.send_raw(preflight).await;
    let refused = client.answer(false).await.unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (403, "AccessDenied"));

    let rule = CorsRule {
        allowed_origins: vec!["https://app.example".to_owned()],
        allowed_methods: vec!["GET".to_owned()],
        ..CorsRule::default()
    };
    node.change(Command::SetCorsRules { id: BUCKET, rules: vec![rule] }).await;
    client.send_raw(preflight).await;
    let allowed = client.answer(false).await.unwrap();
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.headers["access-control-allow-methods"], "GET");
    let read = client.call("GET", "/bucket/p?sort_key=k", &[("origin", "https://app.example")], b"").await;
    assert_eq!(read.status, 404);
    assert_eq!(read.headers["access-control-allow-origin"], "https://app.example");
}
