//! `rm`: deletes items, or ranges of them.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Error};

use super::ls;
use crate::failure::Failure;
use crate::filter::{Filter, Part};
use crate::output::{Format, Line, Listing, count, key};
use crate::session::Session;

/// Delete items
///
/// `rm PK SK…` deletes items; `rm PK --prefix X`, `--start`, `--end` or `--all` deletes a range. What is deleted is what was there
/// when the command read it: a value that is written meanwhile stays.
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The partition key
    pk: String,
    /// The sort keys
    sk: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Only say what would be deleted
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask, even at a terminal
    #[arg(short, long)]
    yes: bool,
}

/// How careful a deletion of a range is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeDeletion {
    pub(crate) is_dry_run: bool,
    pub(crate) is_granted: bool,
}

/// The options of a filter that a deletion cannot honour, and must not ignore.
const USELESS: [Part; 4] = [Part::Limit, Part::Reverse, Part::ConflictsOnly, Part::Tombstones];

impl Rm {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        if self.sk.is_empty() {
            let deletion = RangeDeletion { is_dry_run: self.dry_run, is_granted: self.yes };
            return delete_range(session, &self.pk, &self.filter, deletion).await;
        }
        if self.filter.all || !self.filter.chooses_everything() {
            return Err(Failure::usage("give sort keys or a range, not both"));
        }
        self.filter.refuse("rm", &USELESS)?;
        let bucket = session.bucket()?;
        for sk in &self.sk {
            if self.dry_run {
                bucket.read_item(&self.pk, sk).await?;
                session.out.line(&format!("would delete {}", key(sk)))?;
            } else {
                delete_item(&bucket, &self.pk, sk).await?;
            }
        }
        Ok(())
    }
}

async fn delete_item(bucket: &Bucket, pk: &str, sk: &str) -> Result<(), Error> {
    let item = bucket.read_item(pk, sk).await?;
    if item.is_tombstone() { Ok(()) } else { bucket.delete_item(pk, sk, &item.token).await }
}

/// Deletes what a filter chooses, after a question at a terminal.
pub(crate) async fn delete_range(
    session: &mut Session,
    pk: &str,
    filter: &Filter,
    deletion: RangeDeletion,
) -> Result<(), Failure> {
    filter.refuse("a deletion", &USELESS)?;
    if filter.chooses_everything() && !filter.all {
        return Err(Failure::usage(
            "say what to delete: --prefix, --start, --end, or --all for the whole partition",
        ));
    }
    let bucket = session.bucket()?;
    if deletion.is_dry_run {
        return dry_run(session, &bucket, pk, filter).await;
    }
    if session.terminal.is_interactive() && !deletion.is_granted {
        let items = count(count_items(&bucket, pk, filter).await?, "item");
        session.terminal.confirm(&format!("Delete {items} of {}?", key(pk)), false)?;
    }
    let deleted = bucket.delete_batch(&[filter.batch_delete(pk)]).await?.into_iter().sum();
    match session.out.format_or(Format::Table) {
        Format::Table => session.out.line(&format!("{} deleted", count(deleted, "item"))),
        Format::Raw => session.out.line(&deleted.to_string()),
        Format::Json | Format::Jsonl => {
            session.out.json_line(&serde_json::json!({ "deletedItems": deleted }))
        }
    }
}

async fn count_items(bucket: &Bucket, pk: &str, filter: &Filter) -> Result<u64, Error> {
    ls::items(bucket, pk, filter).try_fold(0, async |items, _| Ok(items + 1)).await
}

async fn dry_run(session: &mut Session, bucket: &Bucket, pk: &str, filter: &Filter) -> Result<(), Failure> {
    let out = &mut session.out;
    let mut listing = Listing::new::<Line>(out.format_or(Format::Table));
    let mut items = ls::items(bucket, pk, filter);
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
