//! The operations of a batch, and what comes back.

use crate::range::bound_methods;
use serde::{Deserialize, Serialize};

use crate::error::InvalidResponse;
use crate::item::{Entry, WireEntry};
use crate::range::{KeyRange, Page};
use crate::token::CausalityToken;
use crate::value::Value;

/// One write of an [`insert_batch`](crate::Bucket::insert_batch).
///
/// ```
/// use k2v_client::{BatchInsert, CausalityToken};
/// let token = CausalityToken::from("opaque");
/// let ops = [
///     BatchInsert::new("users", "ann", b"1"),
///     BatchInsert::new("users", "bob", "2").token(&token),
///     BatchInsert::delete("users", "eve", &token),
/// ];
/// # assert_eq!(ops.len(), 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchInsert {
    /// The partition key.
    #[serde(rename = "pk")]
    pub partition_key: String,
    /// The sort key.
    #[serde(rename = "sk")]
    pub sort_key: String,
    /// What the writer has seen of the item; `None` adds a concurrent value.
    #[serde(rename = "ct")]
    pub token: Option<CausalityToken>,
    /// The new value; a tombstone deletes.
    #[serde(rename = "v")]
    pub value: Value,
}

impl BatchInsert {
    /// Writes a value beside those that are there.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { partition_key: pk.into(), sort_key: sk.into(), token: None, value: value.into() }
    }

    /// Deletes what `token` covers.
    pub fn delete(pk: impl Into<String>, sk: impl Into<String>, token: &CausalityToken) -> Self {
        Self::new(pk, sk, Value::Tombstone).token(token)
    }

    /// Replaces what `token` covers.
    #[must_use]
    pub fn token(mut self, token: &CausalityToken) -> Self {
        self.token = Some(token.clone());
        self
    }
}

/// One query of a [`read_batch`](crate::Bucket::read_batch).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchRead {
    /// The partition to read.
    pub partition_key: String,
    /// Which sort keys of it.
    #[serde(flatten)]
    pub range: KeyRange,
    /// Only the item whose sort key is the range's `start`.
    pub single_item: bool,
    /// Only items with several concurrent values.
    pub conflicts_only: bool,
    /// Also items that hold nothing but tombstones.
    pub tombstones: bool,
}

impl BatchRead {
    /// The items of a range.
    pub fn range(pk: impl Into<String>, range: KeyRange) -> Self {
        Self { partition_key: pk.into(), range, single_item: false, conflicts_only: false, tombstones: false }
    }

    /// One item. If there is none, or it is deleted, the page is empty.
    pub fn item(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { single_item: true, ..Self::range(pk, KeyRange::all().start(sk)) }
    }

    /// Leaves out items that hold a single value.
    #[must_use]
    pub fn conflicts_only(mut self) -> Self {
        self.conflicts_only = true;
        self
    }

    /// Includes items that hold nothing but tombstones.
    #[must_use]
    pub fn tombstones(mut self) -> Self {
        self.tombstones = true;
        self
    }
}

/// One query of a [`delete_batch`](crate::Bucket::delete_batch).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDelete {
    /// The partition to delete from.
    pub partition_key: String,
    /// Only sort keys that begin with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The first sort key to delete, included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Where to stop, excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Only the item whose sort key is `start`.
    pub single_item: bool,
}

impl BatchDelete {
    /// Every item of a partition.
    pub fn all(pk: impl Into<String>) -> Self {
        Self { partition_key: pk.into(), prefix: None, start: None, end: None, single_item: false }
    }

    /// One item.
    pub fn item(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { start: Some(sk.into()), single_item: true, ..Self::all(pk) }
    }

    bound_methods!();
}

/// The result of one read query, as it comes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePage {
    items: Vec<WireEntry>,
    more: bool,
    #[serde(default)]
    next_start: Option<String>,
}

/// The result of one delete query, as it comes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDeleted {
    deleted_items: u64,
}

