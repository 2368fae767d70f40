//! Which call a request is: from its method, its raw path and its query keywords.

use super::percent::{PercentError, decode};
use super::query::Query;
use std::borrow::Cow;

/// One call of the K2V API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// One item, now.
    ReadItem,
    /// One item, as soon as it holds news.
    PollItem,
    /// A new value of one item.
    InsertItem,
    /// A tombstone for one item.
    DeleteItem,
    /// The partitions of a bucket.
    ReadIndex,
    /// Many writes.
    InsertBatch,
    /// Many ranges.
    ReadBatch,
    /// Tombstones for many ranges.
    DeleteBatch,
    /// The changes of a range, as soon as there are any.
    PollRange,
}

/// What a key must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read.
    Read,
    /// Write.
    Write,
}

impl Call {
    /// The permission that the call takes.
    pub(crate) fn access(self) -> Access {
        match self {
            Call::ReadItem | Call::PollItem | Call::ReadIndex | Call::ReadBatch | Call::PollRange => {
                Access::Read
            }
            Call::InsertItem | Call::DeleteItem | Call::InsertBatch | Call::DeleteBatch => Access::Write,
        }
    }

    /// Whether it takes long on purpose.
    pub(crate) fn is_poll(self) -> bool {
        matches!(self, Call::PollItem | Call::PollRange)
    }
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The bucket, by name or id.
    pub(crate) bucket: Cow<'a, str>,
    /// Everything after the bucket's slash; `None` without one. May be empty.
    pub(crate) partition_key: Option<Cow<'a, str>>,
}

/// A request that is not a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    /// The path does not decode.
    #[error("the path cannot be read: {0}")]
    Path(#[from] PercentError),
    /// `/` alone, or no slash at all.
    #[error("the path names no bucket: use /<bucket> or /<bucket>/<partition key>")]
    NoBucket,
    /// A call on one partition came without one.
    #[error("the path names no partition: use /<bucket>/<partition key>")]
    NoPartition,
    /// Two keywords that contradict each other.
    #[error("the query says both 'search' and 'delete': send one of them")]
    Keywords,
    /// A batch was sent to a partition.
    #[error("{method} on a partition needs '?poll_range': send a batch to /<bucket>")]
    BatchOnPartition { method: String },
    /// No call has this method.
    #[error("{method} is not a K2V method: use GET, HEAD, PUT, DELETE, POST or SEARCH")]
    Method { method: String },
}

