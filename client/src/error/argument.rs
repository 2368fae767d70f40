//! Arguments that cannot be sent.

/// Why arguments cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidArgument {
    /// The endpoint is not a URL.
    #[error(
        "the endpoint is not a URL of the form `http://host:port` or `https://host:port`, nor several with commas between them"
    )]
    EndpointSyntax(#[source] http::uri::InvalidUri),
    /// The endpoint has no scheme, another one than `http` and `https`, or no host.
    #[error(
        "the endpoint is not a URL of the form `http://host:port` or `https://host:port`, nor several with commas between them"
    )]
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
