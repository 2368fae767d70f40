//! Where the value of an insert comes from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::failure::Failure;
use crate::input::read_input;

/// The value, in one of its forms.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ValueInput {
    /// The content of a file; - is the standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,
    /// Bytes in base64
    #[arg(short, long, value_name = "BASE64", allow_hyphen_values = true)]
    b64: Option<String>,
    /// A text
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// A text, as --text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    value: Option<String>,
}

impl ValueInput {
    /// The bytes of the value.
    pub(crate) fn read(self) -> Result<Vec<u8>, Failure> {
        if let Some(path) = self.file {
            return read_input(&path);
        }
        if let Some(base64) = self.b64 {
            return STANDARD.decode(base64.trim()).map_err(|error| {
                Failure::usage(format!("the value is not base64 ({error}): use --text for a text"))
            });
        }
        Ok(self.text.or(self.value).unwrap_or_default().into_bytes())
    }
}
