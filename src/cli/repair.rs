use super::client::Client;
use super::error::CliError;
use super::table::print;
use crate::admin::model::AcceptDataLossResponse;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(super) struct RepairArgs {
    /// Do it
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    what: Repair,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Repair {
    /// Have this node vote in reads again, although its data was not compared with all other replicas since it was lost
    LostData,
}

/// What an operator has to know first.
const WHAT_MAY_BE_MISSING: &str = "\
A node whose store is an older copy, or new, votes in no read until each of its shards was compared with every other replica. This
command ends the wait. What no replica holds that is up now is then missing from reads: writes that were acknowledged by this node
and by one that is away, and deletions, so that deleted items come back. Both are mended as far as those nodes return with
their data. Use it only if they do not.\n";

pub(super) async fn run(client: &Client, args: &RepairArgs) -> Result<(), CliError> {
    match args.what {
        Repair::LostData if !args.yes => {
            print(WHAT_MAY_BE_MISSING)?;
            Err(CliError::NeedsYes)
        }
        Repair::LostData => {
            let accepted: AcceptDataLossResponse = client.post("AcceptDataLoss", &[], &()).await?;
            Ok(print(&match accepted.was_waiting {
                Some(reason) => format!("The wait is over. It was: {reason}."),
                None => "This node votes in reads already: there was nothing to wait for.".to_owned(),
            })?)
        }
    }
}
