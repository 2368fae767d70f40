//! `list`: the items of a partition.

use clap::Args;

use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::Filter;
use crate::people::ls;
use crate::session::Session;

/// List the items of a partition
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    address: PartitionAddress,
    #[command(flatten)]
    filter: Filter,
}

impl List {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        ls::list_items(session, &bucket, self.address.pk(), self.filter.selection()).await
    }
}
