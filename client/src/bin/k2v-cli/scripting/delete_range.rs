//! `delete-range`: deletes items of a partition.

use clap::Args;

use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::Filter;
use crate::people::rm::{RangeDeletion, delete_range};
use crate::session::Session;

/// Delete the items of a partition that a filter chooses
///
/// --prefix, --start and --end choose; --all chooses the whole partition. Prints how many items were deleted.
#[derive(Debug, Args)]
pub(crate) struct DeleteRange {
    #[command(flatten)]
    address: PartitionAddress,
    #[command(flatten)]
    filter: Filter,
    /// Only say what would be deleted
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask, even at a terminal
    #[arg(short, long)]
    yes: bool,
}

impl DeleteRange {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let deletion = RangeDeletion { is_dry_run: self.dry_run, is_granted: self.yes };
        delete_range(session, self.address.pk(), &self.filter, deletion).await
    }
}
