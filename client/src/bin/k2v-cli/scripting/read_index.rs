//! `read-index`: the partitions of a bucket, counted.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Partition};
use serde::Serialize;

use crate::failure::Failure;
use crate::filter::{Filter, Part};
use crate::output::{Format, Out};
use crate::people::ls;
use crate::session::Session;

/// List the partitions of a bucket, with counts
#[derive(Debug, Args)]
pub(crate) struct ReadIndex {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    output: ListOutput,
}

/// How lists are printed; for people if nothing is given.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ListOutput {
    /// For people: a table
    #[arg(short = 'H', long)]
    human: bool,
    /// JSON, as the server gives it
    #[arg(short, long)]
    json: bool,
}

impl ListOutput {
    /// The format that a letter asks for; where none does, --output may.
    pub(crate) fn format(self, out: &Out) -> Format {
        match (self.human, self.json) {
            (true, _) => Format::Table,
            (false, true) => Format::Json,
            (false, false) => out.format_or(Format::Table),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexJson {
    partition_keys: Vec<Partition>,
    more: bool,
    next_start: Option<String>,
}

impl ReadIndex {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        self.filter.refuse("read-index", &[Part::ConflictsOnly, Part::Tombstones])?;
        let bucket = session.bucket()?;
        let out = &mut session.out;
        match self.output.format(out) {
            Format::Json if self.filter.limit.is_some() => self.print_page(&bucket, out).await,
            Format::Json => self.print_all(&bucket, out).await,
            Format::Table | Format::Jsonl | Format::Raw => {
                ls::list_partitions(session, &bucket, &self.filter).await
            }
        }
    }

    /// The server's own page: only it says where the next one starts.
    async fn print_page(&self, bucket: &Bucket, out: &mut Out) -> Result<(), Failure> {
        let page = bucket.read_index(&self.filter.key_range()).await?;
        out.json_line(&IndexJson {
            more: page.next_start.is_some(),
            partition_keys: page.items,
            next_start: page.next_start,
        })
    }

    /// The same shape, streamed: the index may be larger than the memory.
    async fn print_all(&self, bucket: &Bucket, out: &mut Out) -> Result<(), Failure> {
        out.text("{\"partitionKeys\":[")?;
        let mut partitions = bucket.partitions().range(self.filter.key_range());
        let mut separator = "";
        while let Some(partition) = partitions.try_next().await? {
            out.text(separator)?;
            out.json(&partition)?;
            separator = ",";
        }
        out.line("],\"more\":false,\"nextStart\":null}")
    }
}
