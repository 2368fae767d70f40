//! Where the value of an insert comes from.

use std::fs::File;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::failure::Failure;

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

/// The largest value that is read into memory: more than any server's limit, so that the server can say
/// what its limit is.
const VALUE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The content of a file, or of the standard input for `-`.
pub(crate) fn read_input(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let doing = || if path == "-" { "read the standard input".into() } else { format!("read {path}") };
    let read = if path == "-" {
        io::stdin().lock().take(VALUE_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(VALUE_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    let length = read.map_err(Failure::io(doing()))?;
    if length as u64 > VALUE_BYTES_MAX {
        return Err(Failure::usage(format!(
            "a value of more than {VALUE_BYTES_MAX} bytes is too long for K2V"
        )));
    }
    Ok(bytes)
}
