//! What can go wrong, told apart by what the caller can do about it.

mod argument;
mod remote;
mod response;

use std::time::Duration;

use crate::retry::Failure;

pub use argument::InvalidArgument;
pub use remote::RemoteError;
pub use response::InvalidResponse;

/// A call that failed.
///
/// [`may_have_been_applied`](Self::may_have_been_applied) says whether a write can have happened all the
/// same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such item; it was never written.
    #[error("there is no such item ({0})")]
    NoSuchKey(Box<RemoteError>),
    /// There is no such bucket.
    #[error("there is no such bucket ({0})")]
    NoSuchBucket(Box<RemoteError>),
    /// The access key is unknown, the secret is wrong, or the key lacks the permission.
    #[error("access denied ({0})")]
    AccessDenied(Box<RemoteError>),
    /// The client's clock and the server's are too far apart.
    #[error("the clocks of client and server are too far apart ({0})")]
    ClockSkew(Box<RemoteError>),
    /// The request was signed for another region or service than the server's.
    #[error("the server does not accept this signature's region or service ({0})")]
    WrongRegion(Box<RemoteError>),
    /// The item holds too many concurrent values: read it, and write with its token.
    #[error("the item holds too many concurrent values: read it and write with its token ({0})")]
    Conflict(Box<RemoteError>),
    /// The causality token or seen marker was not issued by this server.
    #[error("the server does not know this causality token or seen marker ({0})")]
    InvalidToken(Box<RemoteError>),
    /// A key, a value or a body is over the server's limit.
    #[error("over the server's limit ({0})")]
    TooLarge(Box<RemoteError>),
    /// The server refused the request as it stands.
    #[error("the server refused the request ({0})")]
    InvalidRequest(Box<RemoteError>),
    /// The server cannot answer now. A write may or may not have been kept.
    #[error("the server is not available now ({0})")]
    Unavailable(Box<RemoteError>),
    /// The server has no space left. The write was not kept.
    #[error("the server has no space left ({0})")]
    InsufficientStorage(Box<RemoteError>),
    /// The server failed, or answered with a status that has no meaning here.
    #[error("the server failed ({0})")]
    Server(Box<RemoteError>),

    /// No answer within the time allowed. A write may have been applied.
    #[error("no answer within {after:?}")]
    Timeout {
        /// The time allowed.
        after: Duration,
    },
    /// No connection could be made: nothing was sent.
    #[error("cannot connect to {endpoint}")]
    Connect {
        /// Where to.
        endpoint: String,
        /// Why not.
        #[source]
        source: Source,
    },
    /// The server's certificate is not trusted, or TLS could not be agreed on: nothing was sent.
    #[error("cannot make a trusted TLS connection to {endpoint}")]
    Tls {
        /// Where to.
        endpoint: String,
        /// Why not.
        #[source]
        source: Source,
    },
    /// The connection broke before the answer was complete. A write may have been applied.
    #[error("the connection broke before the answer was complete")]
    Disconnected(#[source] Source),
    /// The answer is longer than the client is willing to keep in memory. The call itself was carried out.
    #[error("the answer is longer than {bytes_max} bytes: ask for less, or raise `response_bytes_max`")]
    ResponseTooLarge {
        /// The limit, set by [`ClientBuilder::response_bytes_max`](crate::ClientBuilder::response_bytes_max).
        bytes_max: usize,
    },
    /// The answer is not one that a K2V server gives.
    #[error("this is not the answer of a K2V server")]
    InvalidResponse(#[source] InvalidResponse),
    /// The arguments cannot be sent; nothing was.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
    /// Other writers kept adding values faster than an update could resolve them.
    #[error("the item still had concurrent values after {rounds} rounds of resolving")]
    StillConflicting {
        /// How often the update read, resolved and wrote.
        rounds: u32,
    },
}

/// The cause of a broken connection, in the words of the layer where it broke.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// The server's own words, if it was the server that refused.
    #[must_use]
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::NoSuchKey(remote)
            | Self::NoSuchBucket(remote)
            | Self::AccessDenied(remote)
            | Self::ClockSkew(remote)
            | Self::WrongRegion(remote)
            | Self::Conflict(remote)
            | Self::InvalidToken(remote)
            | Self::TooLarge(remote)
            | Self::InvalidRequest(remote)
            | Self::Unavailable(remote)
            | Self::InsufficientStorage(remote)
            | Self::Server(remote) => Some(remote),
            Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Disconnected(_)
            | Self::ResponseTooLarge { .. }
            | Self::InvalidResponse(_)
            | Self::InvalidArgument(_)
            | Self::StillConflicting { .. } => None,
        }
    }

    /// Whether a write that ended in this error can have been applied nevertheless.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::Server(_)
            | Self::Timeout { .. }
            | Self::Disconnected(_)
            | Self::ResponseTooLarge { .. }
            | Self::InvalidResponse(_)
            | Self::StillConflicting { .. } => true,
            Self::NoSuchKey(_)
            | Self::NoSuchBucket(_)
            | Self::AccessDenied(_)
            | Self::ClockSkew(_)
            | Self::WrongRegion(_)
            | Self::Conflict(_)
            | Self::InvalidToken(_)
            | Self::TooLarge(_)
            | Self::InvalidRequest(_)
            | Self::InsufficientStorage(_)
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::InvalidArgument(_) => false,
        }
    }

    /// What the retry policy needs to know.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Connect { .. } => Failure::NotSent,
            Self::Tls { .. } => Failure::Untrusted,
            Self::Unavailable(_) | Self::Disconnected(_) => Failure::OutcomeUnknown,
            Self::Timeout { .. } => Failure::TimedOut,
            Self::NoSuchKey(_)
            | Self::NoSuchBucket(_)
            | Self::AccessDenied(_)
            | Self::ClockSkew(_)
            | Self::WrongRegion(_)
            | Self::Conflict(_)
            | Self::InvalidToken(_)
            | Self::TooLarge(_)
            | Self::InvalidRequest(_)
            | Self::InsufficientStorage(_)
            | Self::Server(_)
            | Self::ResponseTooLarge { .. }
            | Self::InvalidResponse(_)
            | Self::InvalidArgument(_)
            | Self::StillConflicting { .. } => Failure::Final,
        }
    }

    /// Whether another node of the same cluster might have answered.
    pub(crate) fn is_of_the_endpoint(&self) -> bool {
        self.failure() != Failure::Final
    }

    /// Whether the server, not the request, is the trouble, so that waiting can help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Unavailable(_)
            | Self::Disconnected(_)
            | Self::Timeout { .. }
            | Self::Server(_) => true,
            Self::NoSuchKey(_)
            | Self::NoSuchBucket(_)
            | Self::AccessDenied(_)
            | Self::ClockSkew(_)
            | Self::WrongRegion(_)
            | Self::Conflict(_)
            | Self::InvalidToken(_)
            | Self::TooLarge(_)
            | Self::InvalidRequest(_)
            | Self::InsufficientStorage(_)
            | Self::Tls { .. }
            | Self::ResponseTooLarge { .. }
            | Self::InvalidResponse(_)
            | Self::InvalidArgument(_)
            | Self::StillConflicting { .. } => false,
        }
    }
}
