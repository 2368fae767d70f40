//! Errors, in the compatible API's shape.

use std::borrow::Cow;

use http::StatusCode;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused or failed: status, code, message, and the path of the request.
    #[error("{0}, {1}: {2} (path = {3})")]
    Remote(StatusCode, Cow<'static, str>, Cow<'static, str>, Cow<'static, str>),
    /// There is no such item. (A missing bucket is a [`Remote`](Self::Remote) error with code
    /// `NoSuchBucket`.)
    #[error("there is no such item")]
    NotFound,
    /// No answer within the time allowed.
    #[error("no answer within the time allowed")]
    Timeout,
    /// The answer is not one that a K2V server gives.
    #[error("invalid response")]
    InvalidResponse(#[source] crate::InvalidResponse),
    /// The server could not be reached, or the arguments could not be sent.
    #[error(transparent)]
    Other(crate::Error),
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        if let Some(remote) = error.remote() {
            if matches!(error, crate::Error::NoSuchKey(_)) {
                return Self::NotFound;
            }
            let owned = |text: &str| Cow::Owned(text.to_owned());
            let (code, message) = (owned(&remote.code), owned(&remote.message));
            return Self::Remote(remote.status, code, message, owned(&remote.path));
        }
        match error {
            crate::Error::Timeout { .. } => Self::Timeout,
            crate::Error::InvalidResponse(source) => Self::InvalidResponse(source),
            other => Self::Other(other),
        }
    }
}
