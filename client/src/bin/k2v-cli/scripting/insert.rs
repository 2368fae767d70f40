//! `insert`: writes one value.

use clap::Args;
use k2v_client::CausalityToken;

use super::value_input::ValueInput;
use crate::address::ItemAddress;
use crate::failure::Failure;
use crate::session::Session;

/// Write one value
///
/// Without a causality token the value is added beside the values that are there. With the token of a read it takes
/// their place. (`put` reads and passes the token by itself.)
#[derive(Debug, Args)]
pub(crate) struct Insert {
    #[command(flatten)]
    address: ItemAddress,
    /// The causality token of the read that this write is based on
    #[arg(short, long, value_name = "TOKEN", allow_hyphen_values = true)]
    causality: Option<CausalityToken>,
    #[command(flatten)]
    value: ValueInput,
}

impl Insert {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let value = self.value.read()?;
        let (pk, sk) = (self.address.pk(), self.address.sk());
        bucket.insert_item(pk, sk, value, self.causality.as_ref()).await.map_err(Failure::write)
    }
}
