use super::harness::{TestNode, signed_head};

async fn check(node: &TestNode, method: &str, uri: &str, body: &[u8], status: u16, code: &str) {
    let answer = node.call(method, uri, &[], body).await;
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {uri}: {}", answer.text());
    let error = answer.json();
    assert_eq!(error["region"], "garage");
    assert_eq!(error["path"], uri.split('?').next().unwrap());
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[actix_web::test]
async fn bad_requests_are_named_and_change_nothing() {
    let node = TestNode::ready().await;
    let long = "k".repeat(1025);
    check(&node, "GET", "/bucket/p", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket/p?sort_key=", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket/p?sort_key=a&sort_key=b", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket/p?sort_key=%FF", b"", 400, "InvalidUtf8String").await;
    check(&node, "GET", "/bucket/%FF?sort_key=a", b"", 400, "InvalidUtf8String").await;
    check(&node, "PUT", &format!("/bucket/{long}?sort_key=a"), b"", 400, "KeyTooLong").await;
    check(&node, "PUT", &format!("/bucket/p?sort_key={long}"), b"", 400, "KeyTooLong").await;
    check(&node, "PUT", "/bucket/?sort_key=a", b"", 400, "InvalidRequest").await;
    check(&node, "PATCH", "/bucket/p?sort_key=a", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket?limit=-1", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket?reverse=maybe", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket?prefix=b&start=a", b"", 400, "InvalidRequest").await;
    check(&node, "GET", "/bucket/p?causality_token=AAAA&sort_key=a", b"", 400, "CausalityToken").await;
    check(&node, "GET", "/nobody/p?sort_key=a", b"", 404, "NoSuchBucket").await;
    check(&node, "POST", "/bucket", b"{", 400, "InvalidRequest").await;
    check(&node, "POST", "/bucket", b"[\"\xff\"]", 400, "InvalidUtf8String").await;
    check(&node, "SEARCH", "/bucket", br#"[{"partitionKey":"p","singleItem":true}]"#, 400, "InvalidRequest")
        .await;
    check(&node, "SEARCH", "/bucket", br#"[{"partitionKey":"p","limit":-1}]"#, 400, "InvalidRequest").await;
    check(&node, "SEARCH", "/bucket", "[".repeat(100_000).as_bytes(), 400, "InvalidRequest").await;
    check(&node, "PUT", "/bucket/p?sort_key=a", &vec![0; (1 << 20) + 1], 413, "EntityTooLarge").await;
    let unlimited = node.call("GET", "/bucket?limit=18446744073709551615", &[], b"").await;
    assert_eq!(unlimited.json()["limit"], serde_json::json!(u64::MAX));
}

#[actix_web::test]
async fn what_is_not_signed_is_not_served_and_learns_nothing() {
    let node = TestNode::ready().await;
    let mut client = node.connect().await;
    for request in ["GET /bucket/p?sort_key=%FF", "PATCH /", "GET /nobody?limit=x"] {
        client.send_raw(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await;
        let answer = client.answer(false).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"), "{request}");
    }
}

#[actix_web::test]
async fn a_body_that_is_not_the_signed_one_is_not_stored() {
    let node = TestNode::ready().await;
    let mut client = node.connect().await;
    let host = client.host().to_owned();
    let digest_of_other = "00".repeat(32);
    let uri = "/bucket/p?sort_key=k";
    let mut request = signed_head("PUT", uri, &host, &[("content-length", "5")], &digest_of_other);
    request.extend_from_slice(b"value");
    client.send_raw(&request).await;
    let answer = client.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidDigest"));
    assert_eq!(client.call("GET", uri, &[], b"").await.status, 404, "the connection goes on");
}

#[actix_web::test]
async fn a_chunked_body_is_held_to_the_same_cap() {
    let node = TestNode::ready().await;
    let mut client = node.connect().await;
    let host = client.host().to_owned();
    let uri = "/bucket/p?sort_key=k";
    let chunked = [("transfer-encoding", "chunked")];
    let mut request = signed_head("PUT", uri, &host, &chunked, "UNSIGNED-PAYLOAD");
    request.extend_from_slice(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    client.send_raw(&request).await;
    assert_eq!(client.answer(false).await.unwrap().status, 204);
    let read = client.call("GET", uri, &[("accept", "application/octet-stream")], b"").await;
    assert_eq!(read.text(), "abcde");

    let mut request = signed_head("PUT", uri, &host, &chunked, "UNSIGNED-PAYLOAD");
    let piece = vec![b'x'; 64 << 10];
    for _ in 0..17 {
        request.extend_from_slice(b"10000\r\n");
        request.extend_from_slice(&piece);
        request.extend_from_slice(b"\r\n");
    }
    client.send_raw(&request).await;
    let answer = client.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "EntityTooLarge"));
}

#[actix_web::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let node = TestNode::ready().await;
    let mut client = node.connect().await;
    let host = client.host().to_owned();
    let uri = "/bucket/p?sort_key=k";
    let mut request = signed_head("PUT", uri, &host, &[("content-length", "100")], "UNSIGNED-PAYLOAD");
    request.extend_from_slice(b"not all");
    client.send_raw(&request).await;
    drop(client);
    assert_eq!(node.call("GET", uri, &[], b"").await.status, 404);
}
