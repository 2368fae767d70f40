use super::*;
use crate::budget::Budget;
use actix_web::dev::{ServiceRequest, fn_service};
use actix_web::{App, HttpServer};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use troupe_actors::control::KeyId;
use troupe_actors::store::{FailureCause, StoreError};

/// A page per entry; `None` is a page that cannot be read.
struct Script(std::slice::Iter<'static, Option<&'static str>>);

impl Pages for Script {
    async fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        match self.0.next() {
            Some(Some(page)) => out.extend_from_slice(page.as_bytes()),
            Some(None) => {
                let gone = FailureCause::Io(std::io::Error::other("the disk is gone"));
                return Err(StoreError::Unreadable(gone.into()).into());
            }
            None => {}
        }
        Ok(if self.0.len() == 0 { PageEnd::Last } else { PageEnd::More })
    }
}

/// What a client gets to see on the wire.
async fn wire(script: &'static [Option<&'static str>]) -> String {
    let server = HttpServer::new(move || {
        App::new().default_service(fn_service(move |request: ServiceRequest| async move {
            let pages = Script(script.iter());
            let room = Room::new(&Budget::new(16 << 20, 0), KeyId([1; 12]));
            let response = json_response(pages, room).await;
            let response = response.unwrap_or_else(|error| error.response("region", "/path"));
            Ok::<_, actix_web::Error>(request.into_response(response))
        }))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    handle.stop(false).await;
    answer
}

#[actix_web::test]
async fn an_answer_of_one_page_has_a_length() {
    let answer = wire(&[Some("[1]")]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-length: 3\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n[1]"), "{answer}");
}

#[actix_web::test]
async fn a_longer_answer_comes_in_chunks_and_empty_pages_are_skipped() {
    let answer = wire(&[Some("[1,"), Some(""), Some("2"), Some("]")]).await;
    assert!(answer.contains("transfer-encoding: chunked\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n3\r\n[1,\r\n1\r\n2\r\n1\r\n]\r\n0\r\n\r\n"), "{answer}");
}

#[actix_web::test]
async fn what_fails_at_once_is_an_error_like_any_other() {
    let answer = wire(&[None]).await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(!answer.contains("the disk is gone"), "the cause stays in the log: {answer}");
}

#[actix_web::test]
async fn what_fails_later_breaks_the_connection_off_before_the_last_chunk() {
    let answer = wire(&[Some("[1,"), Some("2,"), None]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "a part passes for the whole: {answer}");
}
