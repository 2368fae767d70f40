//! One K2V call, described: everything about a request but its date and signature.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::batch::{BatchDelete, BatchInsert, BatchRead};
use crate::error::InvalidArgument;
use crate::limits;
use crate::percent;
use crate::poll::{PollRange, WireQuery, whole_seconds};
use crate::range::KeyRange;
use crate::retry::Safety;
use crate::token::{CausalityToken, SeenMarker};
use crate::value::IntoData;

pub(crate) const CAUSALITY_TOKEN: HeaderName = HeaderName::from_static("x-garage-causality-token");

/// A call that is ready to be signed and sent, as often as one likes.
///
/// [`K2vClient`](crate::K2vClient) makes, signs and sends calls by itself. This type is for programs that
/// want the signed request itself, to send it by their own means: a load generator that signs ahead of time,
/// a test of a server.
///
/// ```
/// use k2v_client::{Call, K2vClient};
/// # fn main() -> Result<(), k2v_client::Error> {
/// let client = K2vClient::new("garage", "http://localhost:3902", "GK1", "secret")?;
/// let call = Call::read_item("my-bucket", "a/b", "key")?;
/// let request = client.signed_request(&call)?;
/// assert_eq!(request.uri(), "http://localhost:3902/my-bucket/a%2Fb?sort_key=key");
/// assert!(request.headers().contains_key("authorization"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) method: Method,
    /// Encoded: `/bucket` or `/bucket/partition-key`.
    pub(crate) path: String,
    /// Encoded and sorted, with a `=` in every pair.
    pub(crate) query: String,
    pub(crate) accept: Option<HeaderValue>,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) body: Bytes,
    pub(crate) safety: Safety,
    /// How long the server is asked to hold the answer back.
    pub(crate) held: Option<Duration>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// A single value comes as raw bytes, several come as a list.
const ANY_VALUES: HeaderValue = HeaderValue::from_static("application/octet-stream, application/json");

impl Call {
    /// Reads one item.
    pub fn read_item(bucket: &str, pk: &str, sk: &str) -> Result<Self, InvalidArgument> {
        let mut call = Self::new(Method::GET, partition_path(bucket, pk)?, Safety::Read);
        call.accept = Some(ANY_VALUES);
        call.query = query([("sort_key", sort_key(sk)?)]);
        Ok(call)
    }

    /// Waits until an item holds something that the token does not cover. Without a timeout the server
    /// waits for 300 seconds.
    pub fn poll_item(
        bucket: &str,
        pk: &str,
        sk: &str,
        token: &CausalityToken,
        timeout: Option<Duration>,
    ) -> Result<Self, InvalidArgument> {
        let mut call = Self::read_item(bucket, pk, sk)?;
        let seconds = timeout.map(|timeout| whole_seconds(timeout).to_string());
        call.query = query(
            [("causality_token", token.as_str()), ("sort_key", sort_key(sk)?)]
                .into_iter()
                .chain(seconds.as_deref().map(|seconds| ("timeout", seconds))),
        );
        call.held = Some(timeout.unwrap_or(limits::POLL_TIMEOUT_DEFAULT));
        Ok(call)
    }

    /// Writes one value: in the place of what the token covers, or beside what is there.
    pub fn insert_item(
        bucket: &str,
        pk: &str,
        sk: &str,
        value: impl IntoData,
        token: Option<&CausalityToken>,
    ) -> Result<Self, InvalidArgument> {
        let safety = if token.is_some() { Safety::CoveredWrite } else { Safety::BlindWrite };
        let mut call = Self::new(Method::PUT, partition_path(bucket, pk)?, safety);
        call.query = query([("sort_key", sort_key(sk)?)]);
        call.token = token.map(token_header).transpose()?;
        call.content_type = Some(OCTET_STREAM);
        call.body = value.into_data();
        Ok(call)
    }

    /// Deletes what the token covers.
    pub fn delete_item(
        bucket: &str,
        pk: &str,
        sk: &str,
        token: &CausalityToken,
    ) -> Result<Self, InvalidArgument> {
        let mut call = Self::new(Method::DELETE, partition_path(bucket, pk)?, Safety::CoveredWrite);
        call.query = query([("sort_key", sort_key(sk)?)]);
        call.token = Some(token_header(token)?);
        Ok(call)
    }

