//! Where `import` reads from.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use crate::failure::Failure;

/// Opens the input; the length is known of files only.
pub(super) fn open(path: &str) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if path == "-" {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path).map_err(Failure::io(format!("open {path}")))?;
    let metadata = file.metadata().map_err(Failure::io(format!("look at {path}")))?;
    let length = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::new(file)), length))
}
