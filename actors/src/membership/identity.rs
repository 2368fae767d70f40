//! Who a member is. It stands in every packet, as postcard writes it:
//!
//! ```text
//! node [32] ‖ boot varint u64 ‖ renewal varint u64 ‖ 0, or 1 ‖ length varint ‖ address
//! ```

use crate::ids::NodeId;
use crate::limits::PEER_ADDR_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Where a node is reached: a host name or an IP address, and a port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeerAddr(Arc<str>);

/// An address has more than [`PEER_ADDR_BYTES_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an address of a node may have at most {PEER_ADDR_BYTES_MAX} bytes")]
pub struct AddrTooLong;

impl PeerAddr {
    /// Checks the length.
    ///
    /// # Errors
    /// [`AddrTooLong`].
    pub fn new(addr: &str) -> Result<PeerAddr, AddrTooLong> {
        if addr.len() > PEER_ADDR_BYTES_MAX {
            return Err(AddrTooLong);
        }
        Ok(PeerAddr(addr.into()))
    }

    /// As `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PeerAddr {
    type Error = AddrTooLong;

    fn try_from(addr: String) -> Result<PeerAddr, AddrTooLong> {
        PeerAddr::new(&addr)
    }
}

impl From<PeerAddr> for String {
    fn from(addr: PeerAddr) -> String {
        addr.0.as_ref().to_owned()
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node in one of its lives. Of two that name the same node, the one with the higher [`MemberId::generation`] holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MemberId {
    /// The node.
    pub node: NodeId,
    /// The number of its start: ascends with each, as long as its clock does.
    pub boot: u64,
    /// What it added to the number since: see [`MemberId::renewed`].
    pub renewal: u64,
    /// Where it is reached; `None` if nobody told it.
    pub addr: Option<PeerAddr>,
}

impl MemberId {
    /// A node that has just started.
    pub fn new(node: NodeId, boot: u64, addr: Option<PeerAddr>) -> MemberId {
        MemberId { node, boot, renewal: 0, addr }
    }

    /// Whom a first packet is addressed to: whatever generation the node is in.
    pub(super) fn any(node: NodeId) -> MemberId {
        MemberId::new(node, 0, None)
    }

    /// Ascends over the lives of a node.
    pub fn generation(&self) -> u64 {
        self.boot.saturating_add(self.renewal)
    }

    /// The node's next life. The step doubles each time: a node whose clock was put back by an hour, so that the generation of
    /// its start is lower than that of an earlier one, is above it after some twenty steps of a round trip each.
    #[must_use]
    pub fn renewed(&self) -> MemberId {
        let renewal = self.renewal.saturating_mul(2).saturating_add(1);
        MemberId { renewal, ..self.clone() }
    }
}

impl foca::Identity for MemberId {
    type Addr = NodeId;

    fn renew(&self) -> Option<MemberId> {
        let renewed = self.renewed();
        (renewed.generation() > self.generation()).then_some(renewed)
    }

    fn addr(&self) -> NodeId {
        self.node
    }

    fn win_addr_conflict(&self, other: &MemberId) -> bool {
        let rank = |id: &MemberId| (id.generation(), id.boot, id.addr.clone());
        rank(self) > rank(other)
    }
}
