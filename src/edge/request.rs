//! One request on its connection: when it begins, when its body is read, and when the last of its answer has left.

use super::limits::PIECE_BYTES_MAX;
use super::link::Link;
use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, ConnectionType, Payload, Request, Response};
use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use bytes::Bytes;
use futures_util::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// A request that was begun and whose answer has not left completely.
#[derive(Debug)]
pub(super) struct InProgress {
    link: Arc<Link>,
    /// Whether the client asked for another protocol. It is answered in this one, on a connection that then ends: what
    /// follows such a request has no length.
    asked_for_upgrade: bool,
}

impl InProgress {
    /// Begins a request whose head is complete; `None` if its connection was cut before, perhaps by another thread.
    pub(super) fn begin(link: Arc<Link>, request: &mut Request) -> Option<InProgress> {
        let payload = request.take_payload();
        let has_body = !matches!(payload, Payload::None);
        let asked_for_upgrade =
            request.headers().contains_key(UPGRADE) || request.method() == Method::CONNECT;
        if !link.with(|connection| connection.begin(has_body, Instant::now())) {
            return None;
        }
        if has_body {
            let left = announced(request);
            let body = WatchedBody { left, payload, link: Arc::clone(&link), is_read: false };
            let body: BoxedPayloadStream = Box::pin(body);
            *request.payload() = Payload::from(body);
        }
        Some(InProgress { link, asked_for_upgrade })
    }

    /// Ends it without its body, which is refused.
    pub(super) fn refuse(link: &Link) {
        let now = Instant::now();
        link.with(|connection| {
            if connection.begin(true, now) {
                connection.end(now);
            }
        });
    }

    /// Lets the answer go, in pieces; with its last one the request ends.
    pub(super) fn answer(self, mut response: Response<BoxBody>) -> Response<Answer> {
        if self.asked_for_upgrade || !self.link.with(|connection| connection.is_body_read()) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response.map_body(|_, body| Answer { body, rest: Bytes::new(), _request: self })
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        if self.link.with(|connection| connection.end(Instant::now())) {
            self.link.wake();
        }
    }
}

/// The length of the body; `None` if its end is marked. A request for another protocol has none but what it announces.
fn announced(request: &Request) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH);
    match length.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok()) {
        Some(length) => Some(length),
        None if request.headers().contains_key(TRANSFER_ENCODING) => None,
        None => Some(0),
    }
}

/// A body that reports its end, or that no more of it is wanted.
struct WatchedBody {
    payload: Payload,
    left: Option<u64>,
    link: Arc<Link>,
    is_read: bool,
}

impl Stream for WatchedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = self.get_mut();
        if body.left == Some(0) {
            body.is_read = true;
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut body.payload).poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(chunk))) => {
                if let Some(left) = &mut body.left {
                    *left = left.saturating_sub(chunk.len() as u64);
                    body.is_read = *left == 0;
                }
            }
            Poll::Ready(None) => body.is_read = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        next
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.link.with(|connection| connection.end_body(self.is_read, Instant::now()));
    }
}

/// The body of an answer.
pub(super) struct Answer {
    body: BoxBody,
    /// What is left of a long piece.
    rest: Bytes,
    _request: InProgress,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let answer = self.get_mut();
        if answer.rest.is_empty() {
            match Pin::new(&mut answer.body).poll_next(context) {
                Poll::Ready(Some(Ok(piece))) if piece.len() > PIECE_BYTES_MAX => answer.rest = piece,
                next => return next,
            }
        }
        let length = answer.rest.len().min(PIECE_BYTES_MAX);
        Poll::Ready(Some(Ok(answer.rest.split_to(length))))
    }
}
