use std::fmt;
use std::path::PathBuf;

/// Where a setting was written, for messages that send people to the right place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// Why there is no configuration. Nothing was started, nothing was written. No message shows a setting's value where
/// the setting is a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file was named and none lies where one is looked for.
    #[error("no configuration file: give one with -c FILE, or put it at {}", .searched.display())]
    Missing {
        /// The place that is looked at first.
        searched: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not valid TOML: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// An unknown key.
    #[error("{origin}: unknown key `{key}`{}", did_you_mean(*.nearest))]
    UnknownKey {
        /// The key with its section.
        key: String,
        /// Where it is.
        origin: Origin,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A section's name stands for a plain value.
    #[error("{origin}: `{key}` is a section: write [{key}], and its keys below")]
    NotASection {
        /// The section.
        key: String,
        /// Where it is.
        origin: Origin,
    },
    /// The value is not what the key takes.
    #[error("{origin}: `{key}` must be {expected}")]
    Invalid {
        /// The key with its section.
        key: &'static str,
        /// Where it is.
        origin: Origin,
        /// What the key takes.
        expected: String,
    },
    /// A key that is needed is not there.
    #[error("`{key}` is not set: add it to {}, or set {variable}", .path.display())]
    Absent {
        /// The key with its section.
        key: &'static str,
        /// The configuration file.
        path: PathBuf,
        /// The environment variable that would do as well.
        variable: String,
    },
    /// Two keys say the same thing.
    #[error("{second_origin}: `{second}` and `{first}` ({first_origin}) exclude each other: keep one")]
    Twice {
        /// One key.
        first: &'static str,
        /// Where it is.
        first_origin: Origin,
        /// The other key.
        second: &'static str,
        /// Where that is.
        second_origin: Origin,
    },
    /// Clients could make an item that the store cannot hold.
    #[error(
        "{origin}: the limits allow an item of {bytes} bytes, and the store holds items of {bytes_max} at most: lower \
         `troupe.concurrent_values_max`"
    )]
    ItemTooLong {
        /// Where the number of values is.
        origin: Origin,
        /// What the longest item takes.
        bytes: u64,
        /// What the store holds.
        bytes_max: u64,
    },
    /// A file that holds a secret cannot be read.
    #[error("{origin}: cannot read the file that `{key}` names: {source}")]
    SecretFile {
        /// The key with its section.
        key: &'static str,
        /// Where it is.
        origin: Origin,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that holds a secret is open to others.
    #[error(
        "{origin}: the file that `{key}` names can be read by others (mode {mode:04o}): run chmod 600 on it, or set \
         `allow_world_readable_secrets = true`"
    )]
    SecretFileOpen {
        /// The key with its section.
        key: &'static str,
        /// Where it is.
        origin: Origin,
        /// The file's permission bits.
        mode: u32,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |key| format!(", did you mean `{key}`?"))
}
