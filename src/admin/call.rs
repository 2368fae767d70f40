//! The parts of a call that handlers ask for.

use super::access::Caller;
use super::error::{AdminError, AdminResult};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Query};
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
