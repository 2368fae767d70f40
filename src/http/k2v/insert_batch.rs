//! InsertBatch: everything is validated before anything is written, and each shard's part is one transaction.

use super::request::{Text, parse_list};
use super::service::{Admitted, Outcome, Service};
use crate::http::error::ApiError;
use crate::http::limits::BATCH_ITEMS_MAX;
use actix_web::HttpResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use troupe_actors::causality::{Context, TokenKey, Value};
use troupe_actors::ids::{BucketId, Partition, PartitionKey, ShardIndex, SortKey};
use troupe_actors::layout::Layout;
use troupe_actors::replication::coordinator::CoordinateError;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::shard::ItemWrite;
use troupe_actors::store::Store;

pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let tokens = &request.control.token_key;
    let writes = parse_insert_batch(request.body, request.grant.bucket, tokens, service.value_bytes_max)?;
    let mut parts = Vec::with_capacity(writes.len());
    for (shard, writes) in writes {
        service.route(request.control, shard)?;
        parts.push((shard, Arc::new(writes)));
    }
    let (replicas, layout) = (service.replicas.clone(), request.control.layout.clone());
    Outcome::later(async move {
        insert_batch(&replicas, &layout, parts).await?;
        Ok(HttpResponse::NoContent().finish())
    })
}

/// The writes of a batch by shard, in the client's order.
pub(super) type WritesByShard = BTreeMap<ShardIndex, Vec<ItemWrite>>;

#[derive(Deserialize)]
struct InsertItem<'b> {
    #[serde(borrow)]
    pk: Text<'b>,
    #[serde(borrow)]
    sk: Text<'b>,
    #[serde(borrow, default)]
    ct: Option<Text<'b>>,
    #[serde(borrow, default)]
    v: Option<Text<'b>>,
}

/// Reads and validates the whole body.
pub(super) fn parse_insert_batch(
    body: &[u8],
    bucket: BucketId,
    tokens: &TokenKey,
    value_bytes_max: usize,
) -> Result<WritesByShard, ApiError> {
    let items: Vec<InsertItem<'_>> = parse_list(body, BATCH_ITEMS_MAX)?;
    let mut writes = WritesByShard::new();
    let mut last: Option<Partition> = None;
    for (at, item) in items.iter().enumerate() {
        let in_element = |cause: ApiError| ApiError::Element { at, cause: Box::new(cause) };
        // A batch is mostly about one partition after the other.
        let partition = match last.take() {
            Some(last) if last.key.as_str() == item.pk.0 => last,
            Some(_) | None => Partition::new(
                bucket,
                PartitionKey::new(&item.pk.0).map_err(|error| in_element(error.into()))?,
            ),
        };
        let sort_key = SortKey::new(&item.sk.0).map_err(|error| in_element(error.into()))?;
        let context = match &item.ct {
            Some(token) => tokens
                .open_token(partition.hash, sort_key.as_str(), &token.0)
                .map_err(|error| in_element(error.into()))?,
            None => Context::empty(),
        };
        let write = ItemWrite {
            sort_key,
            context,
            value: value(item.v.as_ref(), value_bytes_max).map_err(in_element)?,
            partition: partition.clone(),
        };
        writes.entry(partition.shard()).or_default().push(write);
        last = Some(partition);
    }
    Ok(writes)
}

/// Writes a batch, each shard's part in one transaction. If it spans shards, all of them are asked before the first
/// one writes, so that a refusal that can be foreseen stores nothing.
async fn insert_batch<S: Store>(
    replicas: &Replicas<S>,
    layout: &Layout,
    parts: Vec<(ShardIndex, Arc<Vec<ItemWrite>>)>,
) -> Result<(), ApiError> {
    if parts.len() > 1 {
        let checks = parts.iter().map(|(shard, writes)| replicas.check(layout, *shard, Arc::clone(writes)));
        for check in join_all(checks).await {
            check?;
        }
    }
    let parts = parts.into_iter().map(|(shard, writes)| replicas.write(layout, shard, writes));
    outcome_of_parts(join_all(parts).await)
}

/// One answer for all parts: an error that says "nothing was stored" is only true if no part was.
fn outcome_of_parts(parts: Vec<Result<(), CoordinateError>>) -> Result<(), ApiError> {
    let is_stored_nowhere =
        parts.iter().all(|part| part.as_ref().is_err_and(CoordinateError::is_certainly_not_stored));
    match parts.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(error) if is_stored_nowhere => Err(error.into()),
        Some(_) => Err(ApiError::PartlyWritten),
    }
}

