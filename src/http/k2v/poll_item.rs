//! PollItem: subscribe, then read, then wait. Whatever is committed after the subscription wakes it, and whatever was
//! committed before is in the first read: nothing lies in between.

use super::accept::Accept;
use super::read_item::answer;
use crate::http::error::ApiError;
use crate::http::stop::Stopping;
use actix_web::HttpResponse;
use std::time::Duration;
use troupe_actors::causality::{Context, TokenKey};
use troupe_actors::ids::ItemKey;
use troupe_actors::shard::Shards;
use troupe_actors::store::{Snapshot, Store};

/// What a poll waits for, and how it wants the answer.
pub(crate) struct PollItem {
    /// Which item; it need not exist yet.
    pub(crate) key: ItemKey,
    /// What the client has seen.
    pub(crate) seen: Context,
    /// How long it waits.
    pub(crate) timeout: Duration,
    /// The form of the answer.
    pub(crate) accept: Accept,
}

/// Answers as soon as the item holds something that the client has not seen; 304 when the time is over.
pub(crate) async fn poll_item<S: Store>(
    poll: PollItem,
    shards: Shards<S>,
    tokens: TokenKey,
    mut stopping: Stopping,
) -> Result<HttpResponse, ApiError> {
    let subscription = shards.subscribe_item(poll.key.clone()).await?;
    let mut deadline = std::pin::pin!(tokio::time::sleep(poll.timeout));
    let mut is_over = false;
    loop {
        let store = shards.store(poll.key.partition.shard());
        if let Some(news) = news(&**store, &poll, &tokens)? {
            return Ok(news);
        }
        if is_over {
            return Ok(HttpResponse::NotModified().finish());
        }
        // Either way the item is read once more: a commit may be a moment older than its signal.
        tokio::select! {
            biased;
            () = subscription.changed() => {}
            () = &mut deadline => is_over = true,
            () = stopping.wait() => is_over = true,
        }
    }
}

fn news<S: Store>(store: &S, poll: &PollItem, tokens: &TokenKey) -> Result<Option<HttpResponse>, ApiError> {
    match store.snapshot()?.item(&poll.key)? {
        Some(item) if !item.is_covered_by(&poll.seen) => answer(&item, poll.accept, tokens).map(Some),
        Some(_) | None => Ok(None),
    }
}
