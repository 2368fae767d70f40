//! ReadBatch: many ranges, read page by page while they are sent.

use super::item_json::push_item;
use super::listing::{Listing, push_bounds, push_tail, single_item};
use super::pages::{PageEnd, Pages, json_response};
use super::request::{null_is_false, parse_list, range_query};
use super::service::{Admitted, Outcome, Service};
use super::sources::Sources;
use crate::http::error::ApiError;
use crate::http::json::{push_bool, push_optional_number, push_string};
use crate::http::limits::BATCH_QUERIES_MAX;
use serde::Deserialize;
use troupe_actors::causality::{Item, TokenKey};
use troupe_actors::ids::{BucketId, Partition, PartitionKey};
use troupe_actors::replication::items::{Filter, ItemsReader, Progress};
use troupe_actors::replication::local::read_items;
use troupe_actors::replication::page::{PageBudget, PageLimits, Selection};
use troupe_actors::shard::Shards;
use troupe_actors::store::Store;
use troupe_actors::store::range::KeyRange;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let queries = parse_read_batch(request.body, request.grant.bucket)?;
    for query in &queries {
        service.route(request.control, query.partition.shard())?;
    }
    let tokens = request.control.token_key.clone();
    let sources = Sources { replicas: service.replicas.clone(), layout: request.control.layout.clone() };
    let pages = ReadBatchPages::new(service.shards.clone(), sources, tokens, queries);
    Outcome::later(json_response(pages, service.room(request)))
}

range_query! {
    /// One query as it came.
    struct RawQuery {
        partition_key: String,
        #[serde(default)]
        limit: Option<u64>,
        #[serde(default, deserialize_with = "null_is_false")]
        reverse: bool,
        #[serde(default, deserialize_with = "null_is_false")]
        single_item: bool,
        #[serde(default, deserialize_with = "null_is_false")]
        conflicts_only: bool,
        #[serde(default, deserialize_with = "null_is_false")]
        tombstones: bool,
    }
}

/// One query, validated.
#[derive(Debug)]
pub(super) struct ReadQuery {
    partition: Partition,
    listing: Listing,
    range: KeyRange,
    is_single_item: bool,
    conflicts_only: bool,
    with_tombstones: bool,
}

/// Reads and validates the whole body.
pub(super) fn parse_read_batch(body: &[u8], bucket: BucketId) -> Result<Vec<ReadQuery>, ApiError> {
    let queries: Vec<RawQuery> = parse_list(body, BATCH_QUERIES_MAX)?;
    let validated = queries.into_iter().enumerate().map(|(at, query)| {
        ReadQuery::new(query, bucket).map_err(|cause| ApiError::Element { at, cause: Box::new(cause) })
    });
    validated.collect()
}

impl ReadQuery {
    fn new(mut query: RawQuery, bucket: BucketId) -> Result<ReadQuery, ApiError> {
        let listing = Listing { limit: query.limit, reverse: query.reverse, ..query.take_bounds() };
        let range = if query.single_item { single_item(&listing)? } else { listing.range()? };
        Ok(ReadQuery {
            partition: Partition::new(bucket, PartitionKey::new(&query.partition_key)?),
            listing,
            range,
            is_single_item: query.single_item,
            conflicts_only: query.conflicts_only,
            with_tombstones: query.tombstones,
        })
    }

    fn reader(&self) -> ItemsReader {
        let filter = Filter {
            with_tombstones: self.with_tombstones,
            conflicts_only: self.conflicts_only,
            ..Filter::default()
        };
        let limit = if self.is_single_item { None } else { self.listing.limit };
        ItemsReader::new(Selection::Range(self.range.clone()), filter, limit)
    }
}

/// The answers to the queries of a ReadBatch.
struct ReadBatchPages<S: Store> {
    shards: Shards<S>,
    sources: Sources<S>,
    tokens: TokenKey,
    queries: std::vec::IntoIter<ReadQuery>,
    current: Option<Current>,
    is_begun: bool,
}

/// The query that is being answered.
struct Current {
    query: ReadQuery,
    reader: ItemsReader,
    has_items: bool,
}

impl<S: Store> ReadBatchPages<S> {
    fn new(
        shards: Shards<S>,
        sources: Sources<S>,
        tokens: TokenKey,
        queries: Vec<ReadQuery>,
    ) -> ReadBatchPages<S> {
        let queries = queries.into_iter();
        ReadBatchPages { shards, sources, tokens, queries, current: None, is_begun: false }
    }

    /// Begins the answer to the next query; `None` after the last.
    fn begin_next(&mut self, out: &mut Vec<u8>) -> Option<Current> {
        let query = self.queries.next()?;
        out.push(if self.is_begun { b',' } else { b'[' });
        self.is_begun = true;
        push_head(out, &query);
        let reader = query.reader();
        Some(Current { query, reader, has_items: false })
    }
}

impl<S: Store> Pages for ReadBatchPages<S> {
    fn waits(&self) -> bool {
        self.sources.wait()
    }

    async fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        let mut budget = PageBudget::new(PageLimits::default());
        loop {
            let current = self.current.take().or_else(|| self.begin_next(out));
            let Some(mut current) = current else {
                out.extend_from_slice(if self.is_begun { b"]" } else { b"[]" });
                return Ok(PageEnd::Last);
            };
            let Current { query, reader, has_items } = &mut current;
            let mut show = |sort_key: &str, item: &Item<'_>| {
                if std::mem::replace(has_items, true) {
                    out.push(b',');
                }
                push_item(out, query.partition.hash, sort_key, item, &self.tokens);
            };
            let partition = &query.partition;
            let progress = if self.sources.is_sole(partition) {
                let snapshot = self.shards.store(partition.shard()).snapshot()?;
                read_items(&snapshot, partition.hash, reader, &mut budget, &mut show)?
            } else {
                self.sources.read_items(partition, reader, &mut budget, &mut show).await?
            };
            match progress {
                Progress::More => {
                    self.current = Some(current);
                    return Ok(PageEnd::More);
                }
                Progress::End => push_tail(out, None),
                Progress::Limit(next_start) => push_tail(out, Some(&next_start)),
            }
            budget.take(QUERY_WEIGHT);
            if budget.is_spent() {
                return Ok(PageEnd::More);
            }
        }
    }
}

/// What a query costs a page even if it finds nothing, in bytes: its echo and its snapshot.
const QUERY_WEIGHT: usize = 256;

fn push_head(out: &mut Vec<u8>, query: &ReadQuery) {
    out.extend_from_slice(br#"{"partitionKey":"#);
    push_string(out, query.partition.key.as_str());
    out.push(b',');
    push_bounds(out, &query.listing);
    out.extend_from_slice(br#","limit":"#);
    push_optional_number(out, query.listing.limit);
    out.extend_from_slice(br#","reverse":"#);
    push_bool(out, query.listing.reverse);
    out.extend_from_slice(br#","singleItem":"#);
    push_bool(out, query.is_single_item);
    out.extend_from_slice(br#","conflictsOnly":"#);
    push_bool(out, query.conflicts_only);
    out.extend_from_slice(br#","tombstones":"#);
    push_bool(out, query.with_tombstones);
    out.extend_from_slice(br#","items":["#);
}
