//! Hostile input: a clear refusal, a node that lives on, and memory that comes back.

use crate::harness::memory::anonymous_kib;
use crate::harness::sign::Signing;
use crate::harness::{Connection, Home, Node, Response, base64, check_error, rounds, shared_node, unique};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What the allocator may keep for later after an onslaught, beyond what it kept before.
const KEPT_KIB_MAX: u64 = 48 << 10;

/// Runs `attack` twice on a node of its own: the first warms the allocator up, the second must not add to it.
fn check_memory_comes_back(attack: impl Fn(&mut Node)) {
    let mut node = Node::dev_in(Home::new(), &[]);
    attack(&mut node);
    let before = anonymous_kib(node.pid());
    attack(&mut node);
    assert!(node.is_running(), "{}", node.log());
    let after = anonymous_kib(node.pid());
    println!("{before} KiB before, {after} KiB after");
    assert!(after < before + KEPT_KIB_MAX, "{before} KiB before, {after} KiB after");
    let client = node.client();
    client.put("alive", "sk", None, "yes").expect(204);
    assert!(!node.log().contains("panicked"), "{}", node.log());
}

/// Sends bytes as they are; the answer, or `None` if the connection was closed without one.
fn raw(node: &Node, bytes: &[u8]) -> Option<Response> {
    let mut connection = Connection::open(node.addr).unwrap();
    // The server may close before it has read everything.
    let _ = connection.send(bytes);
    let _ = connection.finish_sending();
    connection.receive().ok()
}

