//! How long a walk through a bucket will be.

use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use k2v_client::{Bucket, Error};

use crate::terminal::Terminal;

/// A bar as long as the bucket has items, from the server's index. The index is read only if somebody sees the bar.
pub(crate) async fn bar(
    terminal: Terminal,
    bucket: &Bucket,
    prefix: Option<&str>,
) -> Result<ProgressBar, Error> {
    if !terminal.shows_progress() {
        return Ok(ProgressBar::hidden());
    }
    let mut partitions = bucket.partitions();
    if let Some(prefix) = prefix {
        partitions = partitions.prefix(prefix);
    }
    let items = partitions.try_fold(0_u64, async |sum, partition| Ok(sum.saturating_add(partition.entries)));
    Ok(terminal.bar(items.await?, "items"))
}
