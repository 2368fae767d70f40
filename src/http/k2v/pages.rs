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
use std::task::{Context, Poll};

/// Whether there is more to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageEnd {
    /// Call again.
    More,
    /// The answer is complete.
    Last,
}

/// Something that writes itself page by page.
pub(crate) trait Pages: Unpin + 'static {
    /// Whether a page waits for other nodes. Else pages are read straight from the store, and nothing is waited for.
    fn waits(&self) -> bool {
        false
    }

    /// Appends the next page.
    fn next_page(&mut self, out: &mut Vec<u8>) -> impl Future<Output = Result<PageEnd, ApiError>>;
}

/// The answer 200 with a JSON body that `pages` write. What fails on the first page is answered as an error; what fails
/// later breaks the connection off, so that no client takes a part for the whole.
pub(crate) async fn json_response(mut pages: impl Pages, room: Room) -> Result<HttpResponse, ApiError> {
    let mut share = room.estimate(PAGE_BYTES_ESTIMATE).await?;
    if pages.waits() {
        share.hold();
    }
    let mut first = Vec::with_capacity(4096);
    let end = pages.next_page(&mut first).await?;
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
            let state = State::Ready(first, pages);
            response.body(PageBody { state, room, share: Some(share) })
        }
    }
}

/// The body of a streamed answer.
struct PageBody<P> {
    state: State<P>,
    room: Room,
    /// For the page that is being sent.
    share: Option<Share>,
}

enum State<P> {
    /// A page can be sent.
    Ready(Vec<u8>, P),
    /// A page was sent, and others have their turn.
    Resting(P),
    /// There is no room for the next page, or it is being made.
    Waiting(LocalBoxFuture<'static, Result<Made<P>, ApiError>>),
    /// The last page was sent, or the answer broke off.
    Over,
}

/// A page, and what makes the next one.
struct Made<P> {
    page: Vec<u8>,
    end: PageEnd,
    share: Share,
    pages: P,
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
            match std::mem::replace(&mut body.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Ready(page, pages) => {
                    body.state = State::Resting(pages);
                    return Poll::Ready(Some(Ok(page.into())));
                }
                State::Resting(pages) => {
                    // The page before was taken: a request that waits for room holds none.
                    body.share = None;
                    body.state = State::Waiting(Box::pin(make(pages, body.room.clone())));
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Waiting(mut made) => match made.as_mut().poll(cx) {
                    Poll::Pending => {
                        body.state = State::Waiting(made);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(Made { page, end, share, pages })) => {
                        body.share = Some(share);
                        match end {
                            PageEnd::More if page.is_empty() => body.state = State::Resting(pages),
                            PageEnd::More => body.state = State::Ready(page, pages),
                            PageEnd::Last => return Poll::Ready(Some(Ok(page.into()))),
                        }
                    }
                    Poll::Ready(Err(error)) => {
                        error.log("an answer breaks off");
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

/// The next page, as soon as there is room for it.
async fn make<P: Pages>(mut pages: P, room: Room) -> Result<Made<P>, ApiError> {
    let mut share = room.estimate(PAGE_BYTES_ESTIMATE).await?;
    if pages.waits() {
        share.hold();
    }
    let mut page = Vec::with_capacity(4096);
    let end = pages.next_page(&mut page).await?;
    share.settle(page.len());
    Ok(Made { page, end, share, pages })
}

#[cfg(test)]
mod tests;
