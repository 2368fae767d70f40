//! What can go wrong, told apart by what the caller can do about it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::retry::Failure;

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
            Self::Unavailable(_) | Self::Disconnected(_) => Failure::OutcomeUnknown,
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
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::ResponseTooLarge { .. }
            | Self::InvalidResponse(_)
            | Self::InvalidArgument(_)
            | Self::StillConflicting { .. } => Failure::Final,
        }
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

/// Sorts an error answer by its code, or by its status where a proxy answered without one.
impl From<RemoteError> for Error {
    fn from(remote: RemoteError) -> Self {
        let kind = match (remote.status.as_u16(), remote.code.as_str()) {
            (404, "NoSuchBucket") => Self::NoSuchBucket,
            (404, "NoSuchKey") => Self::NoSuchKey,
            (403, "RequestTimeTooSkewed") => Self::ClockSkew,
            (401 | 403, _) => Self::AccessDenied,
            (400, "AuthorizationHeaderMalformed") => Self::WrongRegion,
            (400, "CausalityToken" | "InvalidCausalityToken") => Self::InvalidToken,
            (413, _) | (400, "KeyTooLong") => Self::TooLarge,
            (409, "TooManyConcurrentValues") => Self::Conflict,
            (502..=504, _) => Self::Unavailable,
            (507, _) => Self::InsufficientStorage,
            (400..=499, _) => Self::InvalidRequest,
            _ => Self::Server,
        };
        kind(Box::new(remote))
    }
}

/// An error as the server reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The server's code for the error, such as `NoSuchKey`; empty if the answer held none.
    pub code: String,
    /// The server's explanation; empty if the answer held none.
    pub message: String,
    /// The path of the request; empty if the answer held none.
    pub path: String,
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for RemoteError {}

/// Why an answer is not one that a K2V server gives.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidResponse {
    /// The status has no meaning for this call.
    #[error("the status {0} has no meaning for this call")]
    Status(StatusCode),
    /// The causality token is missing or not text.
    #[error("the answer carries no causality token")]
    NoToken,
    /// The content type is neither JSON nor a value.
    #[error("the content type is neither `application/json` nor `application/octet-stream`")]
    ContentType,
    /// The JSON does not have the shape that the call promises.
    #[error("the JSON does not have the shape that the call promises")]
    Json(#[from] serde_json::Error),
    /// The answer to a batch holds another number of results than the batch has queries.
    #[error("{sent} queries were sent, {received} results came back")]
    ResultCount {
        /// The number of queries.
        sent: usize,
        /// The number of results.
        received: usize,
    },
    /// A page says that the next one starts no further than it started itself.
    #[error("the listing does not move on")]
    NoProgress,
    /// An item without any value, not even a tombstone.
    #[error("the item has no value, not even a tombstone")]
    NoValues,
    /// More was announced, but not where it starts.
    #[error("the answer says that there is more, but not where it starts")]
    NoNextStart,
}

/// Why arguments cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidArgument {
    /// The endpoint is not a URL.
    #[error("the endpoint is not a URL of the form `http://host:port` or `https://host:port`")]
    EndpointSyntax(#[source] http::uri::InvalidUri),
    /// The endpoint has no scheme, another one than `http` and `https`, or no host.
    #[error("the endpoint is not a URL of the form `http://host:port` or `https://host:port`")]
    Endpoint,
    /// The endpoint has a path, a query or user information.
    #[error("the endpoint must be scheme, host and port only: a signature covers the path")]
    EndpointPath,
    /// An environment variable that a client is made from is not set, or empty.
    #[error("the environment variable {name} is not set: give it {meaning}")]
    MissingVariable {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        meaning: &'static str,
    },
    /// An environment variable holds bytes that are not UTF-8. There is no source: it would show the secret.
    #[error("the environment variable {name} is not UTF-8")]
    VariableNotUnicode {
        /// The variable.
        name: &'static str,
    },
    /// The region, key or secret holds characters that cannot be sent.
    #[error("the region or the access key holds characters that cannot be sent in a header")]
    Credentials(#[source] http::header::InvalidHeaderValue),
    /// The user agent holds characters that cannot be sent.
    #[error("the user agent holds characters that cannot be sent in a header")]
    UserAgent(#[source] http::header::InvalidHeaderValue),
    /// A bucket name is empty.
    #[error("the bucket name is empty")]
    EmptyBucket,
    /// A partition key is empty.
    #[error("the partition key is empty")]
    EmptyPartitionKey,
    /// A sort key is empty.
    #[error("the sort key is empty")]
    EmptySortKey,
    /// A causality token holds characters that no server puts into one.
    #[error("the causality token holds characters that cannot be sent")]
    Token(#[source] http::header::InvalidHeaderValue),
    /// No root certificate could be loaded from the system.
    #[error("the system has no usable root certificate: pass one with `root_certificates_pem`")]
    NoSystemRoots(#[source] Option<rustls_native_certs::Error>),
    /// The PEM text cannot be read.
    #[error("the root certificates are not PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// The PEM text holds no usable certificate.
    #[error("the PEM text holds no usable certificate")]
    NoCertificate,
    /// The query cannot be written as JSON.
    #[error("the query cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// TLS offers no version that both the library and its cryptography know.
    #[error("TLS offers no usable protocol version")]
    TlsVersions(#[source] rustls::Error),
    /// The requested address is too long for a URL.
    #[error("the keys are too long for a URL")]
    Url(#[source] http::uri::InvalidUri),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: &str, expected: fn(Box<RemoteError>) -> Error) {
        let remote = RemoteError {
            status: StatusCode::from_u16(status).unwrap(),
            code: code.into(),
            message: "why".into(),
            path: "/b".into(),
        };
        let (found, expected) = (Error::from(remote.clone()), expected(Box::new(remote)));
        assert_eq!(
            std::mem::discriminant(&found),
            std::mem::discriminant(&expected),
            "{status} {code} became {found:?}"
        );
    }

    #[test]
    fn answers_become_the_error_that_says_what_to_do() {
        check(404, "NoSuchKey", Error::NoSuchKey);
        check(404, "NoSuchBucket", Error::NoSuchBucket);
        check(404, "", Error::InvalidRequest);
        check(403, "AccessDenied", Error::AccessDenied);
        check(403, "RequestTimeTooSkewed", Error::ClockSkew);
        check(400, "AuthorizationHeaderMalformed", Error::WrongRegion);
        check(400, "CausalityToken", Error::InvalidToken);
        check(400, "KeyTooLong", Error::TooLarge);
        check(400, "InvalidRequest", Error::InvalidRequest);
        check(406, "NotAcceptable", Error::InvalidRequest);
        check(409, "TooManyConcurrentValues", Error::Conflict);
        check(413, "EntityTooLarge", Error::TooLarge);
        check(500, "InternalError", Error::Server);
        check(502, "", Error::Unavailable);
        check(503, "ServiceUnavailable", Error::Unavailable);
        check(504, "", Error::Unavailable);
        check(507, "InsufficientStorage", Error::InsufficientStorage);
    }
}
