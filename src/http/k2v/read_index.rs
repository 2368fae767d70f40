//! ReadIndex: the partitions of a bucket with their counters, merged from all lanes in key order.

use super::listing::{Listing, push_bounds, push_tail};
use super::pages::{PageEnd, Pages, json_response};
use super::service::{Admitted, Outcome, Service};
use crate::http::error::ApiError;
use crate::http::json::{push_bool, push_number, push_optional_number, push_string};
use crate::http::query::Query;
use std::sync::Arc;
use troupe_actors::ids::{BucketId, ShardIndex};
use troupe_actors::replication::index::{IndexReader, Next};
use troupe_actors::replication::local::index_page;
use troupe_actors::replication::page::{PageBudget, PageLimits};
use troupe_actors::shard::Shards;
use troupe_actors::store::Store;
use troupe_actors::store::counters::PartitionCounters;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let listing = parse_read_index(&request.query)?;
    ShardIndex::all().try_for_each(|shard| service.plan(request.control, shard).map(drop))?;
    let pages = ReadIndexPages::new(&service.shards, request.grant.bucket, listing)?;
    Outcome::later(json_response(pages, service.room(request)))
}

/// Reads the parameters of the listing from the query string.
pub(super) fn parse_read_index(query: &Query<'_>) -> Result<Listing, ApiError> {
    let limit = match query.limit.as_deref() {
        None => None,
        Some(limit) => Some(non_negative(limit).ok_or(ApiError::Parameter {
            name: "limit",
            rule: "must be a whole number that is not negative",
        })?),
    };
    let reverse = match query.reverse.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::Parameter { name: "reverse", rule: "must be true or false" }),
    };
    Ok(Listing {
        prefix: query.prefix.as_deref().map(str::to_owned),
        start: query.start.as_deref().map(str::to_owned),
        end: query.end.as_deref().map(str::to_owned),
        limit,
        reverse,
    })
}

/// Reads digits; `None` for anything else, a sign included, and for what does not fit.
fn non_negative(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The listing while it is sent.
struct ReadIndexPages<S> {
    listing: Listing,
    reader: IndexReader,
    /// One source of the index each.
    stores: Vec<Arc<S>>,
    bucket: BucketId,
    is_begun: bool,
    has_rows: bool,
}

impl<S: Store> ReadIndexPages<S> {
    fn new(shards: &Shards<S>, bucket: BucketId, listing: Listing) -> Result<ReadIndexPages<S>, ApiError> {
        let stores = shards.stores().to_vec();
        let reader = IndexReader::new(stores.len(), &listing.range()?, listing.limit);
        Ok(ReadIndexPages { listing, reader, stores, bucket, is_begun: false, has_rows: false })
    }
}

impl<S: Store> Pages for ReadIndexPages<S> {
    fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            push_head(out, &self.listing);
        }
        let limits = PageLimits::default();
        let mut budget = PageBudget::new(limits);
        loop {
            match self.reader.proceed() {
                Next::Ask { .. } if budget.is_spent() => return Ok(PageEnd::More),
                Next::Ask { source, range } => {
                    let snapshot = self.stores[source].snapshot()?;
                    let rows_max = limits.index_rows_max;
                    let page = index_page(&snapshot, self.bucket, &range, rows_max, &mut budget)?;
                    self.reader.page(source, page);
                }
                Next::Show(key, counters) => {
                    if std::mem::replace(&mut self.has_rows, true) {
                        out.push(b',');
                    }
                    push_row(out, &key, counters);
                }
                Next::End(next_start) => {
                    push_tail(out, next_start.as_deref());
                    return Ok(PageEnd::Last);
                }
            }
        }
    }
}

fn push_head(out: &mut Vec<u8>, listing: &Listing) {
    out.push(b'{');
    push_bounds(out, listing);
    out.extend_from_slice(br#","limit":"#);
    push_optional_number(out, listing.limit);
    out.extend_from_slice(br#","reverse":"#);
    push_bool(out, listing.reverse);
    out.extend_from_slice(br#","partitionKeys":["#);
}

fn push_row(out: &mut Vec<u8>, key: &str, counters: PartitionCounters) {
    out.extend_from_slice(br#"{"pk":"#);
    push_string(out, key);
    for (name, count) in [
        (&br#","entries":"#[..], counters.entries),
        (br#","conflicts":"#, counters.conflicts),
        (br#","values":"#, counters.values),
        (br#","bytes":"#, counters.bytes),
    ] {
        out.extend_from_slice(name);
        push_number(out, count);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<(Option<u64>, bool), &str>) {
        let query = Query::parse(query).unwrap();
        let parsed = parse_read_index(&query).map(|listing| (listing.limit, listing.reverse));
        assert_eq!(parsed.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn limit_is_digits_and_reverse_a_truth_value() {
        const LIMIT: &str = "the query parameter 'limit' must be a whole number that is not negative";
        const REVERSE: &str = "the query parameter 'reverse' must be true or false";
        check("", Ok((None, false)));
        check("limit=0&reverse=true", Ok((Some(0), true)));
        check("limit=18446744073709551615", Ok((Some(u64::MAX), false)));
        check("limit=18446744073709551616", Err(LIMIT));
        for limit in ["", "-1", "%2B1", "1.0", "1e3", "%201", "٣"] {
            check(&format!("limit={limit}"), Err(LIMIT));
        }
        for reverse in ["", "1", "True", "yes"] {
            check(&format!("reverse={reverse}"), Err(REVERSE));
        }
    }
}
