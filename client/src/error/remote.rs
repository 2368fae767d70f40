//! Errors in the server's own words, and what they mean to a caller.

use std::fmt;

use http::StatusCode;

use super::Error;

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
