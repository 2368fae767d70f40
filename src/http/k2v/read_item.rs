//! ReadItem, and the form in which an item is answered.

use super::accept::Accept;
use super::item_json::push_values;
use super::service::{Admitted, JSON, Outcome, Service, TOKEN_HEADER};
use crate::http::error::ApiError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use troupe_actors::causality::{Item, TokenKey, Value};
use troupe_actors::ids::ItemKey;
use troupe_actors::store::{Snapshot, Store};

/// Answers with the item as it is now.
pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let accept = Accept::of(request.head)?;
    let (partition, sort_key) = request.item()?;
    let shard = partition.shard();
    service.plan(request.control, shard)?;
    let key = ItemKey { partition: partition.hash, sort_key };
    match service.shards.store(shard).snapshot()?.item(&key)? {
        Some(item) => answer(&item, accept, &request.control.token_key).map(Outcome::Now),
        None => Err(ApiError::NoSuchKey),
    }
}

/// The answer for an item, by the table of the protocol: what the client accepts against how many values there are.
pub(super) fn answer(item: &Item<'_>, accept: Accept, tokens: &TokenKey) -> Result<HttpResponse, ApiError> {
    let mut siblings = item.siblings();
    let first = siblings.next().map(|(_, value)| value);
    let is_single = match (first, siblings.next()) {
        (Some(_), None) => true,
        (None, _) | (_, Some(_)) => item.values().len() == 1,
    };
    let with_token = |status| -> Result<HttpResponseBuilder, ApiError> {
        let token = HeaderValue::try_from(tokens.seal_token(&item.context()));
        let mut response = HttpResponse::build(status);
        // Sealed tokens are base64url, which any header may hold.
        response.insert_header((TOKEN_HEADER, token.unwrap_or(HeaderValue::from_static(""))));
        Ok(response)
    };
    match (accept, is_single, first) {
        (Accept::Octets | Accept::Either, true, Some(Value::Bytes(bytes))) => {
            let octets = HeaderValue::from_static("application/octet-stream");
            Ok(with_token(StatusCode::OK)?.insert_header((CONTENT_TYPE, octets)).body(bytes.to_vec()))
        }
        (Accept::Octets | Accept::Either, true, Some(Value::Tombstone) | None) => {
            Ok(with_token(StatusCode::NO_CONTENT)?.finish())
        }
        (Accept::Octets, false, _) => Ok(with_token(StatusCode::CONFLICT)?.finish()),
        (Accept::Json, _, _) | (Accept::Either, false, _) => {
            let mut body = Vec::with_capacity(512);
            push_values(&mut body, item);
            Ok(with_token(StatusCode::OK)?.insert_header((CONTENT_TYPE, JSON)).body(body))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::{MessageBody, to_bytes};
    use troupe_actors::causality::{Context, Dot};
    use troupe_actors::ids::ActorId;

    fn item(values: &[Option<&'static str>]) -> Item<'static> {
        let mut item = Item::empty();
        for (time, value) in (1..).zip(values) {
            let value = value.map_or(Value::Tombstone, |text| Value::Bytes(text.as_bytes().into()));
            item.write(Dot { actor: ActorId(7), time }, &Context::empty(), value);
        }
        item
    }

    async fn check(
        values: &[Option<&'static str>],
        accept: Accept,
        status: u16,
        content_type: Option<&str>,
        body: &str,
    ) {
        let (item, tokens) = (item(values), TokenKey::new(&[1; 32]));
        let response = answer(&item, accept, &tokens).unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header(TOKEN_HEADER), Some(tokens.seal_token(&item.context())));
        assert_eq!(header(CONTENT_TYPE).as_deref(), content_type, "{values:?} {accept:?}");
        assert_eq!(response.status().as_u16(), status, "{values:?} {accept:?}");
        let bytes = to_bytes(response.into_body().boxed()).await.unwrap();
        assert_eq!(bytes, body, "{values:?} {accept:?}");
    }

    #[actix_web::test]
    async fn the_accept_table_holds() {
        const JSON: Option<&str> = Some("application/json");
        const OCTETS: Option<&str> = Some("application/octet-stream");
        check(&[Some("a")], Accept::Json, 200, JSON, r#"["YQ=="]"#).await;
        check(&[None], Accept::Json, 200, JSON, "[null]").await;
        check(&[Some("a"), None], Accept::Json, 200, JSON, r#"["YQ==",null]"#).await;

        check(&[Some("a")], Accept::Octets, 200, OCTETS, "a").await;
        check(&[Some("")], Accept::Octets, 200, OCTETS, "").await;
        check(&[None], Accept::Octets, 204, None, "").await;
        check(&[Some("a"), Some("b")], Accept::Octets, 409, None, "").await;

        check(&[Some("a")], Accept::Either, 200, OCTETS, "a").await;
        check(&[None], Accept::Either, 204, None, "").await;
        check(&[Some("a"), Some("b")], Accept::Either, 200, JSON, r#"["YQ==","Yg=="]"#).await;
    }

    #[actix_web::test]
    async fn equal_concurrent_values_are_one_value() {
        check(&[Some("a"), Some("a")], Accept::Octets, 200, Some("application/octet-stream"), "a").await;
        check(&[None, None], Accept::Either, 204, None, "").await;
    }
}
