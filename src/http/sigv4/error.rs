//! Why a request was not let in, with what the caller can do about it.

use std::fmt;

/// Why a request's signature was not accepted. Nothing has been read from the body and nothing has happened
/// when one of these is returned; they differ only in status and code, which each variant names.
///
/// No message holds a secret, a signature, or anything that tells whether an access key exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// 403 `AccessDenied`: neither an `Authorization` header nor presigned query parameters.
    #[error("the request carries no credentials: sign it with AWS Signature Version 4, service 'k2v'")]
    NoCredentials,

    /// 403 `AccessDenied`: the key id is unknown **or** the signature is wrong. The two are one variant so that
    /// access keys cannot be enumerated.
    #[error(
        "the access key is unknown or the signature does not match: check the key id, the secret key, \
         and that nothing between client and server changes the request"
    )]
    AccessDenied,

    /// 400 `InvalidRequest`: an `Authorization` header and presigned query parameters in one request.
    #[error("credentials are given both in the Authorization header and in the query: send one of them")]
    CredentialsTwice,

    /// 400 `InvalidRequest`: a header that decides about authentication is there more than once.
    #[error("the header '{name}' is given more than once: send it once")]
    RepeatedHeader {
        /// The lower-case header name.
        name: &'static str,
    },

    /// 400 `InvalidRequest`: a query parameter that decides about authentication is there more than once.
    #[error("the query parameter '{name}' is given more than once: send it once")]
    RepeatedParameter {
        /// The parameter's name, as it is spelled in the protocol.
        name: &'static str,
    },

    /// 400 `InvalidRequest`: a header that every signed request needs is missing.
    #[error("the header '{name}' is missing: send it, and sign it")]
    MissingHeader {
        /// The lower-case header name.
        name: &'static str,
    },

    /// 400 `InvalidRequest`: some parameters of a presigned request are there, but not this one.
    #[error("the query parameter '{name}' of the presigned request is missing")]
    MissingParameter {
        /// The parameter's name, as it is spelled in the protocol.
        name: &'static str,
    },

    /// 400 `AuthorizationHeaderMalformed`: the credentials do not parse.
    #[error("the credentials cannot be understood: {part}")]
    Malformed {
        /// Which part of them, and what it should look like.
        part: MalformedPart,
    },

    /// 400 `AuthorizationHeaderMalformed`: signed for another region.
    #[error("the credential scope names another region: sign for the region '{expected}'")]
    WrongRegion {
        /// The region this cluster is configured with.
        expected: String,
    },

    /// 400 `AuthorizationHeaderMalformed`: signed for another service.
    #[error("the credential scope names another service: sign for the service 'k2v'")]
    WrongService,

    /// 400 `AuthorizationHeaderMalformed`: the scope's day is not the day of the request's date.
    #[error("the credential scope's date is not the day of x-amz-date: use the same UTC day in both")]
    WrongScopeDate,

    /// 400 `InvalidRequest`: the date does not parse, or is not a date.
    #[error("the date of the request cannot be understood: write it in UTC as YYYYMMDDTHHMMSSZ")]
    InvalidDate,

    /// 400 `InvalidRequest`: `X-Amz-Expires` is not a number of seconds that is allowed.
    #[error("X-Amz-Expires must be a whole number of seconds from 1 to {max}", max = super::limits::PRESIGNED_EXPIRES_S_MAX)]
    InvalidExpires,

    /// 403 `RequestTimeTooSkewed`: signed too long ago, or too far in the future.
    #[error(
        "the date of the request is more than {window_s} seconds away from the server's clock: \
         set the clock of the client, or sign again"
    )]
    TimeTooSkewed {
        /// The clock window in force.
        window_s: u64,
    },

    /// 403 `RequestTimeTooSkewed`: a presigned URL that has run out.
    #[error("the presigned URL has expired: sign a new one")]
    Expired,

    /// 400 `InvalidRequest`: a header that must be signed is not in `SignedHeaders`.
    #[error("the header '{name}' must be signed: add it to SignedHeaders")]
    UnsignedHeader {
        /// The lower-case header name, as the client sent it.
        name: String,
    },

    /// 400 `InvalidRequest`: `SignedHeaders` names a header that did not arrive.
    #[error("the header '{name}' is named in SignedHeaders, but the request does not have it")]
    AbsentSignedHeader {
        /// The name, as the client sent it.
        name: String,
    },

    /// 400 `InvalidRequest`: a `%` in the query that is not followed by two hex digits.
    #[error("the query holds a '%' that is not followed by two hex digits: percent-encode it as %25")]
    InvalidQueryEscape,

    /// 400 `InvalidRequest`: chunk-signed uploads.
    #[error(
        "a payload signed in chunks (x-amz-content-sha256: STREAMING-…) is not supported: \
         send the SHA-256 of the body in hex, or UNSIGNED-PAYLOAD"
    )]
    StreamingPayload,

    /// 400 `InvalidRequest`: `x-amz-content-sha256` is not one of the forms it may have.
    #[error("x-amz-content-sha256 must be the SHA-256 of the body in hex, or UNSIGNED-PAYLOAD")]
    InvalidPayloadHash,

    /// 400 `InvalidDigest`: the body is not the one that was signed.
    #[error("the body does not have the SHA-256 that x-amz-content-sha256 states: nothing was stored")]
    PayloadMismatch,
}

/// The part of the credentials that does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedPart {
    /// Bytes that are not ASCII text.
    Encoding,
    /// Another scheme than `AWS4-HMAC-SHA256`.
    Algorithm,
    /// A field of the `Authorization` header that is missing, repeated, or unknown.
    Fields,
    /// Not `key id/day/region/service/aws4_request`.
    Credential,
    /// Not a sorted list of lower-case header names.
    SignedHeaders,
    /// Not 64 hex digits.
    Signature,
}

impl fmt::Display for MalformedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "they must be ASCII text",
            Self::Algorithm => "the algorithm must be AWS4-HMAC-SHA256",
            Self::Fields => {
                "after the algorithm there must be Credential=…, SignedHeaders=… and Signature=…, each once, \
                 separated by commas"
            }
            Self::Credential => "the credential must be KEY_ID/YYYYMMDD/REGION/k2v/aws4_request",
            Self::SignedHeaders => {
                "SignedHeaders must be lower-case header names, sorted, each once, separated by ';'"
            }
            Self::Signature => "the signature must be 64 hex digits",
        })
    }
}

impl From<MalformedPart> for SigV4Error {
    fn from(part: MalformedPart) -> Self {
        Self::Malformed { part }
    }
}
