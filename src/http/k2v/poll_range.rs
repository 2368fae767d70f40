//! PollRange: what changed in a range since a seen marker, as soon as anything has.
//!
//! Subscribe, ask the shard how far its history reaches, read. Whatever is committed after the subscription wakes the
//! poll; whatever was committed before the shard answered is in the snapshots that are taken afterwards. So the marker
//! never covers a change that the client was not shown.

use super::item_json::push_item;
use super::listing::Listing;
use super::pages::{PageEnd, Pages, json_response_from};
use super::poll::{Ears, Terms, poll_timeout, wait_for_news};
use super::request::{parse, range_query};
use super::service::{Admitted, Outcome, Route, Service};
use crate::budget::limits::PAGE_BYTES_ESTIMATE;
use crate::http::error::ApiError;
use crate::http::held::Room;
use crate::http::json::push_string;
use actix_web::HttpResponse;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::causality::{SeenMarker, TokenKey};
use troupe_actors::ids::{Partition, PartitionHash};
use troupe_actors::layout::Layout;
use troupe_actors::replication::changed::RangeChanges;
use troupe_actors::replication::changes::{ChangesReader, Verdict};
use troupe_actors::replication::handle::Replicas;
use troupe_actors::replication::items::Progress;
use troupe_actors::replication::local::read_items;
use troupe_actors::replication::page::{PageBudget, PageLimits};
use troupe_actors::shard::{Shards, Watched};
use troupe_actors::store::Store;
use troupe_actors::store::range::KeyRange;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let partition = request.partition()?;
    let tokens = request.control.token_key.clone();
    let poll = parse_poll_range(request.body, &partition, &tokens)?;
    let route = service.route(request.control, partition.shard())?;
    let (shards, room) = (service.shards.clone(), service.room(request));
    let terms = Terms::new(service, request, poll.timeout);
    if let Route::Replicas(_) = route {
        let (replicas, control) = (service.replicas.clone(), service.control.clone());
        return Outcome::later(async move {
            let watched = Watched::Range(poll.partition, poll.range.clone());
            // A poll may outlive several layouts.
            let layout = || control.snapshot().layout.clone();
            let subscribe = async || Ok(Ears::Replicas(replicas.watch(&layout(), watched.clone()).await?));
            let look =
                async || news_of_replicas(&poll, &replicas, layout(), &partition, &tokens, &room).await;
            wait_for_news(subscribe, terms, look).await
        });
    }
    Outcome::later(async move {
        let subscribe =
            async || Ok(Ears::Own(shards.subscribe_range(poll.partition, poll.range.clone()).await?));
        wait_for_news(subscribe, terms, async || news(&poll, &shards, &tokens, &room).await).await
    })
}

range_query! {
    /// The body as it came.
    struct RawPoll {
        #[serde(default)]
        timeout: Option<u64>,
        #[serde(default)]
        seen_marker: Option<String>,
    }
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
    let mut poll: RawPoll = parse(body)?;
    let listing = poll.take_bounds();
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
    room: &Room,
) -> Result<Option<HttpResponse>, ApiError> {
    let seen = poll.seen.clone().unwrap_or_default();
    let changes = shards.changes(poll.partition, poll.range.clone(), seen).await?;
    let mut pages = ChangedItems {
        store: Arc::clone(shards.store(poll.partition.shard())),
        tokens: tokens.clone(),
        partition: poll.partition,
        reader: ChangesReader::new(poll.range.clone(), changes, poll.seen.is_none()),
        is_begun: false,
        has_items: false,
    };
    let mut first = Vec::new();
    // Nothing is sent before it is known that there is something to send.
    loop {
        // One commit may wake thousands: they look one after the other.
        let share = room.estimate(PAGE_BYTES_ESTIMATE).await?;
        let progress = pages.read_page(&mut first)?;
        match pages.reader.verdict(&progress) {
            Verdict::News => {
                let end = end_of(&progress, &mut first);
                return Ok(Some(json_response_from(first, end, pages, share, room.clone())));
            }
            Verdict::NotYet => {
                drop(share);
                tokio::task::yield_now().await;
            }
            Verdict::Nothing => return Ok(None),
        }
    }
}

