//! `read-index`: the partitions of a bucket, counted.

use clap::Args;
use futures_util::{Stream, TryStreamExt, stream};
use k2v_client::{Bucket, Error, Page, Partition};

use super::index_table::IndexTable;
use super::json_list::{Head, JsonList, PartitionJson};
use super::list_output::ListOutput;
use super::read_range::print_head;
use crate::failure::Failure;
use crate::filter::Paged;
use crate::output::{Format, Out};
use crate::people::ls;
use crate::session::Session;

/// List the partitions of a bucket, with counts
///
/// In the order of the partition keys, with --reverse as well: it only changes what --start, --end and --limit choose. With --limit,
/// the key is printed that the next page starts at.
#[derive(Debug, Args)]
pub(crate) struct ReadIndex {
    #[command(flatten)]
    page: Paged,
    #[command(flatten)]
    output: ListOutput,
}

impl ReadIndex {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let format = self.output.format(&session.out);
        if matches!(format, Format::Jsonl | Format::Raw) {
            return ls::list_partitions(session, &bucket, self.page.key_range()).await;
        }
        let out = &mut session.out;
        if self.page.is_straight() {
            let partitions = bucket.partitions().range(self.page.key_range());
            return print(out, format, Head::NextKey(None), partitions).await;
        }
        let Page { mut items, next_start } = self.read(&bucket).await?;
        items.sort_by(|a, b| a.partition_key.cmp(&b.partition_key));
        print(out, format, Head::NextKey(next_start), stream::iter(items.into_iter().map(Ok))).await
    }

    /// What is in memory before it is printed, as for `read-range`.
    async fn read(&self, bucket: &Bucket) -> Result<Page<Partition>, Error> {
        if self.page.limit.is_some() {
            return bucket.read_index(&self.page.key_range()).await;
        }
        let items = bucket.partitions().range(self.page.key_range()).try_collect().await?;
        Ok(Page { items, next_start: None })
    }
}

async fn print(
    out: &mut Out,
    format: Format,
    head: Head,
    partitions: impl Stream<Item = Result<Partition, Error>>,
) -> Result<(), Failure> {
    let mut partitions = std::pin::pin!(partitions);
    if format == Format::Table {
        print_head(out, &head)?;
        let mut table = IndexTable::default();
        while let Some(partition) = partitions.try_next().await? {
            table.push(out, &partition)?;
        }
        return table.finish(out);
    }
    let mut list = JsonList::begin(out, &head)?;
    while let Some(partition) = partitions.try_next().await? {
        list.push(out, &PartitionJson::from(partition))?;
    }
    list.finish(out)
}
