//! Answers of any length in constant memory: written page by page, as fast as the client takes them.
//!
//! Each page is read from a snapshot of its own, which is dropped before the page is sent: a slow client holds no page of
//! the store. An answer that fits in one page is sent with its length.

use super::service::JSON;
use crate::budget::Share;
use crate::budget::limits::PAGE_BYTES_ESTIMATE;
use crate::http::error::ApiError;
use crate::http::held::{Room, settle};
use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
pub(crate) async fn json_response(mut pages: impl Pages, room: Room) -> Result<HttpResponse, ApiError> {
    let share = room.estimate(PAGE_BYTES_ESTIMATE).await?;
    let mut first = Vec::with_capacity(4096);
    let end = pages.next_page(&mut first)?;
    Ok(json_response_from(first, end, pages, share, room))
}

/// The same, after the first page was already written, for which there is an estimated share.
pub(crate) fn json_response_from(
    first: Vec<u8>,
    end: PageEnd,
    pages: impl Pages,
    mut share: Share,
    room: Room,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, JSON));
    match end {
        PageEnd::Last => settle(response.body(first), share),
        PageEnd::More => {
            share.settle(first.len());
            response.body(PageBody { state: State::Ready(first), pages, room, share: Some(share) })
        }
    }
}

/// The body of a streamed answer.
struct PageBody<P> {
    state: State,
    pages: P,
    room: Room,
    /// For the page that is being sent.
    share: Option<Share>,
}

enum State {
    /// A page can be sent.
    Ready(Vec<u8>),
    /// A page was sent, and others have their turn.
    Resting,
    /// There is no room for the next page.
    Waiting(LocalBoxFuture<'static, Result<Share, ApiError>>),
    /// The last page was sent, or the answer broke off.
    Over,
}

impl<P: Pages> MessageBody for PageBody<P> {
    type Error = ApiError;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// Called only when the connection has room for more. Between two pages the other connections of the worker get
    /// their turn, however fast this client reads.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let body = self.get_mut();
        loop {
            match &mut body.state {
                State::Over => return Poll::Ready(None),
                State::Ready(page) => {
                    let page = std::mem::take(page);
                    body.state = State::Resting;
                    return Poll::Ready(Some(Ok(page.into())));
                }
                State::Resting => {
                    // The page before was taken: a request that waits for room holds none.
                    body.share = None;
                    let room = body.room.clone();
                    let share = async move { room.estimate(PAGE_BYTES_ESTIMATE).await };
                    body.state = State::Waiting(Box::pin(share));
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Waiting(share) => {
                    let page = ready!(share.as_mut().poll(cx)).and_then(|share| body.next_page(share));
                    match page {
                        Ok((page, PageEnd::More)) if page.is_empty() => body.state = State::Resting,
                        Ok((page, PageEnd::More)) => body.state = State::Ready(page),
                        Ok((page, PageEnd::Last)) => {
                            body.state = State::Over;
                            return Poll::Ready(Some(Ok(page.into())));
                        }
                        Err(error) => {
                            body.state = State::Over;
                            error.log("an answer breaks off");
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
            }
        }
    }
}

impl<P: Pages> PageBody<P> {
    fn next_page(&mut self, mut share: Share) -> Result<(Vec<u8>, PageEnd), ApiError> {
        let mut page = Vec::with_capacity(4096);
        let end = self.pages.next_page(&mut page)?;
        share.settle(page.len());
        self.share = Some(share);
        Ok((page, end))
    }
}

#[cfg(test)]
mod tests;
