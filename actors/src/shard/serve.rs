//! The side of a merge that stores it.

use super::Shards;
use super::message::{MergeAnswer, MergeRefusal, MergeRequest};
use crate::ids::{NodeId, ShardIndex};
use crate::store::Store;
use crate::transport::{Refusal, Serve};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Whether this node holds a replica of a shard, in any live layout version.
pub type Holds = Arc<dyn Fn(ShardIndex) -> bool + Send + Sync>;

/// Merges what coordinators send, and answers after the commit.
pub struct MergeServer<S: Store> {
    shards: Shards<S>,
    holds: Holds,
}

impl<S: Store> MergeServer<S> {
    /// Serves the shards that this node `holds`.
    pub fn new(shards: Shards<S>, holds: Holds) -> MergeServer<S> {
        MergeServer { shards, holds }
    }
}

impl<S: Store> Serve for MergeServer<S> {
    fn serve(&self, _: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        let (shards, holds) = (self.shards.clone(), Arc::clone(&self.holds));
        async move {
            let MergeRequest { shard, states } =
                MergeRequest::decode(&body).map_err(|_| Refusal::Malformed)?;
            let answer = if !holds(shard) {
                MergeAnswer::Refused(MergeRefusal::NotHere)
            } else {
                match shards.merge(shard, states).await {
                    Ok(()) => MergeAnswer::Stored,
                    Err(error) => MergeAnswer::Refused(error.into()),
                }
            };
            Ok(answer.encode().into())
        }
        .boxed()
    }

    fn told(&self, _: NodeId, _: Bytes) {
        // Whoever sends states waits for their being durable: nothing is told one way.
    }

    fn link(&self, _: NodeId, _: bool) {
        // The requests of a lost link end by themselves.
    }
}
