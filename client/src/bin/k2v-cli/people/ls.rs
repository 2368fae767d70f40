//! `ls`: the partitions of a bucket, or the items of a partition.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Items, Partition};

use crate::failure::Failure;
use crate::filter::{Filter, Part};
use crate::output::{Cell, Column, Format, Line, Listing, Row, bytes, key, style};
use crate::session::Session;

/// List partitions, or the items of a partition
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The partition key; without it, the partitions themselves are listed
    pk: Option<String>,
    #[command(flatten)]
    filter: Filter,
}

impl Ls {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        match &self.pk {
            Some(pk) => list_items(session, &bucket, pk, &self.filter).await,
            None => {
                let command = "`ls` without a partition key";
                self.filter.refuse(command, &[Part::ConflictsOnly, Part::Tombstones])?;
                list_partitions(session, &bucket, &self.filter).await
            }
        }
    }
}

/// The items that a filter chooses, as a stream.
pub(crate) fn items(bucket: &Bucket, pk: &str, filter: &Filter) -> Items {
    let mut items = bucket.items(pk).range(filter.key_range());
    if filter.conflicts_only {
        items = items.conflicts_only();
    }
    if filter.tombstones {
        items = items.tombstones();
    }
    items
}

pub(crate) async fn list_items(
    session: &mut Session,
    bucket: &Bucket,
    pk: &str,
    filter: &Filter,
) -> Result<(), Failure> {
    let out = &mut session.out;
    let mut listing = Listing::new::<Line>(out.format_or(Format::Table));
    let mut items = items(bucket, pk, filter);
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
    filter: &Filter,
) -> Result<(), Failure> {
    let out = &mut session.out;
    let mut listing = Listing::new::<Partition>(out.format_or(Format::Table));
    let mut partitions = bucket.partitions().range(filter.key_range());
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
        Column::text("PARTITION KEY"),
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
