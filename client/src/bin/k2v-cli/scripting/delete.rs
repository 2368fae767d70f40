//! `delete`: deletes one item.

use clap::Args;
use k2v_client::CausalityToken;

use crate::address::ItemAddress;
use crate::failure::Failure;
use crate::session::Session;

/// Delete one item
///
/// Without a causality token the item is read first, and what was read is deleted.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    address: ItemAddress,
    /// The causality token of the read that this deletion is based on
    #[arg(short, long, value_name = "TOKEN", allow_hyphen_values = true)]
    causality: Option<CausalityToken>,
}

impl Delete {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let (pk, sk) = (self.address.pk(), self.address.sk());
        let token = match self.causality {
            Some(token) => token,
            None => bucket.read_item(pk, sk).await?.token,
        };
        bucket.delete_item(pk, sk, &token).await.map_err(Failure::write)
    }
}
