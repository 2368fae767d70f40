//! ReadItem, and the form in which an item is answered.

use super::accept::Accept;
use super::item_json::push_values;
use super::service::{Admitted, JSON, Outcome, Route, Service, TOKEN_HEADER};
use crate::budget::limits::UNCOUNTED_BYTES_MAX;
use crate::http::error::ApiError;
use crate::http::held::{Room, settle};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use std::sync::Arc;
use troupe_actors::causality::{Item, TokenKey, Value};
use troupe_actors::ids::{ItemKey, Partition};
use troupe_actors::layout::Layout;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::store::{Snapshot, Store};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Answers with the item as it is now.
pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let accept = Accept::of(request.head)?;
    let (partition, sort_key) = request.item()?;
    let shard = partition.shard();
    let route = service.route(request.control, shard)?;
    let key = ItemKey { partition: partition.hash, sort_key };
    if let Route::Replicas(layout) = route {
        let (replicas, room) = (service.replicas.clone(), service.room(request));
        let tokens = request.control.token_key.clone();
        return Outcome::later(read_at_replicas(replicas, layout, partition, key, accept, tokens, room));
    }
    let store = service.shards.store(shard);
    let tokens = &request.control.token_key;
    let bytes = match store.snapshot()?.item(&key)? {
        Some(item) => match answer_bytes(&item) {
            ..=UNCOUNTED_BYTES_MAX => return Ok(Outcome::Now(answer(&key, &item, accept, tokens))),
            bytes => bytes,
        },
        None => return Err(ApiError::NoSuchKey),
    };
    // A large one is read again when there is room for it: a snapshot would not wait so long.
    let (store, tokens, room) = (Arc::clone(store), tokens.clone(), service.room(request));
    Outcome::later(async move {
        let share = room.estimate(bytes).await?;
        let snapshot = store.snapshot()?;
        let item = snapshot.item(&key)?.ok_or(ApiError::NoSuchKey)?;
        Ok(settle(answer(&key, &item, accept, &tokens), share))
    })
}

/// Answers with the item as a quorum of its replicas holds it.
async fn read_at_replicas<S: Store>(
    replicas: Replicas<S>,
    layout: Layout,
    partition: Partition,
    key: ItemKey,
    accept: Accept,
    tokens: TokenKey,
    room: Room,
) -> Result<HttpResponse, ApiError> {
    let read = || replicas.item(&layout, &partition, &key.sort_key);
    let item = existing(read().await?)?;
    let bytes = answer_bytes(&item);
    if bytes <= UNCOUNTED_BYTES_MAX {
        return Ok(answer(&key, &item, accept, &tokens));
    }
    // A large one is read again when there is room for it.
    drop(item);
    let mut share = room.estimate(bytes).await?;
    share.hold();
    let item = existing(read().await?)?;
    Ok(settle(answer(&key, &item, accept, &tokens), share))
}

