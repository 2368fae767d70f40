//! What every call stands on, and what it is given of its request.

use crate::budget::Budget;
use crate::http::error::ApiError;
use crate::http::grant::Grant;
use crate::http::held::Room;
use crate::http::query::Query;
use crate::http::route::{Call, Target};
use crate::http::stop::Stopping;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use std::sync::Arc;
use troupe_actors::causality::{Context, Value};
use troupe_actors::control::{Control, ControlSnapshot};
use troupe_actors::ids::{Partition, PartitionKey, ShardIndex, SortKey};
use troupe_actors::layout::Layout;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::replication::plan::PlanError;
use troupe_actors::shard::{ItemWrite, Shards};
use troupe_actors::store::Store;

/// Carries a causality token in either direction.
pub(crate) const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-garage-causality-token");

/// The type of every answer that is not raw bytes. Clients compare it by equality.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What calls are served with.
pub(crate) struct Service<S: Store> {
    /// The shards of this node.
    pub(crate) shards: Shards<S>,
    /// The replicas of all shards.
    pub(crate) replicas: Replicas<S>,
    /// Longest value in bytes.
    pub(crate) value_bytes_max: usize,
    /// Buckets, keys, permissions, layout.
    pub(crate) control: Control,
    /// Whether polls should give up.
    pub(crate) stopping: Stopping,
    /// Memory for answers.
    pub(crate) answers: Arc<Budget>,
}

impl<S: Store> Clone for Service<S> {
    fn clone(&self) -> Service<S> {
        Service {
            shards: self.shards.clone(),
            replicas: self.replicas.clone(),
            value_bytes_max: self.value_bytes_max,
            control: self.control.clone(),
            stopping: self.stopping.clone(),
            answers: Arc::clone(&self.answers),
        }
    }
}

/// Who is asked about a shard.
#[derive(Clone)]
pub(super) enum Route {
    /// This node alone: its store is read directly.
    Own,
    /// As many replicas as the layout asks for. It is held as long as the request takes.
    Replicas(Layout),
}

/// A request that may be served: signed by a key with the permission, its body read and compared with its digest.
pub(crate) struct Admitted<'r> {
    /// What it asks for.
    pub(crate) call: Call,
    /// Where, and what lets it do so.
    pub(crate) grant: Grant,
    /// The path.
    pub(crate) target: Target<'r>,
    /// The query string.
    pub(crate) query: Query<'r>,
    /// The head, for the headers that only some calls look at.
    pub(crate) head: &'r HttpRequest,
    /// The whole body.
    pub(crate) body: &'r [u8],
    /// The control plane that the request was authorised by.
    pub(crate) control: &'r ControlSnapshot,
}

/// What became of a request whose body was read.
pub(crate) enum Outcome {
    /// It was answered from a snapshot.
    Now(HttpResponse),
    /// It waits for a shard. It holds nothing of the request that it does not need: polls wait long.
    Later(LocalBoxFuture<'static, Result<HttpResponse, ApiError>>),
}

impl Outcome {
    /// For an answer that has to wait.
    pub(super) fn later(
        answer: impl Future<Output = Result<HttpResponse, ApiError>> + 'static,
    ) -> Result<Outcome, ApiError> {
        Ok(Outcome::Later(Box::pin(answer)))
    }
}

impl Admitted<'_> {
    /// The partition that the path names.
    pub(super) fn partition(&self) -> Result<Partition, ApiError> {
        let key = PartitionKey::new(self.target.partition_key.as_deref().unwrap_or_default())?;
        Ok(Partition::new(self.grant.bucket, key))
    }

    /// The item that path and query name.
    pub(super) fn item(&self) -> Result<(Partition, SortKey), ApiError> {
        let sort_key = self
            .query
            .sort_key
            .as_deref()
            .ok_or(ApiError::Parameter { name: "sort_key", rule: "is missing: it names the item" })?;
        Ok((self.partition()?, SortKey::new(sort_key)?))
    }

    /// The causality token of a write.
    pub(super) fn token(&self) -> Result<Option<&str>, ApiError> {
        let mut tokens = self.head.headers().get_all(TOKEN_HEADER);
        let rule = |rule| ApiError::Header { name: "x-garage-causality-token", rule };
        match (tokens.next(), tokens.next()) {
            (None, _) => Ok(None),
            (Some(token), None) => {
                token.to_str().map(Some).map_err(|_| rule("must be the causality token of a read, unchanged"))
            }
            (Some(_), Some(_)) => Err(rule("must be sent once")),
        }
    }
}

impl<S: Store> Service<S> {
    /// Who is asked about a shard.
    pub(super) fn route(&self, control: &ControlSnapshot, shard: ShardIndex) -> Result<Route, PlanError> {
        let layout = &control.layout;
        if !layout.is_assigned() {
            return Err(PlanError::NoLayout);
        }
        Ok(if self.replicas.is_sole(layout, shard) { Route::Own } else { Route::Replicas(layout.clone()) })
    }

    /// Where answers to the request find room.
    pub(super) fn room(&self, request: &Admitted<'_>) -> Room {
        Room::new(&self.answers, request.grant.key)
    }

    /// Writes the item that the request names: what InsertItem and DeleteItem have in common.
    pub(super) fn write_item(
        &self,
        request: &Admitted<'_>,
        token: Option<&str>,
        value: Value<'static>,
    ) -> Result<Outcome, ApiError> {
        let (partition, sort_key) = request.item()?;
        let tokens = &request.control.token_key;
        let context = match token {
            Some(token) => tokens.open_token(partition.hash, sort_key.as_str(), token)?,
            None => Context::empty(),
        };
        let shard = partition.shard();
        self.route(request.control, shard)?;
        let (replicas, layout) = (self.replicas.clone(), request.control.layout.clone());
        let write = ItemWrite { partition, sort_key, context, value };
        Outcome::later(async move {
            replicas.write(&layout, shard, Arc::new(vec![write])).await?;
            Ok(HttpResponse::NoContent().finish())
        })
    }
}
