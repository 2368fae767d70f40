use super::UsageError;
use super::model::ErrorBody;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use troupe_actors::control::{ControlError, NameError};
use troupe_actors::ids::BucketId;
use troupe_actors::replication::handle::ReadError;
use troupe_actors::store::StoreError;

/// Why the admin API refuses.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the body is not the JSON that this call takes: {0}")]
    Body(String),
    #[error("the body did not come within {} s", super::BODY_TIMEOUT.as_secs())]
    BodyTimeout,
    #[error("the query string is not what this call takes: {0}")]
    Query(String),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("give exactly one of {0}")]
    OneOf(&'static str),
    #[error("`{field}` must be {expected}")]
    Field { field: &'static str, expected: &'static str },
    #[error("no bucket is called `{0}`, and no id begins like that")]
    NoBucketFound(String),
    #[error("{count} buckets match `{search}`: give the whole name or more of the id")]
    BucketAmbiguous { search: String, count: usize },
    #[error("no access key is called `{0}`, and no id begins like that")]
    NoKeyFound(String),
    #[error("{count} access keys match `{search}`: give the id")]
    KeyAmbiguous { search: String, count: usize },
    #[error("no admin token is called `{0}`, and no id begins like that")]
    NoTokenFound(String),
    #[error("{count} admin tokens match `{search}`: give the id")]
    TokenAmbiguous { search: String, count: usize },
    #[error("there is no node {0} in this cluster")]
    NoSuchNode(String),
    #[error("bucket {0} is not empty: delete its items first")]
    BucketNotEmpty(BucketId),
    #[error(
        "the port of the admin API needs a token: set `admin_token` in section [admin], or make one with the command `troupe admin-token create`"
    )]
    NoTokenConfigured,
    #[error("the call needs the header `Authorization: Bearer TOKEN`")]
    NoToken,
    #[error("the token is unknown, has expired, or its scope does not cover this call")]
    TokenRefused,
    #[error(
        "a token hands out no more than it has: give a `scope` out of [{scope}]{expires}, or use a token that has more"
    )]
    BeyondCaller { scope: String, expires: String },
    #[error("{endpoint} is not offered: {reason}")]
    NotOffered { endpoint: String, reason: &'static str },
    #[error("there is no such call in this API")]
    UnknownEndpoint,
    #[error("{endpoint} takes {method}: send that")]
    Method { endpoint: &'static str, method: String },
    #[error("the store cannot be read; the log has the reason")]
    Store(#[source] StoreError),
    #[error(transparent)]
    Replicas(ReadError),
    #[error("the node is stopping")]
    Stopping,
}

impl From<UsageError> for AdminError {
    fn from(error: UsageError) -> AdminError {
        match error {
            UsageError::Store(error) => AdminError::Store(error),
            UsageError::Replicas(error) => AdminError::Replicas(error),
            UsageError::Stopping => AdminError::Stopping,
        }
    }
}

impl AdminError {
    /// Status and code, in one place.
    fn kind(&self) -> (StatusCode, &'static str) {
        let bad_request = (StatusCode::BAD_REQUEST, "InvalidRequest");
        match self {
            AdminError::Control(error) => control_kind(error),
            AdminError::Name(NameError::Alias) => (StatusCode::BAD_REQUEST, "InvalidBucketName"),
            AdminError::Name(
                NameError::KeyId | NameError::SecretKey | NameError::AdminTokenId | NameError::FreeText,
            )
            | AdminError::Body(_)
            | AdminError::Query(_)
            | AdminError::Missing(_)
            | AdminError::OneOf(_)
            | AdminError::Field { .. }
            | AdminError::BucketAmbiguous { .. }
            | AdminError::KeyAmbiguous { .. }
            | AdminError::TokenAmbiguous { .. } => bad_request,
            AdminError::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "RequestTimeout"),
            AdminError::NoBucketFound(_) => (StatusCode::NOT_FOUND, "NoSuchBucket"),
            AdminError::NoKeyFound(_) => (StatusCode::NOT_FOUND, "NoSuchAccessKey"),
            AdminError::NoTokenFound(_) => (StatusCode::NOT_FOUND, "NoSuchAdminToken"),
            AdminError::NoSuchNode(_) => (StatusCode::NOT_FOUND, "NoSuchNode"),
            AdminError::BucketNotEmpty(_) => (StatusCode::CONFLICT, "BucketNotEmpty"),
            AdminError::NoTokenConfigured
            | AdminError::NoToken
            | AdminError::TokenRefused
            | AdminError::BeyondCaller { .. } => (StatusCode::FORBIDDEN, "AccessDenied"),
            AdminError::NotOffered { .. } => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
            AdminError::UnknownEndpoint => (StatusCode::NOT_FOUND, "InvalidRequest"),
            AdminError::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "InvalidRequest"),
            AdminError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            AdminError::Replicas(_) | AdminError::Stopping => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
        }
    }

    /// The answer to a request for `path`.
    pub(super) fn response(&self, region: &str, path: &str) -> HttpResponse {
        let (status, code) = self.kind();
        if let AdminError::Store(error) = self {
            log::error!("admin: the store cannot be read: {error}");
        }
        HttpResponse::build(status).json(ErrorBody {
            code: code.to_owned(),
            message: self.to_string(),
            region: region.to_owned(),
            path: path.to_owned(),
        })
    }
}

fn control_kind(error: &ControlError) -> (StatusCode, &'static str) {
    match error {
        ControlError::NoSuchBucket(_) => (StatusCode::NOT_FOUND, "NoSuchBucket"),
        ControlError::NoSuchKey(_) => (StatusCode::NOT_FOUND, "NoSuchAccessKey"),
        ControlError::NoSuchAdminToken(_) => (StatusCode::NOT_FOUND, "NoSuchAdminToken"),
        ControlError::AliasTaken(_) | ControlError::BucketIdTaken(_) => {
            (StatusCode::CONFLICT, "BucketAlreadyExists")
        }
        ControlError::KeyIdTaken(_) => (StatusCode::CONFLICT, "KeyAlreadyExists"),
        ControlError::AdminTokenIdTaken(_) => (StatusCode::CONFLICT, "AdminTokenAlreadyExists"),
        ControlError::NoSuchAlias(_)
        | ControlError::LastAlias(_)
        | ControlError::Cors(_)
        | ControlError::Scope
        | ControlError::Role { .. }
        | ControlError::NoSuchRole(_)
        | ControlError::WrongLayoutVersion { .. }
        | ControlError::NothingStaged
        | ControlError::NoSuchLayoutVersion { .. }
        | ControlError::Assignment(_) => (StatusCode::BAD_REQUEST, "InvalidRequest"),
        ControlError::AppliedByOthers { .. } => (StatusCode::CONFLICT, "LayoutConflict"),
        ControlError::NotApplied { .. }
        | ControlError::Undecided { .. }
        | ControlError::Unconfirmed { .. }
        | ControlError::Busy
        | ControlError::Stopped
        | ControlError::Unknown(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        ControlError::NotStored(_) => (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage"),
    }
}

/// What a handler gives back.
pub(super) type AdminResult = Result<HttpResponse, AdminError>;