    /// Lists the partitions of a bucket.
    pub fn read_index(bucket: &str, range: &KeyRange) -> Result<Self, InvalidArgument> {
        let mut call = Self::new(Method::GET, bucket_path(bucket)?, Safety::Read);
        let limit = range.limit.map(|limit| limit.to_string());
        call.query = query(
            [
                ("end", range.end.as_deref()),
                ("limit", limit.as_deref()),
                ("prefix", range.prefix.as_deref()),
                ("reverse", range.reverse.then_some("true")),
                ("start", range.start.as_deref()),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
        );
        Ok(call)
    }

    /// Writes several values, of any partitions.
    pub fn insert_batch(bucket: &str, ops: &[BatchInsert]) -> Result<Self, InvalidArgument> {
        for op in ops {
            partition_key(&op.partition_key)?;
            sort_key(&op.sort_key)?;
        }
        let covered = ops.iter().all(|op| op.token.is_some());
        let safety = if covered { Safety::CoveredWrite } else { Safety::BlindWrite };
        let call = Self::new(Method::POST, bucket_path(bucket)?, safety);
        call.with_json(&ops)
    }

    /// Reads several ranges or items, of any partitions.
    pub fn read_batch(bucket: &str, queries: &[BatchRead]) -> Result<Self, InvalidArgument> {
        for query in queries {
            partition_key(&query.partition_key)?;
        }
        let mut call = Self::new(Method::POST, bucket_path(bucket)?, Safety::Read);
        call.query = query([("search", "")]);
        call.with_json(&queries)
    }

    /// Deletes several ranges or items, of any partitions.
    pub fn delete_batch(bucket: &str, queries: &[BatchDelete]) -> Result<Self, InvalidArgument> {
        for query in queries {
            partition_key(&query.partition_key)?;
        }
        let mut call = Self::new(Method::POST, bucket_path(bucket)?, Safety::BlindWrite);
        call.query = query([("delete", "")]);
        call.with_json(&queries)
    }

    /// Reads a range with a marker, or waits until something in it changes that the marker does not
    /// cover. Without a timeout the server waits for 300 seconds.
    pub fn poll_range(
        bucket: &str,
        pk: &str,
        range: &PollRange,
        seen: Option<&SeenMarker>,
        timeout: Option<Duration>,
    ) -> Result<Self, InvalidArgument> {
        let mut call = Self::new(Method::POST, partition_path(bucket, pk)?, Safety::Read);
        call.query = query([("poll_range", "")]);
        call.held = Some(timeout.unwrap_or(limits::POLL_TIMEOUT_DEFAULT));
        call.with_json(&WireQuery { range, timeout: timeout.map(whole_seconds), seen_marker: seen })
    }

    /// The call, repeated even where a repeat could leave a duplicate: the caller clears it away.
    pub(crate) fn duplicates_are_cleared(mut self) -> Self {
        if self.safety == Safety::BlindWrite {
            self.safety = Safety::CoveredWrite;
        }
        self
    }

    fn new(method: Method, path: String, safety: Safety) -> Self {
        Self {
            method,
            path,
            query: String::new(),
            accept: None,
            content_type: None,
            token: None,
            body: Bytes::new(),
            safety,
            held: None,
        }
    }

    fn with_json(mut self, body: &impl serde::Serialize) -> Result<Self, InvalidArgument> {
        // Strings, numbers and lists of them: there is nothing in a query that JSON cannot hold.
        self.body = serde_json::to_vec(body).map_err(InvalidArgument::Json)?.into();
        self.content_type = Some(JSON);
        Ok(self)
    }
}

fn bucket_path(bucket: &str) -> Result<String, InvalidArgument> {
    if bucket.is_empty() {
        return Err(InvalidArgument::EmptyBucket);
    }
    let mut path = String::from("/");
    percent::encode_segment_into(&mut path, bucket);
    Ok(path)
}

fn partition_path(bucket: &str, pk: &str) -> Result<String, InvalidArgument> {
    let mut path = bucket_path(bucket)?;
    path.push('/');
    percent::encode_segment_into(&mut path, partition_key(pk)?);
    Ok(path)
}

fn partition_key(pk: &str) -> Result<&str, InvalidArgument> {
    if pk.is_empty() { Err(InvalidArgument::EmptyPartitionKey) } else { Ok(pk) }
}

fn sort_key(sk: &str) -> Result<&str, InvalidArgument> {
    if sk.is_empty() { Err(InvalidArgument::EmptySortKey) } else { Ok(sk) }
}

fn token_header(token: &CausalityToken) -> Result<HeaderValue, InvalidArgument> {
    HeaderValue::from_str(token.as_str()).map_err(InvalidArgument::Token)
}

/// Encodes a query. The pairs must come sorted by name, so that what is sent is what is signed.
fn query<'a>(pairs: impl IntoIterator<Item = (&'static str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        percent::encode_into(&mut out, value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(call: Result<Call, InvalidArgument>, method: &str, target: &str, body: &str) {
        let call = call.unwrap();
        let found = if call.query.is_empty() { call.path } else { format!("{}?{}", call.path, call.query) };
        assert_eq!(found, target);
        assert_eq!(call.method, method);
        assert_eq!(call.body, body.as_bytes());
    }

    #[test]
    fn each_call_is_the_request_that_the_protocol_names() {
        let token = CausalityToken::from("tok");
        let marker = SeenMarker::from("mark");
        let (a_minute, all) = (Some(Duration::from_secs(60)), PollRange::all());
        check(Call::read_item("b", "p", "s"), "GET", "/b/p?sort_key=s", "");
        check(
            Call::poll_item("b", "p", "s", &token, a_minute),
            "GET",
            "/b/p?causality_token=tok&sort_key=s&timeout=60",
            "",
        );
        check(Call::poll_item("b", "p", "s", &token, None), "GET", "/b/p?causality_token=tok&sort_key=s", "");
        check(Call::insert_item("b", "p", "s", "v", None), "PUT", "/b/p?sort_key=s", "v");
        check(Call::delete_item("b", "p", "s", &token), "DELETE", "/b/p?sort_key=s", "");
        check(Call::read_index("b", &KeyRange::all()), "GET", "/b", "");
        check(
            Call::read_index("b", &KeyRange::all().prefix("p/").start("p/1").end("").limit(0).reverse()),
            "GET",
            "/b?end=&limit=0&prefix=p%2F&reverse=true&start=p%2F1",
            "",
        );
        check(Call::insert_batch("b", &[]), "POST", "/b", "[]");
        check(Call::read_batch("b", &[]), "POST", "/b?search=", "[]");
        check(Call::delete_batch("b", &[]), "POST", "/b?delete=", "[]");
        check(
            Call::poll_range("b", "p", &all, Some(&marker), None),
            "POST",
            "/b/p?poll_range=",
            r#"{"seenMarker":"mark"}"#,
        );
    }

    #[test]
    fn only_writes_whose_duplicates_are_cleared_away_count_as_covered() {
        let token = CausalityToken::from("tok");
        let safety = |call: Result<Call, InvalidArgument>| call.unwrap().safety;
        assert_eq!(safety(Call::read_item("b", "p", "s")), Safety::Read);
        assert_eq!(safety(Call::insert_item("b", "p", "s", "v", None)), Safety::BlindWrite);
        assert_eq!(safety(Call::insert_item("b", "p", "s", "v", Some(&token))), Safety::CoveredWrite);
        assert_eq!(safety(Call::delete_item("b", "p", "s", &token)), Safety::CoveredWrite);
        let (covered, blind) = (BatchInsert::delete("p", "s", &token), BatchInsert::new("p", "s", "v"));
        assert_eq!(safety(Call::insert_batch("b", std::slice::from_ref(&covered))), Safety::CoveredWrite);
        assert_eq!(safety(Call::insert_batch("b", &[covered, blind])), Safety::BlindWrite);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_here() {
        let token = CausalityToken::from("a\nb");
        let refused = |call: Result<Call, InvalidArgument>| call.unwrap_err();
        assert!(matches!(refused(Call::read_item("", "p", "s")), InvalidArgument::EmptyBucket));
        assert!(matches!(refused(Call::read_item("b", "", "s")), InvalidArgument::EmptyPartitionKey));
        assert!(matches!(refused(Call::read_item("b", "p", "")), InvalidArgument::EmptySortKey));
        assert!(matches!(refused(Call::delete_item("b", "p", "s", &token)), InvalidArgument::Token(_)));
        let op = BatchInsert::new("p", "", "v");
        assert!(matches!(refused(Call::insert_batch("b", &[op])), InvalidArgument::EmptySortKey));
    }
}
