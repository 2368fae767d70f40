//! The parsers of the K2V calls, each called once with arbitrary input: see `untrusted`.

use super::accept::Accept;
use super::delete_batch::parse_delete_batch;
use super::insert_batch::parse_insert_batch;
use super::poll_range::parse_poll_range;
use super::read_batch::parse_read_batch;
use super::read_index::parse_read_index;
use crate::http::query::Query;
use crate::http::route::{Target, route};
use troupe_actors::causality::TokenKey;
use troupe_actors::ids::{BucketId, Partition, PartitionKey};
use troupe_actors::limits::VALUE_BYTES_MAX_DEFAULT;

/// Reads one body as each call would. Refusals are made into the text that a client would see.
pub(crate) fn parse_bodies(body: &[u8], bucket: BucketId, tokens: &TokenKey) {
    let _ = parse_insert_batch(body, bucket, tokens, VALUE_BYTES_MAX_DEFAULT).map_err(|e| e.to_string());
    let _ = parse_read_batch(body, bucket).map_err(|e| e.to_string());
    let _ = parse_delete_batch(body, bucket).map_err(|e| e.to_string());
    if let Ok(key) = PartitionKey::new("pk") {
        let _ = parse_poll_range(body, &Partition::new(bucket, key), tokens).map_err(|e| e.to_string());
    }
}

/// Reads path and query as the routing would, then the parameters of a listing.
pub(crate) fn parse_request_line(raw_path: &str, raw_query: &str, accept: &str) {
    let _ = Accept::parse(std::iter::once(accept));
    let (Ok(target), Ok(query)) = (Target::parse(raw_path), Query::parse(raw_query)) else { return };
    for method in ["GET", "PUT", "POST", "SEARCH", "DELETE", "HEAD", accept] {
        let _ = route(method, &target, &query).map_err(|error| error.to_string());
    }
    if let Ok(listing) = parse_read_index(&query) {
        let _ = listing.range().map_err(|error| error.to_string());
    }
}
