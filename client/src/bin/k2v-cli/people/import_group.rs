//! Items that `import` compares with the server's by one request.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use k2v_client::{BatchRead, Bucket, Entry, Error, Page, Value};

use super::writer::is_refusal;
use crate::failure::Failure;
use crate::output::Line;

/// How many items are compared at a time.
const ITEMS_MAX: usize = 500;

/// How many bytes of values are compared at a time.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// An item and the line that it stands in.
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) line: Line,
}

/// Items of different keys.
#[derive(Default)]
pub(super) struct Group {
    items: Vec<Numbered>,
    keys: BTreeSet<(String, String)>,
    bytes: usize,
}

impl Group {
    pub(super) fn push(&mut self, item: Numbered) {
        self.bytes += item.line.v.iter().filter_map(Value::data).map(Bytes::len).sum::<usize>();
        self.keys.insert((item.line.pk.clone(), item.line.sk.clone()));
        self.items.push(item);
    }

    /// Whether there is an item of the same key.
    pub(super) fn holds(&self, line: &Line) -> bool {
        self.keys.contains(&(line.pk.clone(), line.sk.clone()))
    }

    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= ITEMS_MAX || self.bytes >= BYTES_MAX
    }

    pub(super) fn into_items(self) -> Vec<Numbered> {
        self.items
    }
}

/// What the server says of one item: a page with the item or without, or why it does not take the key.
pub(super) type Answer = Result<Page<Entry>, Error>;

/// Reads items; in halves, if their values are too many for one answer, or if the server refuses one of the keys.
pub(super) fn read_all<'a>(
    bucket: &'a Bucket,
    queries: &'a [BatchRead],
) -> BoxFuture<'a, Result<Vec<Answer>, Failure>> {
    Box::pin(async move {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        match bucket.read_batch(queries).await {
            Ok(pages) => Ok(pages.into_iter().map(Ok).collect()),
            Err(error) if !is_refusal(&error) && !matches!(error, Error::ResponseTooLarge { .. }) => {
                Err(error.into())
            }
            Err(error) if queries.len() == 1 => Ok(vec![Err(error)]),
            Err(_) => {
                let (left, right) = queries.split_at(queries.len() / 2);
                let mut pages = read_all(bucket, left).await?;
                pages.extend(read_all(bucket, right).await?);
                Ok(pages)
            }
        }
    })
}
