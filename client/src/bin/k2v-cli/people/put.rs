//! `put`: writes a value.

use std::io::IsTerminal;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use k2v_client::{CausalityToken, Error};

use crate::failure::Failure;
use crate::scripting::read_input;
use crate::session::Session;

/// Write a value
///
/// The value is the third argument, a file, or the standard input. As it is, the value is added beside those that are there; with
/// --update it takes their place.
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The partition key
    pk: String,
    /// The sort key
    sk: String,
    /// The value, as text
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    /// The value is the content of a file; - is the standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["value", "base64"])]
    file: Option<String>,
    /// The value, in base64
    #[arg(long, value_name = "BASE64", allow_hyphen_values = true, conflicts_with = "value")]
    base64: Option<String>,
    /// Replace what is there: read the item first, and pass its causality token
    #[arg(short, long, conflicts_with = "causality")]
    update: bool,
    /// The causality token of the read that this write is based on
    #[arg(short, long, value_name = "TOKEN", allow_hyphen_values = true)]
    causality: Option<CausalityToken>,
}

impl Put {
    pub(crate) async fn run(mut self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let value = self.read_value()?;
        let token = if self.update {
            match bucket.read_item(&self.pk, &self.sk).await {
                Ok(item) => Some(item.token),
                Err(Error::NoSuchKey(_)) => None,
                Err(error) => return Err(error.into()),
            }
        } else {
            self.causality
        };
        Ok(bucket.insert_item(&self.pk, &self.sk, value, token.as_ref()).await?)
    }

    fn read_value(&mut self) -> Result<Vec<u8>, Failure> {
        if let Some(value) = self.value.take() {
            return Ok(value.into_bytes());
        }
        if let Some(base64) = self.base64.take() {
            let decoded = STANDARD.decode(base64.trim());
            return decoded.map_err(|error| Failure::usage(format!("the value is not base64: {error}")));
        }
        match self.file.take() {
            Some(path) => read_input(&path),
            None if std::io::stdin().is_terminal() => Err(Failure::usage(
                "there is no value: give it as the third argument, with --file, or on the standard input",
            )),
            None => read_input("-"),
        }
    }
}
