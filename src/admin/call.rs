//! The parts of a call that handlers ask for.

use super::access::Caller;
use super::error::{AdminError, AdminResult};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Query};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use troupe_actors::clock::WallMs;

/// A call that was let in.
pub(super) struct Call {
    query: BTreeMap<String, String>,
    body: Bytes,
    pub(super) caller: Caller,
    pub(super) now: WallMs,
}

impl Call {
    pub(super) fn new(query: &str, body: Bytes, caller: Caller, now: WallMs) -> Result<Call, AdminError> {
        let query = Query::<BTreeMap<String, String>>::from_query(query);
        let query = query.map_err(|e| AdminError::Query(e.to_string()))?.into_inner();
        Ok(Call { query, body, caller, now })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn needed(&self, name: &'static str) -> Result<&str, AdminError> {
        self.parameter(name).ok_or(AdminError::Missing(name))
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, AdminError> {
        match self.parameter(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(AdminError::Field { field: name, expected: "true or false" }),
        }
    }

    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, AdminError> {
        serde_json::from_slice(&self.body).map_err(|e| AdminError::Body(e.to_string()))
    }

    /// The body of a call that can do without one.
    pub(super) fn body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, AdminError> {
        if self.body.trim_ascii().is_empty() { Ok(T::default()) } else { self.body() }
    }
}

pub(super) fn json(body: &impl Serialize) -> AdminResult {
    Ok(HttpResponse::Ok().json(body))
}

/// Milliseconds since 1970 as RFC 3339. A time beyond what it can write is shown as its last one.
pub(super) fn rfc3339(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_string()
}

/// `expiration` and `neverExpires` of a body: nothing, never, or milliseconds since 1970.
pub(super) fn expiration(date: Option<&str>, never: bool) -> Result<Option<Option<u64>>, AdminError> {
    let field = "expiration";
    match (date, never) {
        (None, false) => Ok(None),
        (None, true) => Ok(Some(None)),
        (Some(_), true) => Err(AdminError::OneOf("`expiration` and `neverExpires`")),
        (Some(date), false) => {
            let expected = "a date after 1970 by RFC 3339, such as 2030-01-31T12:00:00Z";
            let ms = date.parse::<Timestamp>().ok().and_then(|t| u64::try_from(t.as_millisecond()).ok());
            ms.map(|ms| Some(Some(ms))).ok_or(AdminError::Field { field, expected })
        }
    }
}
