//! One connection: HTTP/1.1 by hand, one request at a time, so that the load generator costs as little as it can.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How many headers an answer may have.
const HEADERS_MAX: usize = 64;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("no answer within {} seconds", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    #[error("the answer is not HTTP: {0}")]
    NotHttp(#[from] httparse::Error),
    #[error("the answer's length cannot be told")]
    NoLength,
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    #[error("the server sent more than the answer")]
    Leftover,
}

/// A connection that stays open from request to request.
pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

/// How an answer's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    framing: Framing,
}

impl Wire {
    pub(crate) async fn connect(address: &str) -> Result<Self, WireError> {
        let stream = timeout(REQUEST_TIMEOUT, TcpStream::connect(address)).await;
        let stream = stream.map_err(|_| WireError::Timeout)??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(64 * 1024), body: Vec::new() })
    }

    /// Sends a request and reads the answer; its status is returned, its body kept.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16, WireError> {
        timeout(REQUEST_TIMEOUT, self.exchange_untimed(request)).await.map_err(|_| WireError::Timeout)?
    }

    async fn exchange_untimed(&mut self, request: &[u8]) -> Result<u16, WireError> {
        self.received.clear();
        self.body.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            self.receive().await?;
            if let Some(head) = parse_head(&self.received)? {
                break head;
            }
        };
        let mut at = head.length;
        match head.framing {
            Framing::Length(length) => {
                let end = at
                    .checked_add(length)
                    .filter(|&end| end <= ANSWER_BYTES_MAX)
                    .ok_or(WireError::TooLong)?;
                while self.received.len() < end {
                    self.receive().await?;
                }
                self.body.extend_from_slice(&self.received[at..end]);
                at = end;
            }
            Framing::Chunked => loop {
                match chunk(&self.received, at)? {
                    None => self.receive().await?,
                    Some((data, next)) => {
                        let is_last = data.is_empty();
                        self.body.extend_from_slice(&self.received[data]);
                        at = next;
                        if is_last {
                            break;
                        }
                    }
                }
            },
        }
        if at == self.received.len() { Ok(head.status) } else { Err(WireError::Leftover) }
    }

    async fn receive(&mut self) -> Result<(), WireError> {
        if self.received.len() > ANSWER_BYTES_MAX {
            return Err(WireError::TooLong);
        }
        if self.stream.read_buf(&mut self.received).await? == 0 { Err(WireError::Closed) } else { Ok(()) }
    }
}

/// The head, once it is complete.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, WireError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let framing = if matches!(status, 204 | 304) {
        Framing::Length(0)
    } else if let Some(text) = value("content-length") {
        Framing::Length(text.trim().parse().map_err(|_| WireError::NoLength)?)
    } else if value("transfer-encoding").is_some_and(|text| text.eq_ignore_ascii_case("chunked")) {
        Framing::Chunked
    } else {
        return Err(WireError::NoLength);
    };
    Ok(Some(Head { status, length, framing }))
}

/// Where a chunk's data lies and where the next chunk begins; `None` until all of it is there. Trailers, which no K2V
/// server sends, are not understood.
fn chunk(bytes: &[u8], at: usize) -> Result<Option<(std::ops::Range<usize>, usize)>, WireError> {
    let parsed = httparse::parse_chunk_size(&bytes[at..]).map_err(|_| WireError::NoLength)?;
    let httparse::Status::Complete((head, length)) = parsed else { return Ok(None) };
    let length = usize::try_from(length).ok().filter(|&length| length <= ANSWER_BYTES_MAX);
    let start = at + head;
    let end = start + length.ok_or(WireError::TooLong)?;
    Ok((bytes.len() >= end + 2).then_some((start..end, end + 2)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes, sent in pieces of every size.
    async fn check(answer: &'static [u8], expected: Result<(u16, &[u8]), &str>) {
        for piece in [1, 3, 7, answer.len()] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut request = [0; 4];
                stream.read_exact(&mut request).await.unwrap();
                for piece in answer.chunks(piece) {
                    // A client that has seen enough may be gone.
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            });
            let mut wire = Wire::connect(&address).await.unwrap();
            let found = wire.exchange(b"ping").await;
            server.await.unwrap();
            match (found, &expected) {
                (Ok(status), Ok((expected_status, expected_body))) => {
                    assert_eq!((status, wire.body.as_slice()), (*expected_status, *expected_body));
                }
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, expected) => panic!("{found:?} instead of {expected:?}"),
            }
        }
    }

    #[tokio::test]
    async fn answers_of_every_framing_are_read_however_they_are_cut() {
        check(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok((200, b"hello"))).await;
        check(b"HTTP/1.1 204 No Content\r\n\r\n", Ok((204, b""))).await;
        check(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
            Ok((200, b"hello")),
        )
        .await;
    }

    #[tokio::test]
    async fn what_is_not_an_answer_is_an_error() {
        check(b"SSH-2.0-OpenSSH\r\n\r\n", Err("not HTTP")).await;
        check(b"HTTP/1.1 200 OK\r\n\r\n", Err("length cannot be told")).await;
        check(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", Err("closed")).await;
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            Err("length cannot be told"),
        )
        .await;
    }
}
