//! `conflicts`: every item that holds concurrent values.

use clap::{Args, Subcommand};
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Entry};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Cell, Column, Format, Line, Listing, Row, conflict_preview, count, key, style};
use crate::session::Session;

/// Find the items that hold concurrent values
#[derive(Debug, Args)]
pub(crate) struct Conflicts {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(Ls),
}

/// List every item with concurrent values
///
/// Only partitions whose index counts conflicts are read.
#[derive(Debug, Default, Args)]
struct Ls {
    /// Only this partition
    pk: Option<String>,
}

/// A row whose address is not clear from the command.
#[derive(Serialize)]
#[serde(transparent)]
struct Conflict(Line);

impl Row for Conflict {
    const COLUMNS: &'static [Column] =
        &[Column::key("PARTITION KEY"), Column::key("SORT KEY"), Column::text("VALUES")];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::styled(key(&self.0.pk), style::KEY),
            Cell::styled(key(&self.0.sk), style::KEY),
            Cell::styled(conflict_preview(&self.0.v), style::ODD),
        ]
    }

    fn raw(&self) -> String {
        format!("{}\t{}", self.0.pk, self.0.sk)
    }
}

impl Conflicts {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Command::Ls(ls) = self.command.unwrap_or(Command::Ls(Ls::default()));
        let bucket = session.bucket()?;
        let out = &mut session.out;
        let mut listing = Listing::new::<Conflict>(out.format_or(Format::Table));
        let mut found = 0;
        for pk in partitions_with_conflicts(&bucket, ls.pk).await? {
            let mut items = bucket.items(&pk).conflicts_only();
            while let Some(entry) = items.try_next().await? {
                found += 1;
                listing.push(out, &Conflict(Line::new(&pk, entry)))?;
            }
        }
        listing.finish(out)?;
        if out.is_terminal() {
            session.out.flush()?;
            session.terminal.remark(&format!("{} with concurrent values", count(found, "item")));
        }
        Ok(())
    }
}

/// The partitions worth reading. Their keys are few: those with conflicts only.
pub(crate) async fn partitions_with_conflicts(
    bucket: &Bucket,
    only: Option<String>,
) -> Result<Vec<String>, Failure> {
    if let Some(pk) = only {
        return Ok(vec![pk]);
    }
    let mut keys = Vec::new();
    let mut partitions = bucket.partitions();
    while let Some(partition) = partitions.try_next().await? {
        if partition.conflicts > 0 {
            keys.push(partition.partition_key);
        }
    }
    Ok(keys)
}

/// Every conflict of one partition, in memory: they are resolved one after another.
pub(crate) async fn conflicts_of(bucket: &Bucket, pk: &str) -> Result<Vec<Entry>, Failure> {
    Ok(bucket.items(pk).conflicts_only().try_collect().await?)
}
