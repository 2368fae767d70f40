//! `read-range`: items of a partition.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Entry, Page, Value};
use serde::Serialize;

use super::read_index::ListOutput;
use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::Filter;
use crate::output::{Format, Line, Listing, Out, sorted};
use crate::people::ls;
use crate::session::Session;

/// Read the items of a partition that a filter chooses
#[derive(Debug, Args)]
pub(crate) struct ReadRange {
    #[command(flatten)]
    address: PartitionAddress,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    output: ListOutput,
}

/// An item within a list, with the protocol's names.
#[derive(Serialize)]
pub(crate) struct ItemJson {
    sk: String,
    ct: String,
    v: Vec<Value>,
}

impl From<Entry> for ItemJson {
    fn from(entry: Entry) -> Self {
        Self { sk: entry.sort_key, ct: entry.item.token.into(), v: sorted(entry.item.values) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RangeJson<'a> {
    partition_key: &'a str,
    items: Vec<ItemJson>,
    more: bool,
    next_start: Option<String>,
}

impl ReadRange {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let pk = self.address.pk();
        let out = &mut session.out;
        match self.output.format(out) {
            Format::Json if self.filter.limit.is_some() => self.print_page(&bucket, pk, out).await,
            Format::Json => self.print_all(&bucket, pk, out).await,
            Format::Table | Format::Jsonl | Format::Raw => {
                ls::list_items(session, &bucket, pk, &self.filter).await
            }
        }
    }

    /// The server's own page: only it says where the next one starts.
    async fn print_page(&self, bucket: &Bucket, pk: &str, out: &mut Out) -> Result<(), Failure> {
        let mut pages = bucket.read_batch(&[self.filter.batch_read(pk)]).await?;
        let page = pages.pop().unwrap_or(Page { items: Vec::new(), next_start: None });
        out.json_line(&RangeJson {
            partition_key: pk,
            items: page.items.into_iter().map(ItemJson::from).collect(),
            more: page.next_start.is_some(),
            next_start: page.next_start,
        })
    }

    /// The same shape, streamed: the range may be larger than the memory.
    async fn print_all(&self, bucket: &Bucket, pk: &str, out: &mut Out) -> Result<(), Failure> {
        out.text("{\"partitionKey\":")?;
        out.json(&pk)?;
        out.text(",\"items\":[")?;
        let mut items = ls::items(bucket, pk, &self.filter);
        let mut separator = "";
        while let Some(entry) = items.try_next().await? {
            out.text(separator)?;
            out.json(&ItemJson::from(entry))?;
            separator = ",";
        }
        out.line("],\"more\":false,\"nextStart\":null}")
    }
}

/// Prints a list that is in memory already.
pub(crate) fn print_items(out: &mut Out, pk: &str, items: Vec<Entry>, format: Format) -> Result<(), Failure> {
    let mut listing = Listing::new::<Line>(format);
    for entry in items {
        listing.push(out, &Line::new(pk, entry))?;
    }
    listing.finish(out)
}
