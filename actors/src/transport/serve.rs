use crate::ids::NodeId;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whom a message is for. The number is what is sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Subsystem {
    /// Buckets, keys, layout.
    Control = 1,
    /// Who is alive.
    Membership = 2,
    /// States of items to be merged and acknowledged.
    Merge = 3,
    /// Requests of gateways, reads of replicas.
    Replication = 4,
    /// Comparing and transferring shards.
    AntiEntropy = 5,
    /// What an operator asks of a node through another one.
    Operator = 6,
}

impl Subsystem {
    /// All of them.
    pub const ALL: [Subsystem; 6] = [
        Subsystem::Control,
        Subsystem::Membership,
        Subsystem::Merge,
        Subsystem::Replication,
        Subsystem::AntiEntropy,
        Subsystem::Operator,
    ];

    /// The subsystem with this number, if this version knows one.
    pub fn from_number(number: u8) -> Option<Subsystem> {
        Subsystem::ALL.into_iter().find(|subsystem| *subsystem as u8 == number)
    }
}

/// The peer did not carry a request out.
///
/// The order of the variants is what is sent: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It has as much to do as it may have.
    #[error("it has too much to do")]
    Busy,
    /// It does not serve this subsystem or this kind of request: it is older, or still starting.
    #[error("it does not serve this kind of request")]
    NotServed,
    /// It cannot read the body.
    #[error("it cannot read the request")]
    Malformed,
    /// It is stopping.
    #[error("it is stopping")]
    Stopping,
    /// It tried and failed, and has logged why. It may be half done.
    #[error("it failed")]
    Failed,
}

/// One subsystem's side that answers. Called on the threads of the transport, so no call may block.
pub trait Serve: Send + Sync + 'static {
    /// Answers a request. The future is dropped if the request's deadline passes first, but not if its link is lost.
    fn serve(&self, from: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>>;

    /// Takes what a peer told.
    fn told(&self, from: NodeId, body: Bytes);

    /// The request link to `peer` came up (`is_up`), or the last one went down. A link that was replaced by a newer one is
    /// told as down and up.
    fn link(&self, peer: NodeId, is_up: bool);
}

/// What a node serves to its peers.
#[derive(Clone, Default)]
pub struct Services(BTreeMap<Subsystem, Arc<dyn Serve>>);

impl Services {
    /// Has `serve` answer what is sent to `subsystem`.
    #[must_use]
    pub fn with(mut self, subsystem: Subsystem, serve: Arc<dyn Serve>) -> Services {
        self.0.insert(subsystem, serve);
        self
    }

    /// Who answers for `subsystem`.
    pub fn get(&self, subsystem: Subsystem) -> Option<&Arc<dyn Serve>> {
        self.0.get(&subsystem)
    }

    /// Tells every subsystem that the request link to `peer` came up or went down.
    pub fn link(&self, peer: NodeId, is_up: bool) {
        self.0.values().for_each(|serve| serve.link(peer, is_up));
    }
}
