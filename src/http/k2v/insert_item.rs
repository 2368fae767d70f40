//! InsertItem: the body becomes a new value, which overwrites what the causality token covers.

use super::service::{Admitted, Outcome, Service};
use crate::http::error::ApiError;
use std::borrow::Cow;
use troupe_actors::causality::Value;
use troupe_actors::store::Store;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    service.write_item(request, request.token()?, Value::Bytes(Cow::Owned(request.body.to_vec())))
}
