//! Answers whose memory is counted until the client has taken their last byte.

use super::error::ApiError;
use crate::budget::{Budget, Owner, Share};
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use troupe_actors::control::KeyId;

/// Where a call's answers find room.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    answers: Arc<Budget>,
    owner: Owner,
}

impl Room {
    pub(crate) fn new(answers: &Arc<Budget>, key: KeyId) -> Room {
        Room { answers: Arc::clone(answers), owner: Owner::Key(key) }
    }

    /// Room for an answer of approximately so many bytes, as soon as there is any. The answer is to be made at once.
    ///
    /// # Errors
    /// [`ApiError::AnswersBusy`]
    pub(crate) async fn estimate(&self, bytes: usize) -> Result<Share, ApiError> {
        self.answers.estimate(self.owner, bytes).await.map_err(|_| ApiError::AnswersBusy)
    }
}

/// Has the answer take as much of an estimated share as it is long, until it is sent.
pub(crate) fn settle(response: HttpResponse, mut share: Share) -> HttpResponse {
    share.settle(match response.body().size() {
        BodySize::None => 0,
        BodySize::Sized(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        // It counts its pages itself.
        BodySize::Stream => 0,
    });
    hold(response, share)
}

/// Keeps a share until the answer is sent.
pub(crate) fn hold(response: HttpResponse, share: Share) -> HttpResponse {
    if share.is_empty() {
        return response;
    }
    response.map_body(|_, body| BoxBody::new(Held { body, _share: share }))
}

struct Held {
    body: BoxBody,
    _share: Share,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
