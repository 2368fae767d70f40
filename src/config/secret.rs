use super::error::{ConfigError, Origin};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Text that no log, message or `Debug` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that compares or sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Files that hold a secret are short: a longer one was named by mistake.
const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;

/// Reads a secret from a file, without the newline that editors leave. Refuses a file that others may read, unless
/// `open_files_are_allowed`.
pub(super) fn read_secret_file(
    key: &'static str,
    origin: &Origin,
    path: &Path,
    open_files_are_allowed: bool,
) -> Result<Secret, ConfigError> {
    let unreadable = |source| ConfigError::SecretFile { key, origin: origin.clone(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 && !open_files_are_allowed {
        return Err(ConfigError::SecretFileOpen { key, origin: origin.clone(), mode });
    }
    let mut text = String::new();
    file.take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    Ok(Secret(text.trim_end().to_owned()))
}