/// One page for each of `sent` read queries.
pub(crate) fn parse_pages(body: &[u8], sent: usize) -> Result<Vec<Page<Entry>>, InvalidResponse> {
    let pages: Vec<WirePage> = serde_json::from_slice(body)?;
    check_count(sent, pages.len())?;
    pages
        .into_iter()
        .map(|page| {
            Ok(Page {
                items: page.items.into_iter().map(Entry::from).collect(),
                next_start: next_start(page.more, page.next_start)?,
            })
        })
        .collect()
}

/// One count of deleted items for each of `sent` delete queries.
pub(crate) fn parse_deleted(body: &[u8], sent: usize) -> Result<Vec<u64>, InvalidResponse> {
    let results: Vec<WireDeleted> = serde_json::from_slice(body)?;
    check_count(sent, results.len())?;
    Ok(results.into_iter().map(|result| result.deleted_items).collect())
}

/// `more` and `nextStart` as one.
pub(crate) fn next_start(more: bool, next_start: Option<String>) -> Result<Option<String>, InvalidResponse> {
    match (more, next_start) {
        (false, _) => Ok(None),
        (true, Some(start)) => Ok(Some(start)),
        (true, None) => Err(InvalidResponse::NoNextStart),
    }
}

fn check_count(sent: usize, received: usize) -> Result<(), InvalidResponse> {
    if sent == received { Ok(()) } else { Err(InvalidResponse::ResultCount { sent, received }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_json(value: &impl Serialize, expected: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), expected);
    }

    #[test]
    fn queries_are_sent_in_the_words_of_the_protocol() {
        check_json(&BatchInsert::new("p", "s", "hello"), r#"{"pk":"p","sk":"s","ct":null,"v":"aGVsbG8="}"#);
        check_json(
            &BatchInsert::delete("p", "s", &"tok".into()),
            r#"{"pk":"p","sk":"s","ct":"tok","v":null}"#,
        );
        check_json(
            &BatchRead::range("p", KeyRange::all().prefix("x").end("y").limit(3).reverse()).tombstones(),
            r#"{"partitionKey":"p","prefix":"x","end":"y","limit":3,"reverse":true,"singleItem":false,"conflictsOnly":false,"tombstones":true}"#,
        );
        check_json(
            &BatchRead::item("p", "s").conflicts_only(),
            r#"{"partitionKey":"p","start":"s","singleItem":true,"conflictsOnly":true,"tombstones":false}"#,
        );
        check_json(
            &BatchDelete::all("p").start("a"),
            r#"{"partitionKey":"p","start":"a","singleItem":false}"#,
        );
    }

    #[test]
    fn pages_are_read_with_their_continuation() {
        let body = br#"[{"partitionKey":"p","prefix":null,"start":null,"end":null,"limit":1,"reverse":false,
            "singleItem":false,"conflictsOnly":false,"tombstones":true,
            "items":[{"sk":"a\"\u00e9","ct":"tok","v":["aGVsbG8=",null]}],"more":true,"nextStart":"b"}]"#;
        let pages = parse_pages(body, 1).unwrap();
        let item = Item { token: "tok".into(), values: vec!["hello".into(), Value::Tombstone] };
        let entry = Entry { sort_key: "a\"é".into(), item };
        assert_eq!(pages, [Page { items: vec![entry], next_start: Some("b".into()) }]);
    }

    #[test]
    fn a_wrong_number_of_results_is_an_error() {
        assert!(matches!(
            parse_deleted(br#"[{"deletedItems":3}]"#, 2),
            Err(InvalidResponse::ResultCount { sent: 2, received: 1 })
        ));
        assert_eq!(parse_deleted(br#"[{"deletedItems":3}]"#, 1).unwrap(), [3]);
    }

    #[test]
    fn more_without_a_start_is_an_error_as_paging_would_never_end() {
        assert!(matches!(next_start(true, None), Err(InvalidResponse::NoNextStart)));
    }

    use crate::item::Item;
}
