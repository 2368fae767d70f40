//! PollItem: the item, as soon as it holds something that the client has not seen.

use super::accept::Accept;
use super::poll::{Ears, Terms, poll_timeout, wait_for_news};
use super::read_item::answer;
use super::service::{Admitted, Outcome, Route, Service};
use crate::budget::limits::UNCOUNTED_BYTES_MAX;
use crate::http::error::ApiError;
use crate::http::held::settle;
use crate::http::query::Query;
use troupe_actors::ids::ItemKey;
use troupe_actors::shard::Watched;
use troupe_actors::store::{Snapshot, Store};

/// The item may be missing: its token may be newer than a backup that was restored.
pub(super) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    let accept = Accept::of(request.head)?;
    let (partition, sort_key) = request.item()?;
    let tokens = request.control.token_key.clone();
    let token = request.query.causality_token.as_deref().unwrap_or_default();
    let seen = tokens.open_token(partition.hash, sort_key.as_str(), token)?;
    let terms = Terms::new(service, request, poll_timeout(timeout_s(&request.query)?));
    let route = service.route(request.control, partition.shard())?;
    let key = ItemKey { partition: partition.hash, sort_key };
    let room = service.room(request);
    if let Route::Replicas(_) = route {
        let (replicas, control) = (service.replicas.clone(), service.control.clone());
        return Outcome::later(async move {
            let watched = Watched::Item(key.clone());
            // A poll may outlive several layouts.
            let layout = || control.snapshot().layout.clone();
            let subscribe = async || Ok(Ears::Replicas(replicas.watch(&layout(), watched.clone()).await?));
            wait_for_news(subscribe, terms, async || {
                let item = replicas.item(&layout(), &partition, &key.sort_key).await?;
                if item.is_covered_by(&seen) {
                    return Ok(None);
                }
                let share = room.estimate(UNCOUNTED_BYTES_MAX).await?;
                Ok(Some(settle(answer(&key, &item, accept, &tokens), share)))
            })
            .await
        });
    }
    let shards = service.shards.clone();
    Outcome::later(async move {
        let subscribe = async || Ok(Ears::Own(shards.subscribe_item(key.clone()).await?));
        let store = shards.store(key.partition.shard());
        wait_for_news(subscribe, terms, async || {
            // One commit may wake thousands: they look one after the other.
            let share = room.estimate(UNCOUNTED_BYTES_MAX).await?;
            match store.snapshot()?.item(&key)? {
                Some(item) if !item.is_covered_by(&seen) => {
                    Ok(Some(settle(answer(&key, &item, accept, &tokens), share)))
                }
                Some(_) | None => Ok(None),
            }
        })
        .await
    })
}

/// Digits only; more than any clock counts is as long as it gets.
fn timeout_s(query: &Query<'_>) -> Result<Option<u64>, ApiError> {
    let Some(text) = query.timeout.as_deref() else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let rule = "must be a whole number of seconds that is not negative";
        return Err(ApiError::Parameter { name: "timeout", rule });
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}
