//! How a command can fail: a sentence, what to do next, and an exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use k2v_client::Error;

/// The exit codes, a promise to scripts.
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
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library's error, of the server or of the way there.
    #[error("{}", Sentence(.0))]
    K2v(#[from] Error),
    /// The command makes no sense as it was given.
    #[error("{0}")]
    Usage(String),
    /// What the command is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Concurrent values, where one was wanted.
    #[error("{message}")]
    Conflict { message: String, hint: String },
    /// The server does not let itself be reached.
    #[error("{0}")]
    Unavailable(String),
    /// A file, a pipe or a child process.
    #[error("cannot {doing}: {source}")]
    Io {
        doing: String,
        #[source]
        source: io::Error,
    },
    /// The reader of our output went away, as `head` does.
    #[error("the output is closed")]
    OutputClosed,
    /// Anything else that is worth an exit code of 1.
    #[error("{0}")]
    Other(String),
    /// A failure that has been explained on the way; only the code is left to give.
    #[error("{}", .0.1)]
    Explained(Box<(Exit, String)>),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// For `map_err`: says what was being done when the error came.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// An error while printing results.
    pub(crate) fn output(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::Io { doing: "write the results".into(), source }
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::K2v(error) => exit_of(error),
            Self::Usage(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Conflict { .. } => Exit::Conflict,
            Self::Unavailable(_) => Exit::Unavailable,
            Self::Io { .. } | Self::OutputClosed | Self::Other(_) => Exit::Other,
            Self::Explained(explained) => explained.0,
        }
    }

    /// What to do next, if there is something to say.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::K2v(error) => hint_of(error),
            Self::Usage(_) => Some("`k2v-cli help COMMAND` shows how a command is used.".into()),
            Self::Conflict { hint, .. } => Some(hint.clone()),
            Self::Unavailable(_) => {
                Some("Check the endpoint (--endpoint or K2V_ENDPOINT), and that the server runs.".into())
            }
            Self::NotFound(_)
            | Self::Io { .. }
            | Self::OutputClosed
            | Self::Other(_)
            | Self::Explained(_) => None,
        }
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::NoSuchKey(_) | Error::NoSuchBucket(_) => Exit::NotFound,
        Error::Conflict(_) | Error::StillConflicting { .. } => Exit::Conflict,
        Error::AccessDenied(_) | Error::ClockSkew(_) | Error::WrongRegion(_) => Exit::Authentication,
        Error::Unavailable(_)
        | Error::InsufficientStorage(_)
        | Error::Connect { .. }
        | Error::Tls { .. }
        | Error::Disconnected(_) => Exit::Unavailable,
        Error::Timeout { .. } => Exit::Timeout,
        Error::InvalidArgument(_) | Error::InvalidToken(_) => Exit::Usage,
        // The library may learn new errors; until they have a code of their own they are "other".
        _ => Exit::Other,
    }
}

/// What helps against each error of the library.
fn hint_of(error: &Error) -> Option<String> {
    let hint = match error {
        Error::NoSuchKey(_) => {
            "Check both keys: `k2v-cli ls` lists the partitions, `k2v-cli ls PK` their items."
        }
        Error::NoSuchBucket(_) => {
            "Check --bucket or K2V_BUCKET; on the server, `bucket list` shows the buckets, `bucket create` makes one."
        }
        Error::AccessDenied(_) => {
            "Check the key id and the secret, and that the key is allowed on this bucket \
             (on the server: `bucket allow BUCKET --read --write --key KEY`). `k2v-cli doctor` finds out which."
        }
        Error::ClockSkew(_) => {
            "Set this machine's clock (a time service such as NTP does it), then try again."
        }
        Error::WrongRegion(_) => {
            "Give the region of the server's configuration (`s3_region`, by default `garage`) with --region or AWS_REGION."
        }
        Error::Conflict(_) => "Read the item, then write with its token: `k2v-cli put --update`.",
        Error::StillConflicting { .. } => "Other writers are faster: try again, or stop them first.",
        Error::InvalidToken(_) => {
            "Read the item again and give the token that comes with it, whole and unchanged."
        }
        Error::TooLarge(_) => "Split the value, or ask the operator to raise the server's limit.",
        Error::Unavailable(_) => {
            "The write may or may not have been kept. Try again; if it stays so, look at the server."
        }
        Error::InsufficientStorage(_) => {
            "Nothing was written. Make room on the server's disk, then try again."
        }
        Error::Timeout { .. } => {
            "A write may have been applied. Try again, or allow more time with --request-timeout."
        }
        Error::Connect { .. } => "Check the endpoint (--endpoint or K2V_ENDPOINT), and that the server runs.",
        Error::Tls { .. } => "Give the authority that signed the server's certificate with --ca-file.",
        Error::Disconnected(_) => "A write may have been applied. Try again.",
        Error::ResponseTooLarge { .. } => "Ask for less at once, with --limit or a narrower range.",
        Error::InvalidResponse(_) => {
            "Is the endpoint that of a K2V API? The S3 and admin APIs have other ports."
        }
        _ => return None,
    };
    Some(hint.into())
}

/// An error with its causes, as one sentence.
struct Sentence<'a>(&'a Error);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut said = self.0.to_string();
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some layers repeat the words of the one below them.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k2v_client::RemoteError;

    use super::*;

    fn remote() -> Box<RemoteError> {
        let status = http::StatusCode::BAD_REQUEST;
        Box::new(RemoteError { status, code: "C".into(), message: "m".into(), path: "/".into() })
    }

    fn check(error: Error, exit: u8) {
        let failure = Failure::from(error);
        assert_eq!(failure.exit() as u8, exit, "{failure:?}");
    }

    #[test]
    fn every_kind_of_error_has_the_code_that_scripts_rely_on() {
        check(Error::NoSuchKey(remote()), 3);
        check(Error::NoSuchBucket(remote()), 3);
        check(Error::Conflict(remote()), 4);
        check(Error::StillConflicting { rounds: 1 }, 4);
        check(Error::AccessDenied(remote()), 5);
        check(Error::ClockSkew(remote()), 5);
        check(Error::WrongRegion(remote()), 5);
        check(Error::Unavailable(remote()), 6);
        check(Error::InsufficientStorage(remote()), 6);
        check(Error::Connect { endpoint: "e".into(), source: "refused".into() }, 6);
        check(Error::Disconnected("reset".into()), 6);
        check(Error::Timeout { after: Duration::ZERO }, 7);
        check(Error::InvalidArgument(k2v_client::InvalidArgument::EmptySortKey), 2);
        check(Error::Server(remote()), 1);
        check(Error::TooLarge(remote()), 1);
        check(Error::InvalidRequest(remote()), 1);
    }

    #[test]
    fn a_sentence_names_the_cause_once() {
        let error = Error::Connect { endpoint: "http://h".into(), source: "connection refused".into() };
        assert_eq!(Failure::from(error).to_string(), "cannot connect to http://h: connection refused");
    }
}
