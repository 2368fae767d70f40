//! The first thing that two nodes say to each other, and whether they go on.
//!
//! ```text
//! who connected            who was connected to
//!   ── Hello, proof ──▶        admits or turns away
//!   ◀── Hello, proof ──        the link is up
//! ```
//!
//! Before it, TLS has shown each side the other's node id. The proof is an HMAC of the TLS session under `rpc_secret`: it
//! serves no other session, and neither side can send back what it was sent.

use super::{Environment, Link};
use crate::ids::{ClusterId, NodeId};
use crate::limits::{PEER_ADDR_BYTES_MAX, PEER_ENVIRONMENTS_MAX};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::ops::RangeInclusive;

/// Wire versions that this build speaks. A build speaks its own and the one before, so that a cluster is upgraded node by
/// node.
pub(crate) const WIRE_VERSIONS: RangeInclusive<u8> = 1..=1;

/// What a node says of itself first. Fields are only ever appended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The oldest wire version that it speaks.
    pub(crate) version_oldest: u8,
    /// The newest wire version that it speaks.
    pub(crate) version_newest: u8,
    /// That it knows `rpc_secret`: HMAC-SHA256 over this TLS session and who speaks.
    pub(crate) proof: [u8; 32],
    /// Its cluster, once it has one.
    pub(crate) cluster: Option<ClusterId>,
    /// The number of its present run.
    pub(crate) boot: u64,
    /// What the connection is for.
    pub(crate) link: Link,
    /// Where it is reached, as `host:port`, if it was told.
    pub(crate) public_addr: Option<String>,
    /// Its stores.
    pub(crate) environments: Vec<Environment>,
}

/// Why a node turns another one away. The order of the variants is what is sent: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Goodbye {
    /// The proof is not that of this node's `rpc_secret`.
    #[error("the nodes have different values of `rpc_secret`")]
    WrongSecret,
    /// Both have a cluster, and not the same.
    #[error("the nodes belong to different clusters")]
    OtherCluster,
    /// No wire version is spoken by both.
    #[error("the nodes speak no common version: upgrade the older one")]
    OtherVersion,
    /// The node was removed from the cluster.
    #[error("the node was removed from the cluster: `node connect` takes it in again")]
    Removed,
    /// The node has connected to itself.
    #[error("the address is the node's own")]
    Oneself,
    /// The hello makes no sense.
    #[error("the hello cannot be read")]
    Malformed,
    /// There is such a link already.
    #[error("there is a link already")]
    Linked,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}

/// Which end of a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// It connected.
    Dialer,
    /// It was connected to.
    Listener,
}

impl Side {
    /// The other one.
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Dialer => Side::Listener,
            Side::Listener => Side::Dialer,
        }
    }
}

/// What all nodes of a cluster know: `rpc_secret`.
#[derive(Clone)]
pub struct ClusterSecret([u8; 32]);

impl ClusterSecret {
    /// The secret with these bytes.
    pub fn new(bytes: [u8; 32]) -> ClusterSecret {
        ClusterSecret(bytes)
    }

    /// The proof of `side` for the TLS session that exports `session`.
    pub(crate) fn prove(&self, side: Side, session: &[u8; 32]) -> [u8; 32] {
        self.mac(side, session).finalize().into_bytes().into()
    }

    /// Whether `proof` is that of `side`. Takes the same time for every proof.
    pub(crate) fn is_proven(&self, side: Side, session: &[u8; 32], proof: &[u8; 32]) -> bool {
        self.mac(side, session).verify_slice(proof).is_ok()
    }

    fn mac(&self, side: Side, session: &[u8; 32]) -> Hmac<Sha256> {
        // An HMAC takes keys of every length.
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.0) {
            Ok(mac) => mac,
            Err(impossible) => unreachable!("{impossible}"),
        };
        mac.update(match side {
            Side::Dialer => b"troupe rpc dialer",
            Side::Listener => b"troupe rpc listener",
        });
        mac.update(session);
        mac
    }
}

/// What a node asks of another one's hello.
pub(crate) struct Gate<'a> {
    /// This node.
    pub(crate) own: NodeId,
    /// `rpc_secret`.
    pub(crate) secret: &'a ClusterSecret,
    /// This node's cluster, once it has one.
    pub(crate) cluster: Option<ClusterId>,
    /// What TLS exports for this session.
    pub(crate) session: [u8; 32],
}

impl Gate<'_> {
    /// The wire version that is spoken with `peer`, whose hello this is and who speaks from `side`.
    pub(crate) fn admit(&self, peer: NodeId, side: Side, hello: &Hello) -> Result<u8, Goodbye> {
        if !self.secret.is_proven(side, &self.session, &hello.proof) {
            return Err(Goodbye::WrongSecret);
        }
        let is_malformed = hello.environments.len() > PEER_ENVIRONMENTS_MAX
            || hello.public_addr.as_ref().is_some_and(|addr| addr.len() > PEER_ADDR_BYTES_MAX);
        if is_malformed {
            return Err(Goodbye::Malformed);
        }
        if peer == self.own {
            return Err(Goodbye::Oneself);
        }
        match (self.cluster, hello.cluster) {
            (Some(own), Some(other)) if own != other => return Err(Goodbye::OtherCluster),
            (Some(_) | None, Some(_) | None) => {}
        }
        common_version(WIRE_VERSIONS, hello.version_oldest..=hello.version_newest)
            .ok_or(Goodbye::OtherVersion)
    }
}

/// The newest version that both speak.
fn common_version(own: RangeInclusive<u8>, other: RangeInclusive<u8>) -> Option<u8> {
    let newest = *own.end().min(other.end());
    (own.contains(&newest) && other.contains(&newest)).then_some(newest)
}

#[cfg(test)]
mod tests;
