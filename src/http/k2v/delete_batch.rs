//! DeleteBatch: every item of a range becomes a tombstone that overwrites exactly what was read, so that a value
//! which is written at the same time survives.

use super::listing::{Listing, push_bounds, single_item};
use super::request::{null_is_false, parse_list, range_query};
use super::service::{Admitted, JSON, Outcome, Service};
use super::sources::Sources;
use crate::http::error::ApiError;
use crate::http::json::{push_bool, push_number, push_string};
use crate::http::limits::BATCH_QUERIES_MAX;
use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use serde::Deserialize;
use std::sync::Arc;
use troupe_actors::causality::Item;
use troupe_actors::ids::{BucketId, Partition, PartitionKey};
use troupe_actors::replication::delete::{deletion, tombstone};
use troupe_actors::replication::items::{ItemsReader, Progress};
use troupe_actors::replication::local::read_items;
use troupe_actors::replication::page::{PageBudget, PageLimits};
use troupe_actors::shard::{ItemWrite, Shards};
use troupe_actors::store::Store;
use troupe_actors::store::range::KeyRange;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let queries = parse_delete_batch(request.body, request.grant.bucket)?;
    for query in &queries {
        service.route(request.control, query.partition.shard())?;
    }
    let shards = service.shards.clone();
    let sources = Sources { replicas: service.replicas.clone(), layout: request.control.layout.clone() };
    Outcome::later(async move {
        let answer = delete_batch(&shards, &sources, &queries).await?;
        Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, JSON)).body(answer))
    })
}

range_query! {
    /// One query as it came. Other fields are ignored.
    struct RawQuery {
        partition_key: String,
        #[serde(default, deserialize_with = "null_is_false")]
        single_item: bool,
    }
}

/// One query, validated.
#[derive(Debug)]
pub(super) struct DeleteQuery {
    partition: Partition,
    listing: Listing,
    range: KeyRange,
    is_single_item: bool,
}

impl DeleteQuery {
    fn new(mut query: RawQuery, bucket: BucketId) -> Result<DeleteQuery, ApiError> {
        let listing = query.take_bounds();
        let range = if query.single_item { single_item(&listing)? } else { listing.range()? };
        let partition = Partition::new(bucket, PartitionKey::new(&query.partition_key)?);
        Ok(DeleteQuery { partition, listing, range, is_single_item: query.single_item })
    }
}

/// Reads and validates the whole body.
pub(super) fn parse_delete_batch(body: &[u8], bucket: BucketId) -> Result<Vec<DeleteQuery>, ApiError> {
    let queries: Vec<RawQuery> = parse_list(body, BATCH_QUERIES_MAX)?;
    let validated = queries.into_iter().enumerate().map(|(at, query)| {
        DeleteQuery::new(query, bucket).map_err(|cause| ApiError::Element { at, cause: Box::new(cause) })
    });
    validated.collect()
}

/// Answers the queries one after the other, and each page by page: memory does not grow with what is deleted.
async fn delete_batch<S: Store>(
    shards: &Shards<S>,
    sources: &Sources<S>,
    queries: &[DeleteQuery],
) -> Result<Vec<u8>, ApiError> {
    let mut out = vec![b'['];
    let mut deleted_so_far = 0;
    for (at, query) in queries.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let deleted = delete_range(shards, sources, query, deleted_so_far > 0).await?;
        deleted_so_far += deleted;
        push_answer(&mut out, query, deleted);
    }
    out.push(b']');
    Ok(out)
}

/// How many items it deleted. `is_begun`: something was deleted before, so that no error may claim that nothing was.
async fn delete_range<S: Store>(
    shards: &Shards<S>,
    sources: &Sources<S>,
    query: &DeleteQuery,
    is_begun: bool,
) -> Result<u64, ApiError> {
    let shard = query.partition.shard();
    let mut reader = deletion(query.range.clone());
    let mut deleted = 0;
    loop {
        let is_begun = is_begun || deleted > 0;
        let partly = |error: ApiError| if is_begun { ApiError::PartlyDeleted } else { error };
        let (progress, tombstones) =
            next_page(shards, sources, &query.partition, &mut reader).await.map_err(partly)?;
        if !tombstones.is_empty() {
            let count = tombstones.len() as u64;
            sources.replicas.write(&sources.layout, shard, Arc::new(tombstones)).await.map_err(|error| {
                if error.is_certainly_not_stored() { partly(error.into()) } else { ApiError::PartlyDeleted }
            })?;
            deleted += count;
        }
        match progress {
            Progress::More => tokio::task::yield_now().await,
            Progress::End | Progress::Limit(_) => return Ok(deleted),
        }
    }
}

/// Tombstones for the items of one page that hold a value.
async fn next_page<S: Store>(
    shards: &Shards<S>,
    sources: &Sources<S>,
    partition: &Partition,
    reader: &mut ItemsReader,
) -> Result<(Progress, Vec<ItemWrite>), ApiError> {
    let mut tombstones = Vec::new();
    let mut budget = PageBudget::new(PageLimits::default());
    let mut show = |sort_key: &str, item: &Item<'_>| tombstones.push(tombstone(partition, sort_key, item));
    let progress = if sources.is_sole(partition) {
        let snapshot = shards.store(partition.shard()).snapshot()?;
        read_items(&snapshot, partition.hash, reader, &mut budget, &mut show)?
    } else {
        sources.read_items(partition, reader, &mut budget, &mut show).await?
    };
    Ok((progress, tombstones.into_iter().collect::<Result<_, _>>()?))
}

fn push_answer(out: &mut Vec<u8>, query: &DeleteQuery, deleted: u64) {
    out.extend_from_slice(br#"{"partitionKey":"#);
    push_string(out, query.partition.key.as_str());
    out.push(b',');
    push_bounds(out, &query.listing);
    out.extend_from_slice(br#","singleItem":"#);
    push_bool(out, query.is_single_item);
    out.extend_from_slice(br#","deletedItems":"#);
    push_number(out, deleted);
    out.push(b'}');
}
