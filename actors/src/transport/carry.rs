use super::{Link, LinkState, Refusal, Subsystem};
use crate::ids::NodeId;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A request did not end in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// The peer never sees the request: another one may be asked.
    #[error("the request was not sent: {0}")]
    NotSent(#[from] NotSent),
    /// The peer may have carried the request out, may be doing so, or may never see it.
    #[error("the request was sent and its outcome is unknown: {0}")]
    Unknown(#[from] UnknownOutcome),
    /// The peer answered that it did not carry the request out, and why.
    #[error("the peer refused: {0}")]
    Refused(#[from] Refusal),
}

/// Why a message was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSent {
    /// There is no link to this peer, or the peer is not known.
    #[error("there is no link to the peer")]
    NoLink,
    /// As many messages or bytes wait for the link as may.
    #[error("too much waits for the link")]
    QueueFull,
    /// The body is longer than [`crate::limits::MESSAGE_BYTES_MAX`].
    #[error("the message is too long")]
    TooLong,
    /// This node is stopping.
    #[error("this node is stopping")]
    Stopping,
}

/// Why an outcome is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnknownOutcome {
    /// The link went down before the answer came.
    #[error("the link was lost")]
    LinkLost,
    /// The deadline passed before the answer came.
    #[error("the deadline passed")]
    Deadline,
}

/// Carries messages to other nodes. All calls may be made from any thread and none of them blocks.
pub trait Carry: Send + Sync + 'static {
    /// Asks `subsystem` of the node `to`. The request is queued, or refused, when this is called, not when the future is
    /// first polled; dropping the future takes nothing back.
    ///
    /// After `deadline` the outcome is unknown, and the peer stops working on the answer. Bodies on one link may overtake
    /// each other.
    fn request(
        &self,
        to: NodeId,
        link: Link,
        subsystem: Subsystem,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>>;

    /// Tells `subsystem` of the node `to` something, over the request link. Nobody learns whether it arrived.
    ///
    /// # Errors
    /// [`NotSent`] where it is certain that it does not arrive.
    fn tell(&self, to: NodeId, subsystem: Subsystem, body: Bytes) -> Result<(), NotSent>;

    /// Every known peer, and how the request link to it is. A snapshot, cheap to take.
    fn links(&self) -> Arc<BTreeMap<NodeId, LinkState>>;
}

/// The way to the other nodes.
pub type Peers = Arc<dyn Carry>;
