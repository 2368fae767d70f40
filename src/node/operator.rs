//! What operators ask of this node through others, and of others through this one.

use crate::admin::local;
use crate::admin::{LocalAnswer, LocalCall, NodeView};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use troupe_actors::ids::NodeId;
use troupe_actors::transport::{Carry, Link, Refusal, Serve, Subsystem};

/// How long another node may take: an operator waits.
const DEADLINE: Duration = Duration::from_secs(5);

/// Answers other nodes, once the node has something to show.
#[derive(Clone, Default)]
pub(super) struct OperatorService(Arc<OnceLock<(NodeId, Arc<dyn NodeView>)>>);

impl OperatorService {
    /// From now on.
    pub(super) fn show(&self, node: NodeId, view: Arc<dyn NodeView>) {
        // It is said once.
        let _ = self.0.set((node, view));
    }
}

impl Serve for OperatorService {
    fn serve(&self, _: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        let shown = self.0.get().cloned();
        async move {
            let (node, view) = shown.ok_or(Refusal::NotServed)?;
            // A call of a newer version.
            let call: LocalCall = serde_json::from_slice(&body).map_err(|_| Refusal::NotServed)?;
            // It reads stores, and transports do not wait.
            let answer = tokio::task::spawn_blocking(move || local::answer(node, &*view, call)).await;
            let answer = answer.map_err(|_| Refusal::Stopping)?;
            serde_json::to_vec(&answer).map(Bytes::from).map_err(|_| Refusal::Failed)
        }
        .boxed()
    }

    fn told(&self, _: NodeId, _: Bytes) {
        // Nothing is told one way.
    }

    fn link(&self, _: NodeId, _: bool) {
        // Nothing depends on it.
    }
}

/// Asks another node.
pub(super) fn ask(carry: &dyn Carry, node: NodeId, call: &LocalCall) -> BoxFuture<'static, LocalAnswer> {
    let Ok(body) = serde_json::to_vec(call) else {
        return std::future::ready(LocalAnswer::Error("the call cannot be sent".to_owned())).boxed();
    };
    let asked = carry.request(node, Link::Request, Subsystem::Operator, body.into(), DEADLINE);
    async move {
        match asked.await {
            Ok(body) => serde_json::from_slice(&body).unwrap_or_else(|_| {
                LocalAnswer::Error("it answers in a way that this version does not understand".to_owned())
            }),
            Err(error) => LocalAnswer::Error(error.to_string()),
        }
    }
    .boxed()
}
