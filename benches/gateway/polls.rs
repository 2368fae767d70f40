//! What waiting costs.

use crate::load::answer;
use crate::node::Node;
use crate::requests;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What one waiting poll costs the node, its connection included. The item that is polled must be stored.
pub(crate) fn memory_of_waiting_polls(node: &Node, polls: usize) -> f64 {
    let token = token_of(node.address, &requests::read_of_polled(node));
    let request = requests::poll(node, &token);
    let before = node.anonymous_bytes();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut open = Vec::new();
        for _ in 0..polls {
            let mut stream = TcpStream::connect(node.address).await.expect("the node accepts");
            stream.write_all(&request).await.expect("the node reads");
            open.push(stream);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let bytes = (node.anonymous_bytes() - before) / polls as f64;
        for stream in open {
            let read = stream.try_read(&mut [0]);
            assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "a poll does not wait");
        }
        bytes
    })
}

/// The causality token in the answer to a request.
fn token_of(address: SocketAddr, request: &[u8]) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.write_all(request).await.expect("the server reads");
        let (head, _) = answer(&mut stream, &mut vec![0; 64 << 10]).await;
        let name = "x-garage-causality-token: ";
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).expect("a token");
        line[name.len()..].to_owned()
    })
}
