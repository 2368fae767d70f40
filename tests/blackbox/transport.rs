//! HTTP/1.1 as clients really speak it: pipelines, chunks, expectations, old versions.

use crate::harness::{Connection, Credentials, Item, Request, check_error, shared_node, unique};

#[test]
fn requests_in_one_write_are_answered_in_their_order() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("pipeline");
    let mut bytes = Vec::new();
    for i in 0..20 {
        let put = client.put_request(&pk, &i.to_string(), None, i.to_string());
        bytes.extend(client.credentials.sign(put).to_bytes());
        let get = client.request("GET", Some(&pk), &[("sort_key", &i.to_string())]);
        bytes.extend(client.credentials.sign(get).to_bytes());
    }
    let mut connection = Connection::open(node.addr).unwrap();
    connection.send(&bytes).unwrap();
    for i in 0..20 {
        connection.receive().unwrap().expect(204);
        let item = Item::of_answer(&connection.receive().unwrap().expect(200));
        assert!(item.holds(&[Some(&i.to_string())]));
    }
}

#[test]
fn a_body_may_come_in_chunks() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("chunks");
    let put = client.put_request(&pk, "sk", None, "hello, world").with("transfer-encoding", "chunked");
    let signed = client.credentials.sign(put);
    let mut connection = Connection::open(node.addr).unwrap();
    connection.send(&signed.head()).unwrap();
    for chunk in ["5\r\nhello\r\n", "2\r\n, \r\n", "5;extension=1\r\nworld\r\n", "0\r\n\r\n"] {
        connection.send(chunk.as_bytes()).unwrap();
    }
    connection.receive().unwrap().expect(204);
    assert!(client.read(&pk, "sk").holds(&[Some("hello, world")]));
}

#[test]
fn who_asks_first_whether_to_send_a_body_is_told() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("expect");
    let put = client.put_request(&pk, "sk", None, "worth it").with("expect", "100-continue");
    let signed = client.credentials.sign(put.clone());
    let mut connection = Connection::open(node.addr).unwrap();
    connection.send(&signed.head()).unwrap();
    assert_eq!(connection.receive().unwrap().status, 100);
    connection.send(&signed.body).unwrap();
    connection.receive().unwrap().expect(204);

    // Who will be refused is refused at once, and sends nothing in vain.
    let refused = |request: &Request, status, code| {
        let mut connection = Connection::open(node.addr).unwrap();
        connection.send(&request.head()).unwrap();
        check_error(&connection.receive().unwrap(), status, code);
        assert!(connection.is_closed_by_server());
    };
    refused(&put, 403, "AccessDenied");
    let stranger = Credentials { secret: "0".repeat(64), ..client.credentials.clone() };
    refused(&stranger.sign(put.clone()), 403, "AccessDenied");
    let too_large = put.with("content-length", &(64 << 20).to_string());
    refused(&client.credentials.sign(too_large), 413, "EntityTooLarge");

    let admin = node.admin_addr();
    let call = Request::new("POST", "/v2/CreateKey", "").with("host", &admin.to_string());
    let call = call.with("expect", "100-continue").with_body("{}");
    let mut connection = Connection::open(admin).unwrap();
    connection.send(&call.head()).unwrap();
    assert_eq!(connection.receive().unwrap().status, 403);
}

#[test]
fn who_asks_for_another_protocol_is_answered_in_this_one_and_let_go() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("upgrade");
    for (protocol, value) in [("websocket", "one"), ("h2c", "two")] {
        let as_asked = |request: Request| {
            let request = request.with("connection", "Upgrade").with("upgrade", protocol);
            let mut connection = Connection::open(node.addr).unwrap();
            let answer = connection.call(&client.credentials.sign(request)).unwrap();
            assert!(connection.is_closed_by_server(), "{answer}");
            answer
        };
        as_asked(client.put_request(&pk, protocol, None, value)).expect(204);
        let get = client.request("GET", Some(&pk), &[("sort_key", protocol)]);
        assert!(Item::of_answer(&as_asked(get).expect(200)).holds(&[Some(value)]));
    }
}

#[test]
fn a_client_that_wants_no_more_is_let_go_after_its_answer() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("close");
    client.put(&pk, "sk", None, "x").expect(204);
    let get = client.request("GET", Some(&pk), &[("sort_key", "sk")]).with("connection", "close");
    let mut connection = Connection::open(node.addr).unwrap();
    connection.call(&client.credentials.sign(get)).unwrap().expect(200);
    assert!(connection.is_closed_by_server());
}

#[test]
fn a_client_of_the_old_version_is_answered_and_let_go() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("old");
    client.put(&pk, "sk", None, "x").expect(204);
    let signed = client.credentials.sign(client.request("GET", Some(&pk), &[("sort_key", "sk")]));
    let head = String::from_utf8(signed.head()).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut connection = Connection::open(node.addr).unwrap();
    connection.send(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"["eA=="]"#), "{answer}");
}

#[test]
fn a_get_with_a_body_stays_in_step() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("get-body");
    client.put(&pk, "sk", None, "x").expect(204);
    let get = client.request("GET", Some(&pk), &[("sort_key", "sk")]).with_body("nobody asked for this");
    let signed = client.credentials.sign(get);
    let mut connection = Connection::open(node.addr).unwrap();
    for _ in 0..3 {
        connection.call(&signed).unwrap().expect(200);
    }
}
