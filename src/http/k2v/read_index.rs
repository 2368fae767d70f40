//! ReadIndex: the partitions of a bucket with their counters, merged from all lanes or replicas in key order.

use super::listing::{Listing, push_bounds, push_tail};
use super::pages::{PageEnd, Pages, json_response};
use super::service::{Admitted, Outcome, Route, Service};
use crate::http::error::ApiError;
use crate::http::json::{push_bool, push_number, push_optional_number, push_string};
use crate::http::query::Query;
use std::sync::Arc;
use troupe_actors::ids::{BucketId, ShardIndex};
use troupe_actors::replication::index::{IndexReader, Next};
use troupe_actors::replication::local::index_page;
use troupe_actors::replication::page::{PageBudget, PageLimits};
use troupe_actors::replication::pages::{IndexPages, Listed};
use troupe_actors::store::Store;
use troupe_actors::store::counters::PartitionCounters;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let listing = parse_read_index(&request.query)?;
    let pages = ReadIndexPages::new(service, request, listing)?;
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
struct ReadIndexPages<S: Store> {
    listing: Listing,
    source: Source<S>,
    is_begun: bool,
    has_rows: bool,
}

/// Where the partitions are counted.
enum Source<S: Store> {
    /// This node holds every shard alone: each of its stores is a source of the index.
    Own { reader: IndexReader, stores: Vec<Arc<S>>, bucket: BucketId },
    /// As many replicas as the layout asks for.
    Replicas(Box<IndexPages<S>>),
}

impl<S: Store> ReadIndexPages<S> {
    fn new(
        service: &Service<S>,
        request: &Admitted<'_>,
        listing: Listing,
    ) -> Result<ReadIndexPages<S>, ApiError> {
        let (bucket, range) = (request.grant.bucket, listing.range()?);
        let mut elsewhere = None;
        for shard in ShardIndex::all() {
            if let Route::Replicas(layout) = service.route(request.control, shard)? {
                elsewhere = Some(layout);
                break;
            }
        }
        let source = match elsewhere {
            Some(layout) => {
                Source::Replicas(Box::new(service.replicas.index(layout, bucket, range, listing.limit)))
            }
            None => {
                let stores = service.shards.stores().to_vec();
                let reader = IndexReader::new(stores.len(), &range, listing.limit);
                Source::Own { reader, stores, bucket }
            }
        };
        Ok(ReadIndexPages { listing, source, is_begun: false, has_rows: false })
    }
}

impl<S: Store> Pages for ReadIndexPages<S> {
    fn waits(&self) -> bool {
        matches!(self.source, Source::Replicas(_))
    }

    async fn next_page(&mut self, out: &mut Vec<u8>) -> Result<PageEnd, ApiError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            push_head(out, &self.listing);
        }
        let has_rows = &mut self.has_rows;
        let mut show = |out: &mut Vec<u8>, key: &str, counters| {
            if std::mem::replace(has_rows, true) {
                out.push(b',');
            }
            push_row(out, key, counters);
        };
        let mut budget = PageBudget::new(PageLimits::default());
        let next_start = match &mut self.source {
            Source::Own { reader, stores, bucket } => loop {
                match reader.proceed() {
                    Next::Ask { .. } if budget.is_spent() => return Ok(PageEnd::More),
                    Next::Ask { source, range } => {
                        let snapshot = stores[source].snapshot()?;
                        let rows_max = PageLimits::default().index_rows_max;
                        reader.page(source, index_page(&snapshot, *bucket, &range, rows_max, &mut budget)?);
                    }
                    Next::Show(key, state) => show(out, &key, state.counters),
                    Next::End(next_start) => break next_start,
                }
            },
            Source::Replicas(pages) => loop {
                if budget.is_spent() {
                    return Ok(PageEnd::More);
                }
                match pages.next().await? {
                    Listed::Partition(key, counters) => {
                        budget.take(key.len());
                        show(out, &key, counters);
                    }
                    Listed::End(next_start) => break next_start,
                }
            },
        };
        push_tail(out, next_start.as_deref());
        Ok(PageEnd::Last)
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
