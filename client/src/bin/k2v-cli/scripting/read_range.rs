//! `read-range`: items of a partition.

use clap::Args;
use futures_util::{Stream, TryStreamExt, stream};
use k2v_client::{Bucket, Entry, Error, Page};

use super::json_list::{EntryJson, Head, JsonList};
use super::list_output::ListOutput;
use super::value_text::{Heading, key_text, value_line};
use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::Filter;
use crate::output::{Format, Out, sorted};
use crate::people::ls;
use crate::session::Session;

/// Read the items of a partition that a filter chooses
///
/// In the order of the sort keys, with --reverse as well: it only changes what --start, --end and --limit choose. With --limit, the
/// key is printed that the next page starts at.
#[derive(Debug, Args)]
pub(crate) struct ReadRange {
    #[command(flatten)]
    address: PartitionAddress,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    output: ListOutput,
}

impl ReadRange {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let pk = self.address.pk();
        let format = self.output.format(&session.out);
        if matches!(format, Format::Jsonl | Format::Raw) {
            return ls::list_items(session, &bucket, pk, self.filter.selection()).await;
        }
        let out = &mut session.out;
        if self.filter.page.is_straight() {
            let items = ls::items(&bucket, pk, self.filter.selection());
            return print_entries(out, format, Head::NextKey(None), items).await;
        }
        let Page { mut items, next_start } = self.page(&bucket).await?;
        items.sort_by(|a, b| a.sort_key.cmp(&b.sort_key));
        print_entries(out, format, Head::NextKey(next_start), stream::iter(items.into_iter().map(Ok))).await
    }

    /// What is in memory before it is printed: a page of the server's, as only the server knows where the next one starts, or a whole
    /// range that comes the wrong way round.
    async fn page(&self, bucket: &Bucket) -> Result<Page<Entry>, Error> {
        let pk = self.address.pk();
        if self.filter.page.limit.is_none() {
            let items = ls::items(bucket, pk, self.filter.selection()).try_collect().await?;
            return Ok(Page { items, next_start: None });
        }
        let mut pages = bucket.read_batch(&[self.filter.batch_read(pk)]).await?;
        Ok(pages.pop().unwrap_or(Page { items: Vec::new(), next_start: None }))
    }
}

/// Prints items, as text for people or as JSON.
pub(crate) async fn print_entries(
    out: &mut Out,
    format: Format,
    head: Head,
    entries: impl Stream<Item = Result<Entry, Error>>,
) -> Result<(), Failure> {
    let mut entries = std::pin::pin!(entries);
    if format != Format::Table {
        let mut list = JsonList::begin(out, &head)?;
        while let Some(entry) = entries.try_next().await? {
            list.push(out, &EntryJson::from(entry))?;
        }
        return list.finish(out);
    }
    print_head(out, &head)?;
    while let Some(entry) = entries.try_next().await? {
        out.line(&format!("sort_key: {}", key_text(out, &entry.sort_key)))?;
        out.line(&format!("causality: {}", entry.item.token.as_str()))?;
        for value in sorted(entry.item.values) {
            out.line(&value_line(&value, Heading::List, out.is_terminal()))?;
        }
    }
    Ok(())
}

/// Prints the line that stands before the values of a list, if there is one.
pub(crate) fn print_head(out: &mut Out, head: &Head) -> Result<(), Failure> {
    match head {
        Head::NextKey(None) => Ok(()),
        Head::NextKey(Some(key)) => out.line(&format!("next key: {}", key_text(out, key))),
        Head::SeenMarker(marker) => out.line(&format!("seen marker: {marker}")),
    }
}