/// A refusal in HTTP, or a closed connection where there was no HTTP to answer to.
#[track_caller]
fn check_refused(answer: Option<Response>, what: &str) {
    if let Some(answer) = answer {
        assert!((400..500).contains(&answer.status), "{what}: {answer}");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let node = shared_node();
    let header_flood = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-a: b\r\n".repeat(10_000));
    let long_header = format!("GET / HTTP/1.1\r\nhost: x\r\nx-a: {}\r\n\r\n", "b".repeat(1 << 20));
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "p".repeat(1 << 20));
    let hostile: [(&str, &[u8]); 20] = [
        ("nothing", b""),
        ("a newline", b"\r\n"),
        ("zeros", &[0; 4096]),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("HTTP/2 by surprise", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("HTTP/0.9", b"GET /\r\n"),
        ("HTTP/3.7", b"GET / HTTP/3.7\r\nhost: x\r\n\r\n"),
        ("no host", b"GET /b/pk?sort_key=sk HTTP/1.1\r\n\r\n"),
        ("a header without a colon", b"GET / HTTP/1.1\r\nhost\r\n\r\n"),
        ("a NUL in a header", b"GET / HTTP/1.1\r\nhost: a\x00b\r\n\r\n"),
        ("a space before the colon", b"PUT /b/p?sort_key=s HTTP/1.1\r\nhost: x\r\ncontent-length : 5\r\n\r\nhello"),
        ("a negative length", b"PUT /b/p?sort_key=s HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"),
        ("two lengths", b"PUT /b/p?sort_key=s HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
        ("an endless length", b"PUT /b/p?sort_key=s HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n"),
        ("length and chunks", b"PUT /b/p?sort_key=s HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a chunk without end", b"PUT /b/p?sort_key=s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx"),
        ("raw bytes in the path", b"GET /\xff\xfe/\xfd HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("a flood of headers", header_flood.as_bytes()),
        ("a header of a mebibyte", long_header.as_bytes()),
        ("a path of a mebibyte", long_path.as_bytes()),
    ];
    for (what, bytes) in hostile {
        check_refused(raw(&node, bytes), what);
    }
    node.client().put(&unique("alive"), "sk", None, "yes").expect(204);
    assert!(!node.log().contains("panicked"), "{}", node.log());
}

#[test]
fn over_long_keys_and_bytes_that_are_no_text_are_refused_in_every_place() {
    let node = shared_node();
    let client = node.client();
    let long = "k".repeat(20_000);
    let path = format!("/{}/pk", client.bucket);
    for answer in [
        client.get("pk", &long),
        client.get(&long, "sk"),
        client.put(&long, "sk", None, "x"),
        client.insert_batch(&json!([{ "pk": long, "sk": long, "v": "" }])),
        client.delete_batch(&json!([{ "partitionKey": long }])),
        client.poll_range(&long, &json!({})),
    ] {
        check_error(&answer, 400, "KeyTooLong");
    }
    let token_in_raw_bytes = client.credentials.sign(client.put_request("pk", "sk", None, "x"));
    let mut bytes = token_in_raw_bytes.head();
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(b"x-garage-causality-token: \xff\xfe\r\n\r\nx");
    check_refused(raw(&node, &bytes), "a token of raw bytes");
    for body in [
        &b"[{\"pk\":\"\xff\",\"sk\":\"a\",\"v\":\"\"}]"[..],
        b"\xff\xfe\x00",
        b"[{\"pk\":\"\\ud800\",\"sk\":\"a\"}]",
    ] {
        let answer = client.call(client.request("POST", None, &[]).with_body(body));
        assert_eq!(answer.status, 400, "{answer}");
    }
    let not_text = client.credentials.sign_raw(client.raw("GET", &path, "sort_key=%FF"));
    check_error(&client.exchange(&not_text), 400, "InvalidUtf8String");
}

#[test]
fn duplicate_headers_do_not_confuse_it() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("duplicates");
    let token = client.write(&pk, "sk", None, "one").token;
    let two_tokens =
        client.put_request(&pk, "sk", Some(&token), "two").with("x-garage-causality-token", &token);
    let answer = client.call(two_tokens);
    assert_eq!(answer.status, 400, "{answer}");
    let signed = client.credentials.sign(client.request("GET", Some(&pk), &[("sort_key", "sk")]));
    for name in ["authorization", "x-amz-date", "x-amz-content-sha256", "host"] {
        let value = signed.header(name).unwrap().to_owned();
        let answer = client.exchange(&signed.clone().with(name, &value));
        assert!((400..404).contains(&answer.status), "{name}: {answer}");
    }
    assert!(client.read(&pk, "sk").holds(&[Some("one")]));
}

#[test]
fn deep_and_huge_json_is_refused_and_forgotten() {
    check_memory_comes_back(|node| {
        let client = node.client();
        let deep = "[".repeat(1 << 20);
        let deep_object = "{\"a\":".repeat(1 << 18);
        let deep_ignored =
            format!("[{{\"partitionKey\":\"p\",\"odd\":{}1{}}}]", "[".repeat(100_000), "]".repeat(100_000));
        let long_string = format!("[{{\"partitionKey\":\"{}\"}}]", "x".repeat(16 << 20));
        let many = format!("[{}1]", "1,".repeat(8 << 20));
        let many_queries = format!("[{}{{}}]", "{},".repeat(1 << 20));
        let number = format!("[{{\"partitionKey\":\"p\",\"limit\":{}}}]", "9".repeat(1 << 20));
        let send = |(method, query): (&str, &str), body: &str| {
            let request = client.raw(method, &format!("/{}", client.bucket), query).with_body(body);
            let signing = Signing { covers_body: false, ..Signing::default() };
            client.exchange(&client.credentials.sign_as(request, &signing))
        };
        let calls = [("SEARCH", ""), ("POST", ""), ("POST", "delete")];
        for body in [deep, deep_object, long_string, many, many_queries] {
            for call in calls {
                let answer = send(call, &body);
                assert_eq!(answer.status, 400, "{call:?} {:.40}… of {} bytes: {answer}", body, body.len());
            }
        }
        assert_eq!(send(("SEARCH", ""), &number).status, 400);
        // A field that nobody knows is skipped, however deep it is.
        for call in calls {
            let answer = send(call, &deep_ignored);
            assert!(matches!(answer.status, 200 | 400), "{answer}");
        }
    });
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    check_memory_comes_back(|node| {
        let client = node.client();
        let signing = Signing { covers_body: false, ..Signing::default() };
        for method in ["POST", "SEARCH"] {
            let request =
                client.request(method, None, &[]).with("content-length", &(64 * 1024 * 1024 + 1).to_string());
            let signed = client.credentials.sign_as(request, &signing);
            let mut connection = Connection::open(node.addr).unwrap();
            connection.send(&signed.head()).unwrap();
            let message = check_error(&connection.receive().unwrap(), 413, "EntityTooLarge");
            assert!(
                message.contains("67108864") || message.contains("67,108,864") || message.contains("64 MiB"),
                "{message}"
            );
        }
        // The same without saying so beforehand.
        let request = client.request("POST", None, &[]).with("transfer-encoding", "chunked");
        let signed = client.credentials.sign_as(request, &signing);
        let mut connection = Connection::open(node.addr).unwrap();
        connection.send(&signed.head()).unwrap();
        let chunk = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
        let sent = (0..80).take_while(|_| connection.send(&chunk).is_ok()).count();
        assert!(sent >= 64, "{sent} MiB were taken");
        if let Ok(answer) = connection.receive() {
            check_error(&answer, 413, "EntityTooLarge");
        }
    });
}

#[test]
fn a_body_shorter_than_it_says_stores_nothing() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("short");
    let signing = Signing { covers_body: false, ..Signing::default() };
    let request = client.put_request(&pk, "sk", None, "half").with("content-length", "8");
    let signed = client.credentials.sign_as(request, &signing);
    check_refused(raw(&node, &signed.to_bytes()), "half a body");
    let chunked =
        client.request("PUT", Some(&pk), &[("sort_key", "sk")]).with("transfer-encoding", "chunked");
    let mut bytes = client.credentials.sign_as(chunked, &signing).head();
    bytes.extend_from_slice(b"4\r\nhalf\r\n8\r\nhal");
    check_refused(raw(&node, &bytes), "half a chunk");
    assert_eq!(client.get(&pk, "sk").status, 404);
}

#[test]
fn a_body_longer_than_it_says_is_another_request_and_a_bad_one() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("long");
    let signing = Signing { covers_body: false, ..Signing::default() };
    let request = client.put_request(&pk, "sk", None, "1234 and more").with("content-length", "4");
    let signed = client.credentials.sign_as(request, &signing);
    let mut connection = Connection::open(node.addr).unwrap();
    connection.send(&signed.to_bytes()).unwrap();
    // What follows is no request, and may end the connection before the first one is answered.
    if let Ok(answer) = connection.receive() {
        assert!(answer.status == 204 || answer.status == 400, "{answer}");
        check_refused(connection.receive().ok(), "the rest");
    }
    let read = client.get(&pk, "sk");
    assert!(read.status == 404 || read.text() == r#"["MTIzNA=="]"#, "{read}");

    let mut connection = Connection::open(node.addr).unwrap();
    connection
        .call(&client.credentials.sign(client.put_request(&pk, "sk2", None, "1234")))
        .unwrap()
        .expect(204);
    connection.send(b" and more\r\n\r\n").unwrap();
    assert_eq!(connection.receive().unwrap().status, 400);
}

#[test]
fn slow_clients_hold_up_nobody_and_are_let_go() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("slow");
    let signed = client.credentials.sign(client.put_request(&pk, "sk", None, "0123456789"));
    let mut slow_bodies: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(node.addr).unwrap();
            stream.write_all(&signed.head()).unwrap();
            stream.write_all(b"0").unwrap();
            stream
        })
        .collect();
    let slow_heads: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(node.addr).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nho").unwrap();
            stream
        })
        .collect();
    for round in 0..20 {
        client.put(&pk, "fast", None, round.to_string()).expect(204);
    }
    // Each is told so, or hung up on, within the time that the server gives to slow ones.
    for stream in slow_heads.into_iter().chain(slow_bodies.drain(1..)) {
        stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        let mut answer = Vec::new();
        let end = { &stream }.read_to_end(&mut answer);
        let reset = end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        assert!(end.is_ok() || reset, "it still waits: {end:?}");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(client.get(&pk, "sk").status, 404);
}

