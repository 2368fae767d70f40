//! `rm --all-partitions`: every item of a bucket.

use futures_util::TryStreamExt;
use k2v_client::{BatchDelete, Bucket, Partition};

use super::deleted::report;
use crate::failure::Failure;
use crate::output::{Format, Listing, count, key};
use crate::session::Session;

/// How many partitions are deleted by one request: few enough for its answer to come in time.
const PARTITIONS_AT_ONCE: usize = 20;

/// Empties the bucket, after a question at a terminal.
pub(super) async fn run(session: &mut Session, is_dry_run: bool, is_granted: bool) -> Result<(), Failure> {
    let bucket = session.bucket()?;
    let name = key(bucket.name()).into_owned();
    if is_dry_run {
        return list(session, &bucket).await;
    }
    if !is_granted {
        if !session.terminal.is_interactive() {
            return Err(Failure::usage(
                "there is no terminal to ask at: --all-partitions empties the bucket only with --yes",
            ));
        }
        let (partitions, items) = count_all(&bucket).await?;
        let (partitions, items) = (count(partitions, "partition"), count(items, "item"));
        session.terminal.confirm(&format!("Delete all {items} in {partitions} of the bucket {name}?"))?;
    }
    let (deleted, done) = delete_all(session, &bucket).await;
    match done {
        Ok(()) => report(session, deleted),
        Err(failure) => {
            session.terminal.remark(&format!("{} deleted before the failure", count(deleted, "item")));
            Err(failure)
        }
    }
}

async fn count_all(bucket: &Bucket) -> Result<(u64, u64), Failure> {
    let add = async |(partitions, items): (u64, u64), partition: Partition| {
        Ok((partitions + 1, items.saturating_add(partition.entries)))
    };
    Ok(bucket.partitions().try_fold((0, 0), add).await?)
}

/// The number of deleted items is known also when a request fails.
async fn delete_all(session: &Session, bucket: &Bucket) -> (u64, Result<(), Failure>) {
    let counter = session.terminal.counter("items");
    let mut chunks = bucket.partitions().try_chunks(PARTITIONS_AT_ONCE);
    let mut deleted = 0;
    let done = loop {
        let partitions = match chunks.try_next().await {
            Ok(Some(partitions)) => partitions,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.1.into()),
        };
        let queries: Vec<_> =
            partitions.into_iter().map(|partition| BatchDelete::all(partition.partition_key)).collect();
        match bucket.delete_batch(&queries).await {
            Ok(counts) => deleted += counts.into_iter().sum::<u64>(),
            Err(error) => break Err(Failure::write(error)),
        }
        counter.set_position(deleted);
    };
    counter.finish_and_clear();
    (deleted, done)
}

async fn list(session: &mut Session, bucket: &Bucket) -> Result<(), Failure> {
    let out = &mut session.out;
    let mut listing = Listing::new::<Partition>(out.format_or(Format::Table));
    let mut partitions = bucket.partitions();
    let (mut found, mut items) = (0, 0_u64);
    while let Some(partition) = partitions.try_next().await? {
        found += 1;
        items = items.saturating_add(partition.entries);
        listing.push(out, &partition)?;
    }
    listing.finish(out)?;
    out.flush()?;
    let (partitions, items) = (count(found, "partition"), count(items, "item"));
    session.terminal.remark(&format!("{items} in {partitions} would be deleted; nothing was"));
    Ok(())
}
