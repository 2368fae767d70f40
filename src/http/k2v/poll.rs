//! What both polls do, driven by their core: it subscribes, looks and waits, in this order.

use super::service::{Admitted, Service};
use crate::http::error::ApiError;
use crate::http::grant::Grant;
use crate::http::limits::{POLL_TIMEOUT_S_DEFAULT, POLL_TIMEOUT_S_MAX, POLL_TIMEOUT_S_MIN};
use crate::http::stop::Stopping;
use actix_web::HttpResponse;
use std::time::Duration;
use troupe_actors::clock::wall_now;
use troupe_actors::control::Control;
use troupe_actors::replication::poll::{Effect, Event, PollCore};
use troupe_actors::replication::watch::{Rung, Watch};
use troupe_actors::shard::Subscription;
use troupe_actors::store::Store;

/// How long a poll waits.
pub(super) fn poll_timeout(seconds: Option<u64>) -> Duration {
    let seconds = seconds.unwrap_or(POLL_TIMEOUT_S_DEFAULT);
    Duration::from_secs(seconds.clamp(POLL_TIMEOUT_S_MIN, POLL_TIMEOUT_S_MAX))
}

/// A poll's patience and permission.
pub(super) struct Terms {
    timeout: Duration,
    stopping: Stopping,
    control: Control,
    grant: Grant,
}

impl Terms {
    pub(super) fn new<S: Store>(service: &Service<S>, request: &Admitted<'_>, timeout: Duration) -> Terms {
        let (stopping, control) = (service.stopping.clone(), service.control.clone());
        Terms { timeout, stopping, control, grant: request.grant }
    }
}

/// Answers with the first news that `read` finds; 304 when the time is over or the node stops. Either only if the key may
/// still read by then.
pub(super) async fn wait_for_news(
    subscribe: impl AsyncFn() -> Result<Ears, ApiError>,
    mut terms: Terms,
    mut read: impl AsyncFnMut() -> Result<Option<HttpResponse>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let mut deadline = std::pin::pin!(tokio::time::sleep(terms.timeout));
    let (mut poll, mut effect) = PollCore::start();
    let (mut subscription, mut news) = (None, None);
    loop {
        let event = match effect {
            Effect::Subscribe => {
                // The places that are left are given up first.
                drop(subscription.take());
                subscription = Some(subscribe().await?);
                Event::Subscribed
            }
            Effect::Look => {
                news = read().await?;
                Event::Looked { has_news: news.is_some() }
            }
            Effect::Wait => tokio::select! {
                biased;
                event = rung(subscription.as_ref()) => event,
                () = &mut deadline => Event::TimeIsUp,
                () = terms.stopping.wait() => Event::TimeIsUp,
            },
            Effect::AnswerNews | Effect::AnswerNotModified => {
                terms.grant.check(&terms.control.snapshot(), wall_now())?;
                return Ok(news.unwrap_or_else(|| HttpResponse::NotModified().finish()));
            }
        };
        // One thing at a time: nothing is under way when an event comes.
        effect = poll.step(event).unwrap_or(Effect::Wait);
    }
}

/// Where a poll waits for commits.
pub(super) enum Ears {
    /// At this node's shard.
    Own(Subscription),
    /// At as many replicas as a read asks.
    Replicas(Watch),
}

/// Waits for the next commit to what was subscribed to.
async fn rung(subscription: Option<&Ears>) -> Event {
    match subscription {
        Some(Ears::Own(subscription)) => {
            subscription.changed().await;
            Event::Signalled
        }
        Some(Ears::Replicas(watch)) => match watch.rung().await {
            Rung::Signalled => Event::Signalled,
            Rung::Lost => Event::Lost,
        },
        None => std::future::pending().await,
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
