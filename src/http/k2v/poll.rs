//! What both polls do: subscribe, then read, then wait. Whatever is committed after the subscription wakes the poll, and
//! whatever was committed before is in the first read: nothing lies in between.

use crate::http::error::ApiError;
use crate::http::limits::{POLL_TIMEOUT_S_DEFAULT, POLL_TIMEOUT_S_MAX, POLL_TIMEOUT_S_MIN};
use crate::http::stop::Stopping;
use actix_web::HttpResponse;
use std::time::Duration;
use troupe_actors::shard::Subscription;
use troupe_actors::store::Store;

/// How long a poll waits.
pub(super) fn poll_timeout(seconds: Option<u64>) -> Duration {
    let seconds = seconds.unwrap_or(POLL_TIMEOUT_S_DEFAULT);
    Duration::from_secs(seconds.clamp(POLL_TIMEOUT_S_MIN, POLL_TIMEOUT_S_MAX))
}

/// Answers with the first news that `read` finds; 304 when the time is over or the node stops.
pub(super) async fn wait_for_news<S: Store>(
    subscription: Subscription<S>,
    timeout: Duration,
    mut stopping: Stopping,
    mut read: impl AsyncFnMut() -> Result<Option<HttpResponse>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let mut deadline = std::pin::pin!(tokio::time::sleep(timeout));
    let mut is_over = false;
    loop {
        if let Some(news) = read().await? {
            return Ok(news);
        }
        if is_over {
            return Ok(HttpResponse::NotModified().finish());
        }
        // Either way there is one more read: a commit may be a moment older than its signal.
        tokio::select! {
            biased;
            () = subscription.changed() => {}
            () = &mut deadline => is_over = true,
            () = stopping.wait() => is_over = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polls_wait_is_clamped_to_what_is_reasonable() {
        assert_eq!(poll_timeout(None), Duration::from_secs(300));
        assert_eq!(poll_timeout(Some(0)), Duration::from_secs(1));
        assert_eq!(poll_timeout(Some(7)), Duration::from_secs(7));
        assert_eq!(poll_timeout(Some(u64::MAX)), Duration::from_secs(600));
    }
}
