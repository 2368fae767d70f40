//! `poll-item`: waits for one item to change.

use std::time::Duration;

use clap::Args;
use k2v_client::CausalityToken;

use super::item_output::ItemOutput;
use super::list_output::print_unchanged;
use crate::address::ItemAddress;
use crate::failure::Failure;
use crate::session::Session;

/// Wait until an item changes, then print it
///
/// Returns as soon as the item holds something that the token does not cover, at once if it already does. If nothing changes in
/// time, a line says so (with --json: null), and the exit code is 0.
#[derive(Debug, Args)]
pub(crate) struct PollItem {
    #[command(flatten)]
    address: ItemAddress,
    /// The causality token of the read whose successor is wanted
    #[arg(short, long, value_name = "TOKEN", allow_hyphen_values = true)]
    causality: CausalityToken,
    /// How long to wait, in seconds [default: the server's, 300]
    #[arg(short = 'T', long, value_name = "SECS")]
    timeout: Option<u64>,
    #[command(flatten)]
    output: ItemOutput,
}

impl PollItem {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let timeout = self.timeout.map(Duration::from_secs);
        let (pk, sk) = (self.address.pk(), self.address.sk());
        let polled = bucket.poll_item(pk, sk, &self.causality, timeout).await?;
        let out = &mut session.out;
        match polled {
            Some(item) => self.output.print(out, &item),
            None => print_unchanged(out, self.output.format(out)),
        }
    }
}
