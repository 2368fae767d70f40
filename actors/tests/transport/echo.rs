//! A subsystem that answers as its requests say, and remembers what it was told.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};
use troupe_actors::ids::NodeId;
use troupe_actors::transport::{Refusal, Serve};

/// What a node's subsystem was told, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    Asked(NodeId, Bytes),
    Told(NodeId, Bytes),
    Link(NodeId, bool),
}

/// Answers with the request's body; refuses `refuse`; answers `wait` when told to go on; never answers `never`.
pub(crate) struct Echo {
    heard: mpsc::UnboundedSender<Heard>,
    pub(crate) go_on: Arc<Notify>,
}

impl Echo {
    pub(crate) fn new() -> (Arc<Echo>, mpsc::UnboundedReceiver<Heard>) {
        let (heard, receiver) = mpsc::unbounded_channel();
        (Arc::new(Echo { heard, go_on: Arc::default() }), receiver)
    }

    fn hear(&self, heard: Heard) {
        // A test that looks at nothing has dropped its end.
        let _ = self.heard.send(heard);
    }
}

impl Serve for Echo {
    fn serve(&self, from: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        self.hear(Heard::Asked(from, body.clone()));
        let go_on = Arc::clone(&self.go_on);
        async move {
            match body.as_ref() {
                b"refuse" => Err(Refusal::Busy),
                b"never" => std::future::pending().await,
                b"wait" => {
                    go_on.notified().await;
                    Ok(body)
                }
                _ => Ok(body),
            }
        }
        .boxed()
    }

    fn told(&self, from: NodeId, body: Bytes) {
        self.hear(Heard::Told(from, body));
    }

    fn link(&self, peer: NodeId, is_up: bool) {
        self.hear(Heard::Link(peer, is_up));
    }
}
