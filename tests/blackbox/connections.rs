//! Connections that take and do not give: each has its time, and all of them together their number.

use crate::harness::admin::wait_for_pollers;
use crate::harness::{Connection, Home, Node, Request, shared_node, unique};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The longest that a head may take, and some more for a machine that has other things to do.
const HEAD_PATIENCE: Duration = Duration::from_secs(40);

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(HEAD_PATIENCE)).unwrap();
    stream.set_write_timeout(Some(HEAD_PATIENCE)).unwrap();
    stream
}

/// Reads to the end; `false` if there is none.
fn ends(stream: TcpStream) -> bool {
    let mut connection = Connection::of(stream);
    connection.is_closed_by_server() || {
        // It was told why first.
        let mut rest = Vec::new();
        connection.read_to_end(&mut rest).is_ok() || connection.is_closed_by_server()
    }
}

#[test]
fn the_second_head_of_a_connection_has_a_deadline_too_on_either_port() {
    let node = shared_node();
    std::thread::scope(|scope| {
        for addr in [node.addr, node.admin_addr()] {
            scope.spawn(move || {
                let unsigned = Request::new("GET", "/v2/ListKeys", "").with("host", "x");
                let mut refused = Connection::of(connect(addr));
                refused.call(&unsigned).unwrap().expect(403);
                refused.send(b"G").unwrap();
                let first_byte = connect(addr);
                (&first_byte).write_all(b"G").unwrap();
                let silent = connect(addr);
                for stream in [refused.into_stream(), first_byte, silent] {
                    assert!(ends(stream), "{addr} still waits for a head");
                }
            });
        }
    });
}

/// Sends a body to who refuses it until that is no longer taken; the bytes that were.
fn send_unwanted(addr: SocketAddr, framing: &str, piece: &[u8], most: usize) -> usize {
    let mut stream = connect(addr);
    write!(stream, "PUT /b/pk?sort_key=sk HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n").unwrap();
    let mut sent = 0;
    while sent < most && stream.write_all(piece).is_ok() {
        sent += piece.len();
    }
    sent
}

#[test]
fn a_body_that_nobody_reads_is_cut_off_whether_or_not_it_says_how_long_it_is() {
    const MOST: usize = 256 << 20;
    let node = shared_node();
    let chunk = [b"100000\r\n".to_vec(), vec![b'x'; 1 << 20], b"\r\n".to_vec()].concat();
    for addr in [node.addr, node.admin_addr()] {
        for (framing, piece) in
            [("transfer-encoding: chunked", &chunk[..]), ("content-length: 99999999999", &chunk[..])]
        {
            let sent = send_unwanted(addr, framing, piece, MOST);
            assert!(sent < 64 << 20, "{addr} took {sent} bytes with {framing}");
        }
    }
}

#[test]
fn a_body_that_nobody_reads_is_cut_off_however_slowly_it_comes() {
    let node = shared_node();
    for addr in [node.addr, node.admin_addr()] {
        let stream = connect(addr);
        let trickle = stream.try_clone().unwrap();
        (&stream)
            .write_all(b"PUT /b/pk?sort_key=sk HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            .unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A hundredth of the pace that a wanted body must have.
                let pieces = HEAD_PATIENCE.as_millis() / 10;
                for _ in (0..pieces).take_while(|_| (&trickle).write_all(b"5\r\nhello\r\n").is_ok()) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            assert!(ends(stream), "{addr} still takes it");
        });
    }
}

#[test]
fn idle_connections_and_unfinished_heads_make_room_and_who_waits_for_an_answer_stays() {
    let node = Node::dev_in(Home::new(), &[("TROUPE_CONNECTIONS_MAX", "60")]);
    let client = node.client();
    let seen = client.write("pk", "sk", None, "seen");
    let mut polls: Vec<Connection> = (0..20)
        .map(|_| {
            let mut poll = Connection::open(node.addr).unwrap();
            let request = client.credentials.sign(client.poll_request("pk", "sk", &seen.token, "600"));
            poll.send(&request.to_bytes()).unwrap();
            poll
        })
        .collect();
    wait_for_pollers(&node, 20);

    let mut crowd = Vec::new();
    for i in 0..300 {
        let mut stream = connect(node.addr);
        match i % 3 {
            0 => {}
            1 => stream.write_all(b"GET / HTTP/1.1\r\nho").unwrap(),
            _ => {
                let mut connection = Connection::of(stream);
                let unsigned = Request::new("GET", "/b/pk", "sort_key=sk").with("host", "x");
                connection.call(&unsigned).unwrap().expect(403);
                stream = connection.into_stream();
            }
        }
        crowd.push(stream);
        if i % 50 == 0 {
            // A newcomer is served at once, however many have come before.
            node.client().put("crowded", &i.to_string(), None, "x").expect(204);
        }
    }
    client.put("pk", "sk", Some(&seen.token), "news").expect(204);
    for poll in &mut polls {
        assert_eq!(poll.receive().unwrap().expect(200).text(), "[\"bmV3cw==\"]");
    }
}

#[test]
fn the_limit_of_open_files_is_raised_to_what_it_may_be() {
    let node = Node::dev_with_limit("-Sn 256");
    let client = node.client();
    let pk = unique("many");
    client.put(&pk, "sk", None, "x").expect(204);
    let get = client.credentials.sign(client.request("GET", Some(&pk), &[("sort_key", "sk")]));
    let mut connections: Vec<_> = (0..600).map(|_| Connection::open(node.addr).unwrap()).collect();
    for connection in &mut connections {
        connection.call(&get).unwrap().expect(200);
    }
    // None was shed for another.
    for connection in &mut connections {
        connection.call(&get).unwrap().expect(200);
    }
}
