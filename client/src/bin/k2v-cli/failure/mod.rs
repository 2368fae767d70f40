//! How a command can fail: a sentence, the next step, and an exit code.

mod exit;
mod hint;

use std::fmt;
use std::io;

use k2v_client::Error;
use serde::Serialize;

pub(crate) use exit::Exit;
use hint::{Act, hint_of};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library's error, of the server or of the way there.
    #[error("{}", Sentence(.error))]
    K2v { error: Error, act: Act },
    /// The arguments contradict each other, or something is missing in them.
    #[error("{0}")]
    Usage(String),
    /// The server, the key or the bucket is not known, or a profile cannot be used.
    #[error("{0}")]
    Settings(String),
    /// What the command is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Concurrent values, where one was wanted.
    #[error("{message}")]
    Conflict { message: String, hint: String },
    /// The server cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// A file, a pipe or a child process.
    #[error("cannot {doing}: {source}")]
    Io {
        doing: String,
        #[source]
        source: io::Error,
    },
    /// The reader of the output has closed it, as `head` does.
    #[error("the output is closed")]
    OutputClosed,
    /// A signal ended the work early.
    #[error("{0}")]
    Interrupted(String),
    /// Anything else that is worth an exit code of 1.
    #[error("{0}")]
    Other(String),
    /// A failure with a next step of its own.
    #[error("{0}")]
    Advised(Box<Failure>, String),
    /// A failure that has been explained already; only the code is left to give.
    #[error("{}", .0.1)]
    Explained(Box<(Exit, String)>),
}

/// The library's errors are those of a read unless [`Failure::write`] says otherwise.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::K2v { error, act: Act::Read }
    }
}

/// A failure as `-o json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct FailureJson {
    /// The server's code, such as `NoSuchKey`, or the kind of failure.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) exit_code: u8,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// For `map_err`: the error of a call that may have changed something.
    pub(crate) fn write(error: Error) -> Self {
        Self::K2v { error, act: Act::Write }
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

    /// The same failure with another next step.
    pub(crate) fn advised(self, hint: impl Into<String>) -> Self {
        Self::Advised(Box::new(self), hint.into())
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::K2v { error, .. } => error.into(),
            Self::Usage(_) | Self::Settings(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Conflict { .. } => Exit::Conflict,
            Self::Unavailable(_) => Exit::Unavailable,
            Self::Io { .. } | Self::OutputClosed | Self::Other(_) => Exit::Other,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Advised(failure, _) => failure.exit(),
            Self::Explained(explained) => explained.0,
        }
    }

    /// What to do next, if there is something to say.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::K2v { error, act } => hint_of(error, *act).map(str::to_owned),
            Self::Usage(_) => Some("`k2v-cli help COMMAND` shows how a command is used.".into()),
            Self::Settings(_) => Some(
                "Paste the lines that `troupe dev` prints, or keep them in a profile: `k2v-cli profile add NAME`."
                    .into(),
            ),
            Self::Conflict { hint, .. } | Self::Advised(_, hint) => Some(hint.clone()),
            Self::Unavailable(_) => Some(hint::unreachable().into()),
            Self::NotFound(_)
            | Self::Io { .. }
            | Self::OutputClosed
            | Self::Interrupted(_)
            | Self::Other(_)
            | Self::Explained(_) => None,
        }
    }

    /// The failure for programs that read `-o json`.
    pub(crate) fn to_json(&self) -> FailureJson {
        FailureJson {
            code: self.code().to_owned(),
            message: self.to_string(),
            hint: self.hint(),
            exit_code: self.exit() as u8,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::K2v { error, .. } => match error.remote() {
                Some(remote) if !remote.code.is_empty() => &remote.code,
                Some(_) | None => self.exit().name(),
            },
            Self::Advised(failure, _) => failure.code(),
            Self::Usage(_)
            | Self::Settings(_)
            | Self::NotFound(_)
            | Self::Conflict { .. }
            | Self::Unavailable(_)
            | Self::Io { .. }
            | Self::OutputClosed
            | Self::Interrupted(_)
            | Self::Other(_)
            | Self::Explained(_) => self.exit().name(),
        }
    }
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
mod tests;
