//! `read`: prints one item.

use clap::Args;

use super::item_output::ItemOutput;
use crate::address::ItemAddress;
use crate::failure::Failure;
use crate::session::Session;

/// Read one item
///
/// Fails with 3 if the item was never written. An item that was deleted exists: it reads as a tombstone.
#[derive(Debug, Args)]
pub(crate) struct Read {
    #[command(flatten)]
    address: ItemAddress,
    #[command(flatten)]
    output: ItemOutput,
}

impl Read {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let item = bucket.read_item(self.address.pk(), self.address.sk()).await?;
        self.output.print(&mut session.out, &item)
    }
}
