//! `ls`: the partitions of a bucket, or the items of a partition.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Items, KeyRange, Partition};

use crate::failure::Failure;
use crate::filter::{Selection, Span};
use crate::output::{Cell, Column, Format, Line, Listing, Row, bytes, key, style};
use crate::session::Session;

/// List partitions, or the items of a partition
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The partition key; without it, the partitions themselves are listed
    pk: Option<String>,
    #[command(flatten)]
    span: Span,
    /// At most so many
    #[arg(short, long, value_name = "N", help_heading = "Filter")]
    limit: Option<u64>,
    /// From the highest key down: --start is then the highest key
    #[arg(short, long, help_heading = "Filter")]
    reverse: bool,
    /// Only items with concurrent values
    #[arg(short, long, requires = "pk", help_heading = "Filter")]
    conflicts_only: bool,
    /// Also items that are deleted
    #[arg(short, long, requires = "pk", help_heading = "Filter")]
    tombstones: bool,
}

impl Ls {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let range = KeyRange { limit: self.limit, reverse: self.reverse, ..self.span.key_range() };
        let Some(pk) = &self.pk else { return list_partitions(session, &bucket, range).await };
        let selection = Selection { range, conflicts_only: self.conflicts_only, tombstones: self.tombstones };
        list_items(session, &bucket, pk, selection).await
    }
}

/// The chosen items of a partition, as a stream.
pub(crate) fn items(bucket: &Bucket, pk: &str, selection: Selection) -> Items {
    let mut items = bucket.items(pk).range(selection.range);
    if selection.conflicts_only {
        items = items.conflicts_only();
    }
    if selection.tombstones {
        items = items.tombstones();
    }
    items
}

pub(crate) async fn list_items(
    session: &mut Session,
    bucket: &Bucket,
    pk: &str,
    selection: Selection,
) -> Result<(), Failure> {
    let out = &mut session.out;
    let mut listing = Listing::new::<Line>(out.format_or(Format::Table));
    let mut items = items(bucket, pk, selection);
    while let Some(entry) = items.try_next().await? {
        listing.push(out, &Line::new(pk, entry))?;
    }
    if listing.is_empty() && out.is_terminal() {
        session.terminal.remark("nothing matches");
    }
    listing.finish(out)
}

pub(crate) async fn list_partitions(
    session: &mut Session,
    bucket: &Bucket,
    range: KeyRange,
) -> Result<(), Failure> {
    let out = &mut session.out;
    let mut listing = Listing::new::<Partition>(out.format_or(Format::Table));
    let mut partitions = bucket.partitions().range(range);
    while let Some(partition) = partitions.try_next().await? {
        listing.push(out, &partition)?;
    }
    if listing.is_empty() && out.is_terminal() {
        session.terminal.remark("nothing matches");
    }
    listing.finish(out)
}

impl Row for Partition {
    const COLUMNS: &'static [Column] = &[
        Column::key("PARTITION KEY"),
        Column::number("ITEMS"),
        Column::number("CONFLICTS"),
        Column::number("VALUES"),
        Column::number("SIZE"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let conflicts = self.conflicts.to_string();
        vec![
            Cell::styled(key(&self.partition_key), style::KEY),
            Cell::number(self.entries),
            if self.conflicts == 0 { Cell::plain(conflicts) } else { Cell::styled(conflicts, style::ODD) },
            Cell::number(self.values),
            Cell::plain(bytes(self.bytes)),
        ]
    }

    fn raw(&self) -> String {
        self.partition_key.clone()
    }
}
