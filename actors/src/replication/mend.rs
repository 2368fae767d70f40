//! Having a replica merge what others hold.

use crate::causality::{Context, Item};
use crate::ids::{NodeId, Partition, SortKey};
use crate::limits::MEND_TIMEOUT_MS;
use crate::shard::message::{MergeAnswer, MergeRequest};
use crate::shard::{ItemState, Shards, States};
use crate::store::Store;
use crate::transport::{Link, Peers, Subsystem};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// Has the replica `at` of the partition's shard merge these states, which are filled. The future ends with whether they
/// are durable there, after [`MEND_TIMEOUT_MS`] at the latest; they may become so later.
pub(super) fn mend<S: Store>(
    shards: &Shards<S>,
    peers: &Peers,
    own: NodeId,
    at: NodeId,
    partition: &Partition,
    states: &[(SortKey, Item<'static>)],
) -> BoxFuture<'static, bool> {
    let shard = partition.shard();
    let items = states.iter().filter_map(|(sort_key, item)| {
        ItemState::new(partition.clone(), sort_key.clone(), Bytes::from(item.encode()))
    });
    let states = States { clock: Context::empty(), items: items.collect() };
    let deadline = Duration::from_millis(MEND_TIMEOUT_MS);
    if at == own {
        let shards = shards.clone();
        return Box::pin(async move {
            let merged = tokio::time::timeout(deadline, shards.merge(shard, states)).await;
            merged.is_ok_and(|outcome| outcome.is_ok())
        });
    }
    let body = Bytes::from(MergeRequest::encode(shard, &states));
    let answer = peers.request(at, Link::Request, Subsystem::Merge, body, deadline);
    Box::pin(async move {
        let answer = answer.await.ok().and_then(|body| MergeAnswer::decode(&body).ok());
        answer == Some(MergeAnswer::Stored)
    })
}
