//! Answers of any length in constant memory: written page by page, as fast as the client takes them.
//!
//! Each page is read from a snapshot of its own, which is gone before the page is sent: a slow client holds no page of
//! the store. An answer that fits in one page is sent with its length.

use super::service::JSON;
use crate::http::error::ApiError;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::CONTENT_TYPE;
use bytes::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Whether there is more to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageEnd {
    /// Call again.
    More,
    /// The answer is complete.
    Last,
}

/// Something that writes itself page by page. It never waits: pages are read straight from the store.
pub(crate) trait Pages: Unpin + 'static {
    /// Appends the next page.
    fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError>;
}

/// The answer 200 with a JSON body that `pages` write. What fails on the first page is answered as an error; what fails
/// later breaks the connection off, so that no client takes a part for the whole.
pub(crate) fn json_response(mut pages: impl Pages) -> Result<HttpResponse, ApiError> {
    let mut first = Vec::with_capacity(4096);
    let end = pages.next_page(&mut first)?;
    Ok(json_response_from(first, end, pages))
}

/// The same, after the first page was already written.
pub(crate) fn json_response_from(first: Vec<u8>, end: PageEnd, pages: impl Pages) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, JSON));
    match end {
        PageEnd::Last => response.body(first),
        PageEnd::More => response.body(PageBody { ready: Some(first), pages: Some(pages), is_rested: true }),
    }
}

/// The body of a streamed answer.
struct PageBody<P> {
    ready: Option<Vec<u8>>,
    pages: Option<P>,
    is_rested: bool,
}

impl<P: Pages> MessageBody for PageBody<P> {
    type Error = ApiError;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// Called only when the connection has room for more. Between two pages the other connections of the worker get
    /// their turn, however fast this client reads.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(ready) = self.ready.take() {
            return Poll::Ready(Some(Ok(ready.into())));
        }
        if std::mem::replace(&mut self.is_rested, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(pages) = &mut self.pages else { return Poll::Ready(None) };
        let mut page = Vec::with_capacity(4096);
        let end = pages.next_page(&mut page);
        self.is_rested = true;
        match end {
            Ok(PageEnd::More) if page.is_empty() => self.poll_next(cx),
            Ok(PageEnd::More) => Poll::Ready(Some(Ok(page.into()))),
            Ok(PageEnd::Last) => {
                self.pages = None;
                self.is_rested = false;
                Poll::Ready(Some(Ok(page.into())))
            }
            Err(error) => {
                self.pages = None;
                error.log("an answer breaks off");
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
