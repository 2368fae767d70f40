//! `rm`: deletes items, ranges of them, or everything in a bucket.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Error, KeyRange};

use super::deleted::report;
use super::{empty, ls};
use crate::failure::Failure;
use crate::filter::{Selection, Span};
use crate::output::{Format, Line, Listing, count, key};
use crate::session::Session;

/// Delete items
///
/// `rm PK SK…` deletes items; `rm PK --prefix X`, `--start`, `--end` or `--all` deletes a range; `rm --all-partitions` empties
/// the bucket. What is deleted is what was there when the command read it: a value that is written meanwhile stays.
///
/// At a terminal, a range is asked for. Without one, --all and --all-partitions need --yes.
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The partition key
    #[arg(required_unless_present = "all_partitions")]
    pk: Option<String>,
    /// The sort keys
    #[arg(conflicts_with_all = ["prefix", "start", "end", "all"])]
    sk: Vec<String>,
    #[command(flatten)]
    span: Span,
    /// Every item of the partition
    #[arg(short, long, conflicts_with_all = ["prefix", "start", "end"], help_heading = "Filter")]
    all: bool,
    /// Every item of every partition of the bucket
    #[arg(long, conflicts_with_all = ["pk", "prefix", "start", "end", "all"], help_heading = "Filter")]
    all_partitions: bool,
    /// Only say what would be deleted
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Rm {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Some(pk) = &self.pk else { return empty::run(session, self.dry_run, self.yes).await };
        if self.sk.is_empty() {
            return self.delete_range(session, pk).await;
        }
        let bucket = session.bucket()?;
        for sk in &self.sk {
            if self.dry_run {
                bucket.read_item(pk, sk).await?;
                session.out.line(&format!("would delete {}", key(sk)))?;
            } else {
                delete_item(&bucket, pk, sk).await?;
            }
        }
        Ok(())
    }

    /// Deletes what the options choose of a partition.
    async fn delete_range(&self, session: &mut Session, pk: &str) -> Result<(), Failure> {
        if self.span.is_everything() && !self.all {
            return Err(Failure::usage(
                "say what to delete: sort keys, --prefix, --start, --end, or --all for the whole partition",
            ));
        }
        let bucket = session.bucket()?;
        if self.dry_run {
            return self.list(session, &bucket, pk).await;
        }
        if session.terminal.is_interactive() && !self.yes {
            let items = count(self.count(&bucket, pk).await?, "item");
            session.terminal.confirm(&format!("Delete {items} of {}?", key(pk)))?;
        } else if self.all && !self.yes {
            return Err(Failure::usage(
                "there is no terminal to ask at: `rm PK --all` deletes the whole partition only with --yes",
            ));
        }
        let deleted = bucket.delete_batch(&[self.span.batch_delete(pk)]).await.map_err(Failure::write)?;
        report(session, deleted.into_iter().sum())
    }

    /// How many items will be deleted. The index counts whole partitions; ranges are read.
    async fn count(&self, bucket: &Bucket, pk: &str) -> Result<u64, Error> {
        if self.all {
            let page = bucket.read_index(&KeyRange::all().start(pk).limit(1)).await?;
            let found = page.items.into_iter().find(|partition| partition.partition_key == pk);
            return Ok(found.map_or(0, |partition| partition.entries));
        }
        ls::items(bucket, pk, self.selection()).try_fold(0, async |items, _| Ok(items + 1)).await
    }

    async fn list(&self, session: &mut Session, bucket: &Bucket, pk: &str) -> Result<(), Failure> {
        let out = &mut session.out;
        let mut listing = Listing::new::<Line>(out.format_or(Format::Table));
        let mut items = ls::items(bucket, pk, self.selection());
        let mut found = 0;
        while let Some(entry) = items.try_next().await? {
            found += 1;
            listing.push(out, &Line::new(pk, entry))?;
        }
        listing.finish(out)?;
        out.flush()?;
        session.terminal.remark(&format!("{} would be deleted; nothing was", count(found, "item")));
        Ok(())
    }

    fn selection(&self) -> Selection {
        Selection { range: self.span.key_range(), ..Selection::default() }
    }
}

async fn delete_item(bucket: &Bucket, pk: &str, sk: &str) -> Result<(), Failure> {
    let item = bucket.read_item(pk, sk).await?;
    if item.is_tombstone() {
        return Ok(());
    }
    bucket.delete_item(pk, sk, &item.token).await.map_err(Failure::write)
}