#[test]
fn ten_thousand_tokenless_writes_to_one_key_stay_bounded() {
    check_memory_comes_back(|node| {
        let pk = unique("siblings");
        let writes = rounds("TOKENLESS_WRITES", 10_000);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (client, pk) = (node.client(), &pk);
                scope.spawn(move || {
                    for i in 0..writes / 4 {
                        let answer = client.put(pk, "sk", None, format!("{writer}/{i}: {}", "x".repeat(100)));
                        if answer.status != 204 {
                            check_error(&answer, 409, "TooManyConcurrentValues");
                        }
                    }
                });
            }
        });
        let client = node.client();
        let item = client.read(&pk, "sk");
        assert_eq!(item.values.len(), writes.min(256));
        assert!(client.write(&pk, "sk", Some(&item.token), "resolved").holds(&[Some("resolved")]));
    });
}

#[test]
fn a_batch_of_more_items_than_are_taken_is_refused_whole() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("endless-batch");
    let item = json!({ "pk": pk, "sk": "sk", "v": base64("x") }).to_string();
    let items = vec![item; 300_000].join(",");
    let answer = client.call(client.request("POST", None, &[]).with_body(format!("[{items}]")));
    assert!(matches!(answer.status, 400 | 409 | 413), "{answer}");
    assert_eq!(client.get(&pk, "sk").status, 404);
}

#[test]
fn more_connections_than_descriptors_leave_a_node_that_serves_again() {
    let mut node = Node::dev_with_limit("-n 256");
    let client = node.client();
    client.put("pk", "sk", None, "before").expect(204);
    let idle: Vec<_> = (0..400).filter_map(|_| TcpStream::connect(node.addr).ok()).collect();
    assert!(idle.len() > 256);
    // Who is connected is served meanwhile.
    assert!(client.read("pk", "sk").holds(&[Some("before")]));
    drop(idle);
    node.client().put("pk", "sk2", None, "after").expect(204);
    assert!(node.is_running());
    assert!(node.log().len() < 1 << 20, "the log is not flooded: {} bytes", node.log().len());
}

#[test]
fn large_batches_one_after_the_other_do_not_add_up() {
    check_memory_comes_back(|node| {
        let client = node.client();
        for run in 0..8 {
            let run = unique(&format!("run-{run}"));
            let item = |i: usize| format!(r#"{{"pk":"{run}/{}","sk":"{i}","v":"eA=="}}"#, i % 50);
            let body = format!("[{}]", (0..10_000).map(item).collect::<Vec<_>>().join(","));
            let signing = Signing { covers_body: false, ..Signing::default() };
            let request = client.request("POST", None, &[]).with_body(body);
            client.exchange(&client.credentials.sign_as(request, &signing)).expect(204);
        }
    });
}