/// The items that changed, while they are sent: `{"seenMarker":…,"items":[…]}`.
struct ChangedItems<S> {
    store: Arc<S>,
    tokens: TokenKey,
    partition: PartitionHash,
    reader: ChangesReader,
    is_begun: bool,
    has_items: bool,
}

impl<S: Store> ChangedItems<S> {
    fn read_page(&mut self, out: &mut Vec<u8>) -> Result<Progress, ApiError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            push_marker(out, &self.tokens, self.partition, &self.reader.marker);
        }
        let (tokens, has_items) = (&self.tokens, &mut self.has_items);
        let mut budget = PageBudget::new(PageLimits::default());
        let snapshot = self.store.snapshot()?;
        let reader = &mut self.reader.items;
        Ok(read_items(&snapshot, self.partition, reader, &mut budget, &mut |sort_key, item| {
            if std::mem::replace(has_items, true) {
                out.push(b',');
            }
            push_item(out, self.partition, sort_key, item, tokens);
        })?)
    }
}

impl<S: Store> Pages for ChangedItems<S> {
    async fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        let progress = self.read_page(out)?;
        Ok(end_of(&progress, out))
    }
}

/// The answer of several replicas, if there is something to say.
async fn news_of_replicas<S: Store>(
    poll: &PollRange,
    replicas: &Replicas<S>,
    layout: Layout,
    partition: &Partition,
    tokens: &TokenKey,
    room: &Room,
) -> Result<Option<HttpResponse>, ApiError> {
    let (seen, is_first) = (poll.seen.clone().unwrap_or_default(), poll.seen.is_none());
    let changes = replicas.changes(layout, partition, poll.range.clone(), seen).await?;
    let (tokens, partition) = (tokens.clone(), poll.partition);
    let mut pages = ChangedAtReplicas { changes, tokens, partition, is_begun: false, has_items: false };
    let mut first = Vec::new();
    // Nothing is sent before it is known that there is something to send.
    loop {
        let mut share = room.estimate(PAGE_BYTES_ESTIMATE).await?;
        share.hold();
        let end = pages.next_page(&mut first).await?;
        let has_news = pages.has_items || (is_first && end == PageEnd::Last);
        match end {
            _ if has_news => return Ok(Some(json_response_from(first, end, pages, share, room.clone()))),
            PageEnd::More => {}
            PageEnd::Last => return Ok(None),
        }
    }
}

/// The items that changed at any replica, while they are sent.
struct ChangedAtReplicas<S: Store> {
    changes: RangeChanges<S>,
    tokens: TokenKey,
    partition: PartitionHash,
    is_begun: bool,
    has_items: bool,
}

impl<S: Store> Pages for ChangedAtReplicas<S> {
    fn waits(&self) -> bool {
        true
    }

    async fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            push_marker(out, &self.tokens, self.partition, &self.changes.marker);
        }
        let page = self.changes.next_page().await?;
        for (sort_key, item) in &page.items {
            if std::mem::replace(&mut self.has_items, true) {
                out.push(b',');
            }
            push_item(out, self.partition, sort_key, item, &self.tokens);
        }
        Ok(end_of(if page.is_last { &Progress::End } else { &Progress::More }, out))
    }
}

fn push_marker(out: &mut Vec<u8>, tokens: &TokenKey, partition: PartitionHash, marker: &SeenMarker) {
    out.extend_from_slice(br#"{"seenMarker":"#);
    push_string(out, &tokens.seal_marker(partition, marker));
    out.extend_from_slice(br#","items":["#);
}

/// Closes the list behind its last page.
fn end_of(progress: &Progress, out: &mut Vec<u8>) -> PageEnd {
    match progress {
        Progress::More => PageEnd::More,
        Progress::End | Progress::Limit(_) => {
            out.extend_from_slice(b"]}");
            PageEnd::Last
        }
    }
}
