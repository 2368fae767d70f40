use super::error::{ConfigError, Origin};
use super::settings::Settings;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
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

/// Why no secret was read from a file.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The system refuses.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Others may read the file.
    #[error("it can be read by others (mode {mode:04o}): run chmod 600 on it")]
    Open {
        /// Its permission bits.
        mode: u32,
    },
}

impl Secret {
    /// Reads a file, without the newline that editors leave.
    ///
    /// # Errors
    /// [`SecretFileError::Open`] for a file that others may read, unless `open_files_are_allowed`.
    pub fn read_file(path: &Path, open_files_are_allowed: bool) -> Result<Secret, SecretFileError> {
        let file = File::open(path)?;
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 && !open_files_are_allowed {
            return Err(SecretFileError::Open { mode });
        }
        let mut text = String::new();
        file.take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(Secret(text.trim_end().to_owned()))
    }
}

/// Reads the file that `key` names.
pub(super) fn read_secret_file(
    key: &'static str,
    origin: &Origin,
    path: &Path,
    open_files_are_allowed: bool,
) -> Result<Secret, ConfigError> {
    Secret::read_file(path, open_files_are_allowed).map_err(|error| match error {
        SecretFileError::Unreadable(source) => {
            ConfigError::SecretFile { key, origin: origin.clone(), source }
        }
        SecretFileError::Open { mode } => ConfigError::SecretFileOpen { key, origin: origin.clone(), mode },
    })
}

/// The keys that hold a secret in place.
const INLINE_SECRETS: [&str; 3] = ["rpc_secret", "admin.admin_token", "admin.metrics_token"];

/// What the log should say about a configuration file of this `mode`: that everybody on the machine can read its secrets.
/// The group may, as orchestrators and packages give it to the service's group.
pub(super) fn open_config_notice(settings: &Settings, mode: u32) -> Option<String> {
    let held: Vec<_> = INLINE_SECRETS.iter().filter(|key| settings.is_in_file(key)).collect();
    if mode & 0o004 == 0 || held.is_empty() {
        return None;
    }
    let held: Vec<_> = held.iter().map(|key| format!("`{key}`")).collect();
    Some(format!(
        "{} holds secrets ({}) and can be read by others (mode {mode:04o}): run chmod 600 on it, or set \
         `allow_world_readable_secrets = true`",
        settings.file.display(),
        held.join(", ")
    ))
}
