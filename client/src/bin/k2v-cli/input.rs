//! Values that come from a file or from the standard input.

use std::fs::File;
use std::io::{self, Read};

use crate::failure::Failure;

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
