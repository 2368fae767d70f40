//! DeleteItem: a tombstone, which overwrites what the causality token covers.

use super::service::{Admitted, Outcome, Service};
use crate::http::error::ApiError;
use troupe_actors::causality::Value;
use troupe_actors::store::Store;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let token = request.token()?.ok_or(ApiError::Header {
        name: "x-garage-causality-token",
        rule: "is missing: read the item, and delete it with the causality token that comes with it",
    })?;
    service.write_item(request, Some(token), Value::Tombstone)
}