/// An item without a live value is one that was never written, or whose tombstone was forgotten.
fn existing(item: Item<'static>) -> Result<Item<'static>, ApiError> {
    if item.sibling_count() > 0 { Ok(item) } else { Err(ApiError::NoSuchKey) }
}

/// The most that an answer with the item takes.
fn answer_bytes(item: &Item<'_>) -> usize {
    let value = |value: &Value<'_>| value.bytes().map_or(5, |bytes| bytes.len().div_ceil(3) * 4 + 3);
    item.siblings().map(|(_, sibling)| value(sibling)).sum::<usize>() + 2
}

/// The answer for an item, by the table of the protocol: what the client accepts against how many values there are.
pub(super) fn answer(key: &ItemKey, item: &Item<'_>, accept: Accept, tokens: &TokenKey) -> HttpResponse {
    let mut siblings = item.siblings();
    let first = siblings.next().map(|(_, value)| value);
    let is_single = match (first, siblings.next()) {
        (Some(_), None) => true,
        (None, _) | (_, Some(_)) => item.values().len() == 1,
    };
    let with_token = |status| -> HttpResponseBuilder {
        let token = tokens.seal_token(key.partition, key.sort_key.as_str(), &item.token_context());
        let token =
            HeaderValue::try_from(token).expect("base64url is visible ASCII, which any header may hold");
        let mut response = HttpResponse::build(status);
        response.insert_header((TOKEN_HEADER, token));
        response
    };
    match (accept, is_single, first) {
        (Accept::Octets | Accept::Either, true, Some(Value::Bytes(bytes))) => {
            with_token(StatusCode::OK).insert_header((CONTENT_TYPE, OCTETS)).body(bytes.to_vec())
        }
        // Garage's clients look at the type before they look at the status.
        (Accept::Octets | Accept::Either, true, Some(Value::Tombstone) | None) => {
            with_token(StatusCode::NO_CONTENT).insert_header((CONTENT_TYPE, OCTETS)).finish()
        }
        (Accept::Octets, false, _) => with_token(StatusCode::CONFLICT).finish(),
        (Accept::Json, _, _) | (Accept::Either, false, _) => {
            let mut body = Vec::with_capacity(answer_bytes(item));
            push_values(&mut body, item);
            with_token(StatusCode::OK).insert_header((CONTENT_TYPE, JSON)).body(body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::{MessageBody, to_bytes};
    use troupe_actors::causality::{Context, Dot};
    use troupe_actors::ids::{ActorId, PartitionHash, SortKey};

    fn item(values: &[Option<&'static str>]) -> Item<'static> {
        let mut item = Item::empty();
        for (time, value) in (1..).zip(values) {
            let value = value.map_or(Value::Tombstone, |text| Value::Bytes(text.as_bytes().into()));
            item.write(Dot { actor: ActorId(7), time }, &Context::empty(), value);
        }
        item
    }

    const JSON: Option<&str> = Some("application/json");
    const OCTETS: Option<&str> = Some("application/octet-stream");

    fn key() -> ItemKey {
        ItemKey { partition: PartitionHash([3; 16]), sort_key: SortKey::new("sk").unwrap() }
    }

    async fn check(
        values: &[Option<&'static str>],
        accept: Accept,
        status: u16,
        content_type: Option<&str>,
        body: &str,
    ) {
        let (item, tokens) = (item(values), TokenKey::new(&[1; 32]));
        let response = answer(&key(), &item, accept, &tokens);
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let token = tokens.seal_token(key().partition, key().sort_key.as_str(), &item.token_context());
        assert_eq!(header(TOKEN_HEADER), Some(token));
        assert_eq!(header(CONTENT_TYPE).as_deref(), content_type, "{values:?} {accept:?}");
        assert_eq!(response.status().as_u16(), status, "{values:?} {accept:?}");
        let bytes = to_bytes(response.into_body().boxed()).await.unwrap();
        assert_eq!(bytes, body, "{values:?} {accept:?}");
    }

    #[actix_web::test]
    async fn the_accept_table_holds() {
        check(&[Some("a")], Accept::Json, 200, JSON, r#"["YQ=="]"#).await;
        check(&[None], Accept::Json, 200, JSON, "[null]").await;
        check(&[Some("a"), None], Accept::Json, 200, JSON, r#"["YQ==",null]"#).await;

        check(&[Some("a")], Accept::Octets, 200, OCTETS, "a").await;
        check(&[Some("")], Accept::Octets, 200, OCTETS, "").await;
        check(&[None], Accept::Octets, 204, OCTETS, "").await;
        check(&[Some("a"), Some("b")], Accept::Octets, 409, None, "").await;

        check(&[Some("a")], Accept::Either, 200, OCTETS, "a").await;
        check(&[None], Accept::Either, 204, OCTETS, "").await;
        check(&[Some("a"), Some("b")], Accept::Either, 200, JSON, r#"["YQ==","Yg=="]"#).await;
    }

    #[actix_web::test]
    async fn equal_concurrent_values_are_one_value() {
        check(&[Some("a"), Some("a")], Accept::Octets, 200, OCTETS, "a").await;
        check(&[None, None], Accept::Either, 204, OCTETS, "").await;
    }
}
