//! From a request that may be served to the call that serves it: what each call needs is parsed, all of it, before
//! anything is done.

use super::error::ApiError;
use super::gateway::Gateway;
use super::k2v::accept::Accept;
use super::k2v::delete_batch::{delete_batch, parse_delete_batch};
use super::k2v::insert_batch::{insert_batch, parse_insert_batch};
use super::k2v::pages::json_response;
use super::k2v::poll_item::{PollItem, poll_item};
use super::k2v::poll_range::{parse_poll_range, poll_range};
use super::k2v::poll_timeout;
use super::k2v::read_batch::{ReadBatchPages, parse_read_batch};
use super::k2v::read_index::{ReadIndexPages, parse_read_index};
use super::k2v::read_item::{TOKEN_HEADER, read_item};
use super::query::Query;
use super::route::{Call, Target};
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use std::borrow::Cow;
use troupe_actors::causality::{Context, Value};
use troupe_actors::control::ControlSnapshot;
use troupe_actors::ids::{BucketId, ItemKey, Partition, PartitionKey, ShardIndex, SortKey};
use troupe_actors::shard::{ItemWrite, WritePlan};
use troupe_actors::store::Store;

/// What became of a request whose body was read.
pub(super) enum Outcome {
    /// It was answered from a snapshot.
    Now(HttpResponse),
    /// It waits for a shard. It holds nothing of the request that it does not need: polls wait long.
    Later(LocalBoxFuture<'static, Result<HttpResponse, ApiError>>),
}

/// A request that may be served.
pub(super) struct Admitted<'r> {
    pub(super) call: Call,
    pub(super) bucket: BucketId,
    pub(super) target: Target<'r>,
    pub(super) query: Query<'r>,
}

impl<S: Store> Gateway<S> {
    /// Serves the request, or begins to.
    pub(super) fn call(
        &self,
        admitted: &Admitted<'_>,
        request: &HttpRequest,
        body: &[u8],
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        match admitted.call {
            Call::ReadItem => self.read_item(admitted, request, control).map(Outcome::Now),
            Call::PollItem => self.poll_item(admitted, request, control),
            Call::InsertItem => self.insert_item(admitted, request, body, control),
            Call::DeleteItem => self.delete_item(admitted, request, control),
            Call::ReadIndex => self.read_index(admitted, control).map(Outcome::Now),
            Call::InsertBatch => self.insert_batch(admitted, body, control),
            Call::ReadBatch => self.read_batch(admitted, body, control).map(Outcome::Now),
            Call::DeleteBatch => self.delete_batch(admitted, body, control),
            Call::PollRange => self.poll_range(admitted, body, control),
        }
    }

    fn read_item(
        &self,
        admitted: &Admitted<'_>,
        request: &HttpRequest,
        control: &ControlSnapshot,
    ) -> Result<HttpResponse, ApiError> {
        let accept = accept(request)?;
        let (partition, sort_key) = admitted.item()?;
        self.plan(control, partition.shard())?;
        let key = ItemKey { partition: partition.hash, sort_key };
        read_item(&**self.shards.store(partition.shard()), &key, accept, &control.token_key)
    }

    fn poll_item(
        &self,
        admitted: &Admitted<'_>,
        request: &HttpRequest,
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        let accept = accept(request)?;
        let (partition, sort_key) = admitted.item()?;
        let token = admitted.query.causality_token.as_deref().unwrap_or_default();
        let poll = PollItem {
            key: ItemKey { partition: partition.hash, sort_key },
            seen: control.token_key.open_token(token)?,
            timeout: poll_timeout(timeout_s(&admitted.query)?),
            accept,
        };
        self.plan(control, partition.shard())?;
        let tokens = control.token_key.clone();
        let polled = poll_item(poll, self.shards.clone(), tokens, self.stopping.clone());
        Ok(Outcome::Later(Box::pin(polled)))
    }

    fn insert_item(
        &self,
        admitted: &Admitted<'_>,
        request: &HttpRequest,
        body: &[u8],
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        let context = match token(request)? {
            Some(token) => control.token_key.open_token(token)?,
            None => Context::empty(),
        };
        let value = Value::Bytes(Cow::Owned(body.to_vec()));
        self.write_item(admitted, control, context, value)
    }

    fn delete_item(
        &self,
        admitted: &Admitted<'_>,
        request: &HttpRequest,
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        let token = token(request)?.ok_or(ApiError::Header {
            name: "x-garage-causality-token",
            rule: "is missing: read the item, and delete it with the causality token that comes with it",
        })?;
        self.write_item(admitted, control, control.token_key.open_token(token)?, Value::Tombstone)
    }

