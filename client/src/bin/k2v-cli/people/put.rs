//! `put`: writes a value.

use std::io::IsTerminal;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use k2v_client::{Bucket, CausalityToken, Error};

use super::siblings::refused_write;
use crate::failure::Failure;
use crate::input::read_input;
use crate::session::Session;

/// Write a value
///
/// The value is the third argument, a file, or the standard input. It replaces what a reader sees now: the item is read first, and
/// its causality token passed on. A value that is written in between stays, as a concurrent one. If the item holds concurrent values
/// already, nothing is written, and the exit code is 4.
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
    /// Write without reading: the value is added beside what is there
    #[arg(long, conflicts_with = "causality")]
    blind: bool,
    /// Replace what this causality token covers, instead of reading the item first
    #[arg(short, long, value_name = "TOKEN", allow_hyphen_values = true)]
    causality: Option<CausalityToken>,
}

impl Put {
    pub(crate) async fn run(mut self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let value = self.read_value()?;
        let token = match self.causality.take() {
            None if !self.blind => self.token_of_what_is_there(&bucket).await?,
            token => token,
        };
        let written = bucket.insert_item(&self.pk, &self.sk, value, token.as_ref()).await;
        written.map_err(Failure::write)
    }

    /// The token of the item's one value; none if the item was never written.
    async fn token_of_what_is_there(&self, bucket: &Bucket) -> Result<Option<CausalityToken>, Failure> {
        match bucket.read_item(&self.pk, &self.sk).await {
            Ok(item) if item.is_conflict() => Err(refused_write(&self.pk, &self.sk, &item)),
            Ok(item) => Ok(Some(item.token)),
            Err(Error::NoSuchKey(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