fn value(base64: Option<&Text<'_>>, bytes_max: usize) -> Result<Value<'static>, ApiError> {
    let Some(base64) = base64 else { return Ok(Value::Tombstone) };
    if base64.0.len() / 4 * 3 > bytes_max + 2 {
        return Err(ApiError::ValueTooLarge { bytes_max });
    }
    let bytes = STANDARD.decode(base64.0.as_bytes()).map_err(|_| ApiError::Base64)?;
    if bytes.len() > bytes_max {
        return Err(ApiError::ValueTooLarge { bytes_max });
    }
    Ok(Value::Bytes(Cow::Owned(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use troupe_actors::causality::TokenError;
    use troupe_actors::ids::KeyError;
    use troupe_actors::shard::{UnknownCause, WriteError};
    use troupe_actors::store::lane::PersistError;

    fn parse(body: &str) -> Result<WritesByShard, ApiError> {
        parse_insert_batch(body.as_bytes(), BucketId([0; 32]), &TokenKey::new(&[1; 32]), 4)
    }

    fn check_refused(body: &str, is_expected: fn(&ApiError) -> bool) {
        let error = parse(body).unwrap_err();
        let ApiError::Element { cause, .. } = &error else { panic!("{body}: {error}") };
        assert!(is_expected(cause), "{body}: {cause}");
    }

    #[test]
    fn missing_and_null_are_the_same() {
        let writes = parse(r#"[{"pk":"p","sk":"a"},{"pk":"p","sk":"b","ct":null,"v":null,"x":1}]"#).unwrap();
        let writes: Vec<_> = writes.into_values().flatten().collect();
        assert_eq!(writes.len(), 2);
        assert!(writes.iter().all(|write| write.value == Value::Tombstone));
        assert!(writes.iter().all(|write| write.context == Context::empty()));
    }

    #[test]
    fn an_empty_batch_is_nothing_to_write() {
        assert!(parse("[]").unwrap().is_empty());
        assert!(matches!(parse(""), Err(ApiError::Json(_))));
        assert!(matches!(parse("{}"), Err(ApiError::Json(_))));
        assert!(matches!(parse(r#"[{"pk":"p"}]"#), Err(ApiError::Json(_))));
    }

    #[test]
    fn one_bad_element_refuses_the_batch_and_is_named() {
        let error = parse(r#"[{"pk":"p","sk":"a"},{"pk":"p","sk":""}]"#).unwrap_err();
        assert_eq!(error.to_string(), "element 1 of the list, counted from 0: a sort key may not be empty");
        check_refused(r#"[{"pk":"","sk":"a"}]"#, |e| matches!(e, ApiError::Key(KeyError::Empty(_))));
        let long = "k".repeat(1025);
        check_refused(&format!(r#"[{{"pk":"p","sk":"{long}"}}]"#), |e| {
            matches!(e, ApiError::Key(KeyError::TooLong { .. }))
        });
        check_refused(r#"[{"pk":"p","sk":"a","ct":"AAAA"}]"#, |e| {
            matches!(e, ApiError::Token(TokenError::Malformed))
        });
        check_refused(r#"[{"pk":"p","sk":"a","v":"YQ"}]"#, |e| matches!(e, ApiError::Base64));
        check_refused(r#"[{"pk":"p","sk":"a","v":"-_-_"}]"#, |e| matches!(e, ApiError::Base64));
        check_refused(r#"[{"pk":"p","sk":"a","v":"YWFhYWE="}]"#, |e| {
            matches!(e, ApiError::ValueTooLarge { bytes_max: 4 })
        });
        check_refused(r#"[{"pk":"p","sk":"a","v":"YWFhYWFhYWFh"}]"#, |e| {
            matches!(e, ApiError::ValueTooLarge { bytes_max: 4 })
        });
    }

    #[test]
    fn the_same_key_twice_makes_two_writes_in_order() {
        let writes = parse(r#"[{"pk":"p","sk":"a","v":"YQ=="},{"pk":"p","sk":"a","v":"Yg=="}]"#).unwrap();
        let values: Vec<_> = writes.into_values().flatten().map(|write| write.value).collect();
        assert_eq!(values, [Value::Bytes(b"a"[..].into()), Value::Bytes(b"b"[..].into())]);
    }

    #[test]
    fn a_batch_is_only_said_to_be_refused_if_no_part_was_stored() {
        let refused = || Err(WriteError::TooManyConcurrentValues { max: 1 }.into());
        let full = || Err(WriteError::InsufficientStorage(PersistError::Fenced).into());
        let unknown = || Err(WriteError::Unknown(UnknownCause::Timeout).into());
        assert!(outcome_of_parts(vec![Ok(()), Ok(())]).is_ok());
        assert!(matches!(
            outcome_of_parts(vec![refused(), full()]),
            Err(ApiError::Write(WriteError::TooManyConcurrentValues { .. }))
        ));
        assert!(matches!(outcome_of_parts(vec![Ok(()), refused()]), Err(ApiError::PartlyWritten)));
        assert!(matches!(outcome_of_parts(vec![full(), unknown()]), Err(ApiError::PartlyWritten)));
    }
}
