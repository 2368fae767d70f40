//! PollRange: what changed in a range since a seen marker, as soon as anything has.
//!
//! Subscribe, ask the shard how far its history reaches, read. Whatever is committed after the subscription wakes the
//! poll; whatever was committed before the shard answered is in the snapshots that are taken afterwards. So the marker
//! never covers a change that the client was not shown.

use super::item_json::push_item;
use super::listing::{Listing, PageBudget, Progress};
use super::pages::{PageEnd, Pages, json_response_from};
use super::poll::{poll_timeout, wait_for_news};
use super::request::parse;
use super::scan::{ScanEnd, scan_page, weight};
use super::service::{Admitted, Outcome, Service};
use crate::http::error::ApiError;
use crate::http::json::push_string;
use actix_web::HttpResponse;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::causality::{Item, SeenMarker, TokenKey};
use troupe_actors::ids::{ItemKey, Partition, PartitionHash, SortKey};
use troupe_actors::shard::{Changes, Shards, Since, Unseen};
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::{Snapshot, Store};

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let partition = request.partition()?;
    let tokens = request.control.token_key.clone();
    let poll = parse_poll_range(request.body, &partition, &tokens)?;
    service.plan(request.control, partition.shard())?;
    let (shards, stopping) = (service.shards.clone(), service.stopping.clone());
    Outcome::later(async move {
        let subscription = shards.subscribe_range(poll.partition, poll.range.clone()).await?;
        wait_for_news(subscription, poll.timeout, stopping, async || news(&poll, &shards, &tokens).await)
            .await
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPoll {
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
    #[serde(default)]
    timeout: Option<u64>,
    #[serde(default)]
    seen_marker: Option<String>,
}

/// What a poll waits for, validated.
#[derive(Debug)]
pub(super) struct PollRange {
    partition: PartitionHash,
    range: KeyRange,
    timeout: Duration,
    /// `None`: the client has seen nothing and waits for nothing.
    seen: Option<SeenMarker>,
}

/// Reads and validates the whole body.
pub(super) fn parse_poll_range(
    body: &[u8],
    partition: &Partition,
    tokens: &TokenKey,
) -> Result<PollRange, ApiError> {
    let poll: RawPoll = parse(body)?;
    let listing =
        Listing { prefix: poll.prefix, start: poll.start, end: poll.end, limit: None, reverse: false };
    let seen = poll.seen_marker.map(|marker| tokens.open_marker(partition.hash, &marker)).transpose()?;
    Ok(PollRange {
        partition: partition.hash,
        range: listing.range()?,
        timeout: poll_timeout(poll.timeout),
        seen,
    })
}

/// The answer, if there is something to say.
async fn news<S: Store>(
    poll: &PollRange,
    shards: &Shards<S>,
    tokens: &TokenKey,
) -> Result<Option<HttpResponse>, ApiError> {
    let seen = poll.seen.clone().unwrap_or_default();
    let changes = shards.changes(poll.partition, poll.range.clone(), seen).await?;
    let store = Arc::clone(shards.store(poll.partition.shard()));
    let mut pages = ChangedItems::new(poll, changes, store, tokens);
    let mut first = Vec::new();
    // Nothing is sent before it is known that there is something to send.
    loop {
        let end = pages.next_page(&mut first)?;
        if pages.has_items || (end == PageEnd::Last && poll.seen.is_none()) {
            return Ok(Some(json_response_from(first, end, pages)));
        }
        match end {
            PageEnd::Last => return Ok(None),
            PageEnd::More => tokio::task::yield_now().await,
        }
    }
}

/// The items that changed, while they are sent: `{"seenMarker":…,"items":[…]}`.
struct ChangedItems<S> {
    store: Arc<S>,
    tokens: TokenKey,
    partition: PartitionHash,
    /// Until it is written.
    marker: Option<String>,
    rest: Rest,
    has_items: bool,
}

/// Where to look for the items that are still to be sent.
enum Rest {
    /// In a range, at those that were not seen; at all of them if nothing was.
    Scan(Progress, Option<Unseen>),
    /// At these keys.
    Keys(std::vec::IntoIter<SortKey>),
}

impl<S: Store> ChangedItems<S> {
    fn new(poll: &PollRange, changes: Changes, store: Arc<S>, tokens: &TokenKey) -> ChangedItems<S> {
        let scan = |unseen| Rest::Scan(Progress::new(poll.range.clone(), None), unseen);
        let rest = match changes.since {
            Since::Everything => scan(None),
            Since::Unseen(unseen) => scan(Some(unseen)),
            Since::Recent(keys) => Rest::Keys(keys.into_iter()),
        };
        ChangedItems {
            store,
            tokens: tokens.clone(),
            partition: poll.partition,
            marker: Some(tokens.seal_marker(poll.partition, &changes.marker)),
            rest,
            has_items: false,
        }
    }
}

impl<S: Store> Pages for ChangedItems<S> {
    fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        if let Some(marker) = self.marker.take() {
            out.extend_from_slice(br#"{"seenMarker":"#);
            push_string(out, &marker);
            out.extend_from_slice(br#","items":["#);
        }
        let mut budget = PageBudget::page();
        let (tokens, has_items) = (&self.tokens, &mut self.has_items);
        let mut push = |sort_key: &str, item: &Item<'_>| {
            if std::mem::replace(has_items, true) {
                out.push(b',');
            }
            push_item(out, sort_key, item, tokens);
        };
        let end = match &mut self.rest {
            Rest::Scan(progress, unseen) => {
                let wants = |item: &Item<'_>| unseen.as_ref().is_none_or(|unseen| unseen.is_unseen(item));
                match scan_page(&*self.store, self.partition, progress, &mut budget, wants, push)? {
                    ScanEnd::Page => PageEnd::More,
                    ScanEnd::Range | ScanEnd::Limit(_) => PageEnd::Last,
                }
            }
            Rest::Keys(keys) => {
                let snapshot = self.store.snapshot()?;
                while !budget.is_spent()
                    && let Some(sort_key) = keys.next()
                {
                    let key = ItemKey { partition: self.partition, sort_key };
                    if let Some(item) = snapshot.item(&key)? {
                        budget.take(weight(key.sort_key.as_str(), &item));
                        push(key.sort_key.as_str(), &item);
                    }
                }
                if keys.len() == 0 { PageEnd::Last } else { PageEnd::More }
            }
        };
        if end == PageEnd::Last {
            out.extend_from_slice(b"]}");
        }
        Ok(end)
    }
}
