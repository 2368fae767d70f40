//! Request bodies: read only after the signature was accepted, up to a cap, and not at any slowness.

use super::error::ApiError;
use super::limits::{BODY_BYTES_PER_S_MIN, BODY_GRACE_S, DRAIN_TIMEOUT, DRAINED_BODY_BYTES_MAX};
use crate::budget::limits::UNCOUNTED_BYTES_MAX;
use crate::budget::{Budget, NoRoom, Owner, Share};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A body that has not been read yet.
pub(crate) struct UnreadBody {
    payload: Payload,
    /// As the client announced it; the HTTP codec holds it to its word. `None` if it sends chunks.
    announced: Option<u64>,
    budget: Arc<Budget>,
}

/// A body that was read, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Body {
    /// All of it.
    pub(crate) bytes: Bytes,
    /// To be held until nothing is left of what was made of the body.
    pub(crate) share: Share,
}

/// How long a body is, as its client says.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl UnreadBody {
    pub(crate) fn new(payload: Payload, headers: &HeaderMap, budget: &Arc<Budget>) -> UnreadBody {
        let announced = if matches!(payload, Payload::None) { Some(0) } else { announced_length(headers) };
        UnreadBody { payload, announced, budget: Arc::clone(budget) }
    }

    /// Reads all of it, unless it is longer than `bytes_max`: then `too_large` is the error. It is read on the account of
    /// the key that signed, or of no key if that is known only once the body has been read.
    pub(crate) async fn read(
        &mut self,
        bytes_max: usize,
        owner: Owner,
        too_large: ApiError,
    ) -> Result<Body, ApiError> {
        let mut share = self.budget.empty_share(owner);
        if let Payload::None = self.payload {
            return Ok(Body { bytes: Bytes::new(), share });
        }
        if self.announced.is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large);
        }
        let started = Instant::now();
        let mut timeout = pin!(sleep_until(started + Duration::from_secs(BODY_GRACE_S)));
        let mut all = BytesMut::new();
        loop {
            let chunk = tokio::select! {
                biased;
                chunk = self.payload.next() => chunk,
                () = &mut timeout => {
                    let earned = Duration::from_secs(all.len() as u64 / BODY_BYTES_PER_S_MIN);
                    let deadline = started + Duration::from_secs(BODY_GRACE_S) + earned;
                    if deadline <= Instant::now() {
                        return Err(ApiError::BodyTimeout);
                    }
                    timeout.as_mut().reset(deadline);
                    continue;
                }
            };
            let chunk = match chunk {
                Some(Ok(chunk)) => chunk,
                Some(Err(_)) => return Err(ApiError::BodyIncomplete),
                None => return Ok(Body { bytes: all.freeze(), share }),
            };
            if all.is_empty() && self.announced == Some(chunk.len() as u64) {
                // The usual small body came in one piece: no copy, and the end need not be waited for.
                return Ok(Body { bytes: chunk, share });
            }
            if chunk.len() > bytes_max - all.len() {
                return Err(too_large);
            }
            let bytes = all.len() + chunk.len();
            if bytes > UNCOUNTED_BYTES_MAX && share.grow_to(bytes) == Err(NoRoom) {
                return Err(match owner {
                    Owner::Key(_) => ApiError::BodiesBusy,
                    Owner::Anonymous => ApiError::UnprovenBodiesBusy,
                });
            }
            if let Some(length) = self.announced.filter(|_| all.is_empty()) {
                // Memory that is not written to is not taken: who only announces a long body holds none.
                all.reserve(usize::try_from(length).unwrap_or(bytes));
            }
            all.extend_from_slice(&chunk);
        }
    }

    /// Reads and forgets what is left of a small body, so that the connection survives an answer that did not need it.
    pub(crate) async fn drain(&mut self) {
        if matches!(self.payload, Payload::None)
            || self.announced.is_some_and(|length| length > DRAINED_BODY_BYTES_MAX)
        {
            return;
        }
        let mut left = DRAINED_BODY_BYTES_MAX;
        let all = async {
            while let Some(Ok(chunk)) = self.payload.next().await
                && chunk.len() as u64 <= left
            {
                left -= chunk.len() as u64;
            }
        };
        // A body that does not come to its end is closed upon.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, all).await;
    }
}

#[cfg(test)]
mod tests;
