//! Answers that no K2V server gives.

use http::StatusCode;

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
