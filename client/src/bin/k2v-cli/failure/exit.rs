//! Exit codes: a promise to scripts.

use std::process::ExitCode;

use k2v_client::Error;

/// The exit codes, listed in `--help` and in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    NotFound = 3,
    Conflict = 4,
    Authentication = 5,
    Unavailable = 6,
    Timeout = 7,
    /// SIGINT, as shells report it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::NoSuchKey(_) | Error::NoSuchBucket(_) => Self::NotFound,
            Error::Conflict(_) | Error::StillConflicting { .. } => Self::Conflict,
            Error::AccessDenied(_) | Error::ClockSkew(_) | Error::WrongRegion(_) => Self::Authentication,
            Error::Unavailable(_)
            | Error::InsufficientStorage(_)
            | Error::Connect { .. }
            | Error::Tls { .. }
            | Error::Disconnected(_) => Self::Unavailable,
            Error::Timeout { .. } => Self::Timeout,
            Error::InvalidArgument(_) | Error::InvalidToken(_) => Self::Usage,
            // Errors that later versions of the library add.
            _ => Self::Other,
        }
    }
}

impl Exit {
    /// The code as a word, for errors that have none of the server's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "Failed",
            Self::Usage => "Usage",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::Authentication => "Authentication",
            Self::Unavailable => "Unavailable",
            Self::Timeout => "Timeout",
            Self::Interrupted => "Interrupted",
        }
    }
}
