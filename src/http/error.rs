//! Everything that a request can fail with, and the one place that says how it is answered.

use super::json::push_string;
use super::k2v::accept::NotAcceptable;
use super::k2v::listing::ListingError;
use super::query::QueryError;
use super::route::{Access, RouteError};
use super::sigv4::SigV4Error;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use troupe_actors::causality::{MarkerError, TokenError};
use troupe_actors::ids::KeyError;
use troupe_actors::replication::changed::ChangesError;
use troupe_actors::replication::coordinator::CoordinateError;
use troupe_actors::replication::handle::ReadError;
use troupe_actors::replication::plan::PlanError;
use troupe_actors::replication::watch::WatchError;
use troupe_actors::shard::{PollError, WriteError};
use troupe_actors::store::StoreError;

/// Why a request was not served. 4xx: nothing happened. 503: it says whether anything may have happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The signature was not accepted.
    #[error(transparent)]
    Signature(#[from] SigV4Error),
    /// The access key may not do this.
    #[error("the access key may not {} this bucket", access_verb(*.needed))]
    Forbidden { needed: Access },
    /// Nothing has this name for this access key.
    #[error("there is no bucket of this name")]
    NoSuchBucket,
    /// The item was never written.
    #[error("the item was never written")]
    NoSuchKey,
    /// The path does not parse, or no call is defined for it.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The query string does not parse.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// One query parameter is not what it should be.
    #[error("the query parameter '{name}' {rule}")]
    Parameter { name: &'static str, rule: &'static str },
    /// One header is not what it should be.
    #[error("the header '{name}' {rule}")]
    Header { name: &'static str, rule: &'static str },
    /// A partition key or sort key is empty or too long.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The causality token was not issued by this cluster.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The seen marker was not issued by this cluster.
    #[error(transparent)]
    Marker(#[from] MarkerError),
    /// The parameters of a listing contradict each other.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The client accepts neither JSON nor raw bytes.
    #[error(transparent)]
    NotAcceptable(#[from] NotAcceptable),
    /// The body is not the JSON it should be.
    #[error("the body cannot be read: {0}")]
    Json(serde_json::Error),
    /// The body is not UTF-8.
    #[error("the body is not valid UTF-8")]
    BodyNotText,
    /// One element of a batch is not what it should be.
    #[error("element {at} of the list, counted from 0: {cause}")]
    Element { at: usize, cause: Box<ApiError> },
    /// The value of a batch item is not base64.
    #[error("'v' is not base64 (standard alphabet, with padding)")]
    Base64,
    /// More elements than one request may have.
    #[error("a list may have at most {elements_max} elements: send several")]
    TooManyElements { elements_max: usize },
    /// More bytes than a body may have.
    #[error("a request body may have at most {bytes_max} bytes")]
    BodyTooLarge { bytes_max: usize },
    /// More bytes than a value may have.
    #[error("a value may have at most {bytes_max} bytes")]
    ValueTooLarge { bytes_max: usize },
    /// The body came too slowly.
    #[error("the body came too slowly: nothing was stored")]
    BodyTimeout,
    /// The connection broke, or the body does not follow its own encoding.
    #[error("the body ended before it was complete, or is badly framed: nothing was stored")]
    BodyIncomplete,
    /// Other large bodies fill the memory that is set aside for them.
    #[error("too many large requests are under way: nothing was stored, try again")]
    BodiesBusy,
    /// Other large bodies that came before their signature could be verified fill their part of that memory.
    #[error(
        "too many large requests without x-amz-content-sha256 are under way: nothing was stored, try again, or send \
         that header"
    )]
    UnprovenBodiesBusy,
    /// Answers that their clients do not take fill the memory that is set aside for them.
    #[error("too many large answers wait for their clients to take them: take yours, and try again")]
    AnswersBusy,
    /// No rule of the bucket allows the cross-origin request.
    #[error("no CORS rule of the bucket allows this origin, method and headers")]
    CorsForbidden,
    /// The node knows too little of the cluster to let anybody in.
    #[error(
        "this node has not heard from a majority of the cluster's nodes lately: nothing was done, ask another node"
    )]
    CutOff,
    /// The bucket takes no writes any more.
    #[error("the bucket is being deleted and takes no writes: nothing was stored")]
    BucketClosing,
    /// The shard is not stored here.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The write was not acknowledged.
    #[error("{}", write_message(.0))]
    Write(#[from] WriteError),
    /// The replicas of the item did not acknowledge the write.
    #[error(transparent)]
    Coordinate(CoordinateError),
    /// Too few replicas answered.
    #[error(transparent)]
    Replicas(#[from] ReadError),
    /// The poll does not wait at the replicas.
    #[error(transparent)]
    Watch(WatchError),
    /// An item that the client has not seen deleted was forgotten by now.
    #[error("{}", ChangesError::Expired)]
    MarkerExpired,
    /// Part of a batch was stored.
    #[error("part of the batch may have been stored, and part not: send it again")]
    PartlyWritten,
    /// Part of what a DeleteBatch names was deleted.
    #[error("part of the items was deleted, and part not: send it again")]
    PartlyDeleted,
    /// The poll was not set up.
    #[error(transparent)]
    Poll(#[from] PollError),
    /// The store cannot be read. The cause goes to the log, not to the client.
    #[error("the node cannot read its store")]
    Store(#[from] StoreError),
}

impl ApiError {
    /// The HTTP status and the code in the body.
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        use ApiError as E;
        const INVALID: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "InvalidRequest");
        const UNAVAILABLE: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
        match self {
            E::Signature(error) => signature_status(error),
            E::Forbidden { .. } | E::CorsForbidden => (StatusCode::FORBIDDEN, "AccessDenied"),
            E::NoSuchBucket => (StatusCode::NOT_FOUND, "NoSuchBucket"),
            E::NoSuchKey => (StatusCode::NOT_FOUND, "NoSuchKey"),
            E::Route(error) => match error {
                RouteError::Path(error) => percent_status(*error),
                RouteError::NoBucket
                | RouteError::NoPartition
                | RouteError::Keywords
                | RouteError::BatchOnPartition { .. }
                | RouteError::Method { .. } => INVALID,
            },
            E::Query(error) => match error {
                QueryError::Encoding(error) => percent_status(*error),
                QueryError::Repeated { .. } | QueryError::KeywordValue { .. } => INVALID,
            },
            E::Key(error) | E::Listing(ListingError::Key(error)) => match error {
                KeyError::Empty(_) => INVALID,
                KeyError::TooLong { .. } => (StatusCode::BAD_REQUEST, "KeyTooLong"),
            },
            E::Token(_) => (StatusCode::BAD_REQUEST, "CausalityToken"),
            E::BodyNotText => (StatusCode::BAD_REQUEST, "InvalidUtf8String"),
            E::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "NotAcceptable"),
            E::Element { cause, .. } => cause.status_and_code(),
            E::Parameter { .. }
            | E::Header { .. }
            | E::Marker(_)
            | E::Listing(ListingError::StartOutsidePrefix { .. } | ListingError::SingleItem)
            | E::Json(_)
            | E::Base64
            | E::TooManyElements { .. }
            | E::BodyIncomplete => INVALID,
            E::BodyTooLarge { .. } | E::ValueTooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "EntityTooLarge")
            }
            E::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "RequestTimeout"),
            E::Write(error) => write_status(error),
            E::Coordinate(error) => match error {
                CoordinateError::Write(error) => write_status(error),
                CoordinateError::NoRoom => (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage"),
                CoordinateError::NotRead => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
                CoordinateError::NoReplica | CoordinateError::Unknown => UNAVAILABLE,
            },
            E::BucketClosing => (StatusCode::CONFLICT, "OperationAborted"),
            E::MarkerExpired => (StatusCode::BAD_REQUEST, "SeenMarkerExpired"),
            E::CutOff
            | E::Replicas(ReadError::Unavailable)
            | E::Watch(WatchError::Poll(_) | WatchError::Unavailable)
            | E::BodiesBusy
            | E::UnprovenBodiesBusy
            | E::AnswersBusy
            | E::Plan(PlanError::NoLayout | PlanError::NotHere)
            | E::PartlyWritten
            | E::PartlyDeleted
            | E::Poll(PollError::TooMany | PollError::Stopping) => UNAVAILABLE,
            E::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }

    /// What only the log may know of it.
    fn inner_cause(&self) -> Option<String> {
        if let ApiError::Store(error) | ApiError::Write(WriteError::NotRead(error)) = self {
            return Some(error.to_string());
        }
        if let ApiError::Write(WriteError::InsufficientStorage(cause)) = self {
            return Some(cause.to_string());
        }
        if let ApiError::Write(WriteError::Unknown(cause)) = self {
            return Some(cause.to_string());
        }
        None
    }

    /// Notes what only the log may know of it, if there is such a thing.
    pub(crate) fn log(&self, event: &str) {
        if let Some(cause) = self.inner_cause() {
            log::error!("{event}: {self}: {cause}");
        }
    }

    /// The answer: `{"code","message","region","path"}`.
    pub(crate) fn response(&self, region: &str, raw_path: &str) -> HttpResponse {
        self.log("a request failed");
        let (status, code) = self.status_and_code();
        let mut body = Vec::with_capacity(256);
        body.extend_from_slice(br#"{"code":"#);
        push_string(&mut body, code);
        body.extend_from_slice(br#","message":"#);
        push_string(&mut body, &self.to_string());
        body.extend_from_slice(br#","region":"#);
        push_string(&mut body, region);
        body.extend_from_slice(br#","path":"#);
        push_string(&mut body, raw_path);
        body.push(b'}');
        HttpResponse::build(status)
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .body(body)
    }
}

impl From<CoordinateError> for ApiError {
    fn from(error: CoordinateError) -> ApiError {
        match error {
            CoordinateError::Write(error) => ApiError::Write(error),
            error @ (CoordinateError::NoRoom
            | CoordinateError::NotRead
            | CoordinateError::NoReplica
            | CoordinateError::Unknown) => ApiError::Coordinate(error),
        }
    }
}

impl From<WatchError> for ApiError {
    fn from(error: WatchError) -> ApiError {
        match error {
            WatchError::Poll(error) => ApiError::Poll(error),
            error @ WatchError::Unavailable => ApiError::Watch(error),
        }
    }
}

impl From<ChangesError> for ApiError {
    fn from(error: ChangesError) -> ApiError {
        match error {
            ChangesError::Poll(error) => ApiError::Poll(error),
            ChangesError::Read(error) => ApiError::Replicas(error),
            ChangesError::Expired => ApiError::MarkerExpired,
        }
    }
}

fn write_status(error: &WriteError) -> (StatusCode, &'static str) {
    match error {
        WriteError::TooManyConcurrentValues { .. } | WriteError::TooManyConcurrentBytes { .. } => {
            (StatusCode::CONFLICT, "TooManyConcurrentValues")
        }
        WriteError::BatchTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "EntityTooLarge"),
        WriteError::InsufficientStorage(_) => (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage"),
        WriteError::NotRead(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        WriteError::Overloaded | WriteError::NotHere | WriteError::Stopping | WriteError::Unknown(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
        }
    }
}

fn percent_status(error: super::percent::PercentError) -> (StatusCode, &'static str) {
    match error {
        super::percent::PercentError::Escape => (StatusCode::BAD_REQUEST, "InvalidRequest"),
        super::percent::PercentError::Utf8 => (StatusCode::BAD_REQUEST, "InvalidUtf8String"),
    }
}

fn signature_status(error: &SigV4Error) -> (StatusCode, &'static str) {
    match error {
        SigV4Error::NoCredentials | SigV4Error::AccessDenied => (StatusCode::FORBIDDEN, "AccessDenied"),
        SigV4Error::TimeTooSkewed { .. } | SigV4Error::Expired => {
            (StatusCode::FORBIDDEN, "RequestTimeTooSkewed")
        }
        SigV4Error::Malformed { .. }
        | SigV4Error::WrongRegion { .. }
        | SigV4Error::WrongService
        | SigV4Error::WrongScopeDate => (StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed"),
        SigV4Error::PayloadMismatch => (StatusCode::BAD_REQUEST, "InvalidDigest"),
        SigV4Error::CredentialsTwice
        | SigV4Error::RepeatedHeader { .. }
        | SigV4Error::RepeatedParameter { .. }
        | SigV4Error::MissingHeader { .. }
        | SigV4Error::MissingParameter { .. }
        | SigV4Error::InvalidDate
        | SigV4Error::InvalidExpires
        | SigV4Error::UnsignedHeader { .. }
        | SigV4Error::AbsentSignedHeader { .. }
        | SigV4Error::InvalidQueryEscape
        | SigV4Error::StreamingPayload
        | SigV4Error::InvalidPayloadHash => (StatusCode::BAD_REQUEST, "InvalidRequest"),
    }
}

fn access_verb(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write to",
    }
}

/// Causes that come from storage stay in the log.
fn write_message(error: &WriteError) -> String {
    match error {
        WriteError::TooManyConcurrentValues { .. }
        | WriteError::TooManyConcurrentBytes { .. }
        | WriteError::BatchTooLarge { .. }
        | WriteError::Overloaded
        | WriteError::NotHere
        | WriteError::Stopping => error.to_string(),
        WriteError::InsufficientStorage(_) => {
            "the node has no room left, nothing was stored: deletions still work".to_owned()
        }
        WriteError::NotRead(_) => "the node cannot read its store, nothing was stored".to_owned(),
        WriteError::Unknown(_) => {
            "the write may or may not be kept: read the item, or write again".to_owned()
        }
    }
}
