//! `delete-range`: deletes items of a partition.

use clap::Args;

use super::list_output::ListOutput;
use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::Keys;
use crate::output::Format;
use crate::session::Session;

/// Delete the items of a partition that a filter chooses
///
/// --prefix, --start and --end choose; --all chooses the whole partition. Prints how many items were deleted. Nothing is asked:
/// scripts run at terminals, too. (`rm` asks.)
#[derive(Debug, Args)]
pub(crate) struct DeleteRange {
    #[command(flatten)]
    address: PartitionAddress,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    output: ListOutput,
}

impl DeleteRange {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Keys { span, all } = &self.keys;
        if span.is_everything() && !all {
            return Err(Failure::usage(
                "say what to delete: --prefix, --start, --end, or --all for the whole partition",
            ));
        }
        let bucket = session.bucket()?;
        let deleted = bucket.delete_batch(&[span.batch_delete(self.address.pk())]).await;
        let deleted = deleted.map_err(Failure::write)?;
        let deleted: u64 = deleted.into_iter().sum();
        match self.output.format(&session.out) {
            Format::Table => session.out.line(&format!("deleted {deleted} keys")),
            Format::Json | Format::Jsonl | Format::Raw => session.out.line(&deleted.to_string()),
        }
    }
}
