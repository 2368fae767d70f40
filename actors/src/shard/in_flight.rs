//! Batches between their minting and the last replica's answer.

use super::quorum::Quorum;
use super::{BatchId, Fence, RequestId};
use crate::causality::Dot;
use crate::ids::{ItemKey, NodeId};
use crate::limits::PEER_TICKS_MAX;
use std::collections::BTreeMap;

/// One batch.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    /// `None` once the client has been answered.
    pub(super) request: Option<RequestId>,
    pub(super) fence: Fence,
    /// Merges that changed nothing, and hold what this batch stores.
    pub(super) waiting: Vec<RequestId>,
    /// What changed, in the order of minting; taken by the commit.
    pub(super) dots: Vec<(Dot, ItemKey)>,
    /// What its new states take in memory; nothing once they are on this node's disk.
    pub(super) bytes: usize,
    /// Whether other replicas were sent the batch too.
    pub(super) is_shared: bool,
    pub(super) quorum: Quorum,
    /// How long its peers have had to answer.
    pub(super) ticks: u32,
}

impl InFlight {
    /// Whether nothing waits for it: it is stored here, and the client was told. What other replicas make of it later is
    /// not this write's business.
    pub(super) fn is_settled(&self) -> bool {
        self.quorum.is_own_durable() && self.request.is_none() && self.waiting.is_empty()
    }

    /// The requests that a refusal of the batch is told to.
    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> {
        self.request.iter().chain(&self.waiting).copied()
    }
}

/// Every batch that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Batches {
    batches: BTreeMap<BatchId, InFlight>,
    /// The sum of theirs.
    bytes: usize,
}

impl Batches {
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Bytes of new states that are held until they are stored.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn begin(&mut self, batch: BatchId, in_flight: InFlight) {
        self.bytes += in_flight.bytes;
        self.batches.insert(batch, in_flight);
    }

    pub(super) fn get_mut(&mut self, batch: BatchId) -> Option<&mut InFlight> {
        self.batches.get_mut(&batch)
    }

    /// The batch is on this node's disk: its dots, in the order of minting.
    pub(super) fn stored(&mut self, batch: BatchId) -> Option<Vec<(Dot, ItemKey)>> {
        let write = self.batches.get_mut(&batch)?;
        write.quorum.own_is_durable();
        self.bytes -= std::mem::take(&mut write.bytes);
        Some(std::mem::take(&mut write.dots))
    }

    /// Forgets what a replica said of every batch: these are all batches.
    pub(super) fn peer_is_reborn(&mut self, peer: NodeId) -> Vec<BatchId> {
        self.batches.values_mut().for_each(|write| write.quorum.peer_is_reborn(peer));
        self.batches.keys().copied().collect()
    }

    /// Counts one more tick, and gives up on the peers of batches that had their time: these batches.
    pub(super) fn tick(&mut self) -> Vec<BatchId> {
        let mut late = Vec::new();
        for (batch, write) in self.batches.iter_mut().filter(|(_, write)| write.quorum.awaits_peers()) {
            write.ticks += 1;
            if write.ticks >= PEER_TICKS_MAX {
                write.quorum.peers_are_late();
                late.push(*batch);
            }
        }
        late
    }

    pub(super) fn await_peers(&self) -> bool {
        self.batches.values().any(|write| write.quorum.awaits_peers())
    }

    pub(super) fn end(&mut self, batch: BatchId) -> Option<InFlight> {
        let write = self.batches.remove(&batch)?;
        self.bytes -= write.bytes;
        Some(write)
    }
}