impl<'a> Target<'a> {
    /// Splits the raw path: nothing is normalised, so `a//b` and `a/../b` are ordinary partition keys.
    pub(crate) fn parse(raw_path: &'a str) -> Result<Target<'a>, RouteError> {
        let path = raw_path.strip_prefix('/').ok_or(RouteError::NoBucket)?;
        let (bucket, partition_key) = match path.split_once('/') {
            Some((bucket, partition_key)) => (bucket, Some(decode(partition_key)?)),
            None => (path, None),
        };
        if bucket.is_empty() {
            return Err(RouteError::NoBucket);
        }
        Ok(Target { bucket: decode(bucket)?, partition_key })
    }
}

/// The call that a request makes.
///
/// `/<bucket>/` names the bucket, as clients that join paths write it, unless the query speaks of one item or of a
/// range to poll: then an empty partition key is meant, and refused as such later.
pub(crate) fn route(method: &str, target: &Target<'_>, query: &Query<'_>) -> Result<Call, RouteError> {
    let has_partition = match target.partition_key.as_deref() {
        None => false,
        Some("") => query.sort_key.is_some() || query.has_poll_range,
        Some(_) => true,
    };
    match (method, has_partition) {
        ("GET" | "HEAD", true) if query.causality_token.is_some() => Ok(Call::PollItem),
        ("GET" | "HEAD", true) => Ok(Call::ReadItem),
        ("GET" | "HEAD", false) => Ok(Call::ReadIndex),
        ("PUT", true) => Ok(Call::InsertItem),
        ("DELETE", true) => Ok(Call::DeleteItem),
        ("POST" | "SEARCH", true) if query.has_poll_range => Ok(Call::PollRange),
        ("POST" | "SEARCH", false) if query.has_poll_range => Err(RouteError::NoPartition),
        ("POST" | "SEARCH", false) if query.has_search && query.has_delete => Err(RouteError::Keywords),
        ("SEARCH", false) if query.has_delete => Err(RouteError::Keywords),
        ("SEARCH", false) => Ok(Call::ReadBatch),
        ("POST", false) if query.has_search => Ok(Call::ReadBatch),
        ("POST", false) if query.has_delete => Ok(Call::DeleteBatch),
        ("POST", false) => Ok(Call::InsertBatch),
        ("PUT" | "DELETE", false) => Err(RouteError::NoPartition),
        ("POST" | "SEARCH", true) => Err(RouteError::BatchOnPartition { method: method.to_owned() }),
        _ => Err(RouteError::Method { method: method.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the expectation is written where it is passed")]
    fn check(request: &str, expected: Result<Call, RouteError>) {
        let (method, uri) = request.split_once(' ').unwrap();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let call = Target::parse(path)
            .and_then(|target| route(method, &target, &Query::parse(query).expect("the query parses")));
        assert_eq!(call, expected, "{request}");
    }

    #[test]
    fn every_call_has_its_method_path_and_keyword() {
        check("GET /b/pk?sort_key=sk", Ok(Call::ReadItem));
        check("HEAD /b/pk?sort_key=sk", Ok(Call::ReadItem));
        check("GET /b/pk?sort_key=sk&causality_token=ct", Ok(Call::PollItem));
        check("GET /b/pk?sort_key=sk&timeout=3", Ok(Call::ReadItem));
        check("PUT /b/pk?sort_key=sk", Ok(Call::InsertItem));
        check("DELETE /b/pk?sort_key=sk", Ok(Call::DeleteItem));
        check("GET /b", Ok(Call::ReadIndex));
        check("GET /b/?prefix=x", Ok(Call::ReadIndex));
        check("POST /b", Ok(Call::InsertBatch));
        check("SEARCH /b", Ok(Call::ReadBatch));
        check("POST /b?search", Ok(Call::ReadBatch));
        check("POST /b?search=", Ok(Call::ReadBatch));
        check("POST /b?delete", Ok(Call::DeleteBatch));
        check("SEARCH /b/pk?poll_range", Ok(Call::PollRange));
        check("POST /b/pk?poll_range=", Ok(Call::PollRange));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        check("GET /", Err(RouteError::NoBucket));
        check("GET //pk?sort_key=sk", Err(RouteError::NoBucket));
        check("PATCH /b/pk", Err(RouteError::Method { method: "PATCH".to_owned() }));
        check("get /b/pk", Err(RouteError::Method { method: "get".to_owned() }));
        check("POST /b/pk", Err(RouteError::BatchOnPartition { method: "POST".to_owned() }));
        check("SEARCH /b/pk", Err(RouteError::BatchOnPartition { method: "SEARCH".to_owned() }));
        check("PUT /b", Err(RouteError::NoPartition));
        check("SEARCH /b?poll_range", Err(RouteError::NoPartition));
        check("POST /b?search&delete", Err(RouteError::Keywords));
        check("SEARCH /b?delete", Err(RouteError::Keywords));
    }

    #[test]
    fn an_item_of_the_empty_partition_key_is_not_taken_for_the_index() {
        check("GET /b/?sort_key=sk", Ok(Call::ReadItem));
    }

    #[test]
    fn the_partition_key_is_everything_after_the_buckets_slash() {
        let check = |path, partition_key: &str| {
            let target = Target::parse(path).unwrap();
            assert_eq!(target.bucket, "b");
            assert_eq!(target.partition_key.as_deref(), Some(partition_key), "{path}");
        };
        check("/b/a//b", "a//b");
        check("/b/a/../b", "a/../b");
        check("/b//", "/");
        check("/b/%2F", "/");
        check("/b/./", "./");
        check("/b/%C3%A9+%20", "é+ ");
        assert_eq!(Target::parse("/b/%ff"), Err(RouteError::Path(PercentError::Utf8)));
    }
}