    fn write_item(
        &self,
        admitted: &Admitted<'_>,
        control: &ControlSnapshot,
        context: Context,
        value: Value<'static>,
    ) -> Result<Outcome, ApiError> {
        let (partition, sort_key) = admitted.item()?;
        let shard = partition.shard();
        let plan = self.plan(control, shard)?;
        let shards = self.shards.clone();
        let write = ItemWrite { partition, sort_key, context, value };
        Ok(Outcome::Later(Box::pin(async move {
            shards.write(shard, vec![write], plan).await?;
            Ok(HttpResponse::NoContent().finish())
        })))
    }

    fn read_index(
        &self,
        admitted: &Admitted<'_>,
        control: &ControlSnapshot,
    ) -> Result<HttpResponse, ApiError> {
        let listing = parse_read_index(&admitted.query)?;
        ShardIndex::all().try_for_each(|shard| self.plan(control, shard).map(drop))?;
        json_response(ReadIndexPages::new(&self.shards, admitted.bucket, listing)?)
    }

    fn insert_batch(
        &self,
        admitted: &Admitted<'_>,
        body: &[u8],
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        let tokens = &control.token_key;
        let writes = parse_insert_batch(body, admitted.bucket, tokens, self.value_bytes_max)?;
        let mut plans = Vec::with_capacity(writes.len());
        for (shard, writes) in writes {
            plans.push((shard, writes, self.plan(control, shard)?));
        }
        let shards = self.shards.clone();
        Ok(Outcome::Later(Box::pin(async move {
            insert_batch(&shards, plans).await?;
            Ok(HttpResponse::NoContent().finish())
        })))
    }

    fn read_batch(
        &self,
        admitted: &Admitted<'_>,
        body: &[u8],
        control: &ControlSnapshot,
    ) -> Result<HttpResponse, ApiError> {
        let queries = parse_read_batch(body, admitted.bucket)?;
        for query in &queries {
            self.plan(control, query.partition().shard())?;
        }
        json_response(ReadBatchPages::new(self.shards.clone(), control.token_key.clone(), queries))
    }

    fn delete_batch(
        &self,
        admitted: &Admitted<'_>,
        body: &[u8],
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        let mut plans = Vec::new();
        for query in parse_delete_batch(body, admitted.bucket)? {
            let plan = self.plan(control, query.partition().shard())?;
            plans.push((query, plan));
        }
        let shards = self.shards.clone();
        Ok(Outcome::Later(Box::pin(async move {
            let answer = delete_batch(&shards, plans).await?;
            let json = HeaderValue::from_static("application/json");
            Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, json)).body(answer))
        })))
    }

    fn poll_range(
        &self,
        admitted: &Admitted<'_>,
        body: &[u8],
        control: &ControlSnapshot,
    ) -> Result<Outcome, ApiError> {
        let partition = admitted.partition()?;
        let poll = parse_poll_range(body, &partition, &control.token_key)?;
        self.plan(control, partition.shard())?;
        let tokens = control.token_key.clone();
        let polled = poll_range(poll, self.shards.clone(), tokens, self.stopping.clone());
        Ok(Outcome::Later(Box::pin(polled)))
    }

    /// Who stores a shard, if this node does.
    fn plan(&self, control: &ControlSnapshot, shard: ShardIndex) -> Result<WritePlan, ApiError> {
        match control.layout.replicas(shard) {
            [] => Err(ApiError::NoLayout),
            [sole] if *sole == self.node => Ok(WritePlan::sole_replica()),
            replicas if replicas.contains(&self.node) => Ok(WritePlan {
                peers: replicas.iter().copied().filter(|replica| *replica != self.node).collect(),
                quorum: replicas.len() / 2 + 1,
            }),
            _ => Err(ApiError::NotHere),
        }
    }
}

impl Admitted<'_> {
    fn partition(&self) -> Result<Partition, ApiError> {
        let key = PartitionKey::new(self.target.partition_key.as_deref().unwrap_or_default())?;
        Ok(Partition::new(self.bucket, key))
    }

    fn item(&self) -> Result<(Partition, SortKey), ApiError> {
        let sort_key = self
            .query
            .sort_key
            .as_deref()
            .ok_or(ApiError::Parameter { name: "sort_key", rule: "is missing: it names the item" })?;
        Ok((self.partition()?, SortKey::new(sort_key)?))
    }
}

fn accept(request: &HttpRequest) -> Result<Accept, ApiError> {
    let texts = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    Ok(Accept::parse(texts)?)
}

/// The causality token of a write.
fn token(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let mut tokens = request.headers().get_all(TOKEN_HEADER);
    let rule = |rule| ApiError::Header { name: "x-garage-causality-token", rule };
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(None),
        (Some(token), None) => {
            token.to_str().map(Some).map_err(|_| rule("must be the causality token of a read, unchanged"))
        }
        (Some(_), Some(_)) => Err(rule("must be sent once")),
    }
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
