//! Which shards are compared with which replica next.

use super::core::{EntropyLimits, Shard};
use super::progress::PeerProgress;
use crate::ids::{NodeId, ShardIndex};
use std::collections::{BTreeMap, BTreeSet};

/// How urgent a comparison is, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Urgency {
    /// This node gained the shard.
    Receiving,
    /// This node lost its memory.
    Amnesiac,
    /// The turn of the shard, the one that was compared longest ago first.
    Turn,
}

/// A shard and another replica of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Pair {
    pub(super) shard: ShardIndex,
    pub(super) peer: NodeId,
}

#[derive(Clone, Copy, Debug, Default)]
struct Comparison {
    /// Not before this time.
    due_ms: u64,
    /// When the two were found equal or made equal.
    compared_ms: Option<u64>,
    /// Whether they differed at the last look.
    is_suspect: bool,
    /// Whether it waits for a round or is in one.
    is_in_round: bool,
}

#[derive(Debug, Default)]
struct Peer {
    is_up: bool,
    /// Whether a question about digests waits for its answer.
    is_asked: bool,
}

/// The comparisons that are due.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    peers: BTreeMap<NodeId, Peer>,
    comparisons: BTreeMap<Pair, Comparison>,
}

impl Schedule {
    /// A link came: what may have been missed is compared at once. Or it went.
    pub(super) fn link(&mut self, peer: NodeId, is_up: bool) {
        self.peers.entry(peer).or_default().is_up = is_up;
        if is_up {
            let of_peer = self.comparisons.iter_mut().filter(|(pair, _)| pair.peer == peer);
            of_peer.for_each(|(_, comparison)| comparison.due_ms = 0);
        }
    }

    /// Everything is due.
    pub(super) fn hurry(&mut self) {
        self.comparisons.values_mut().for_each(|comparison| comparison.due_ms = 0);
    }

    /// Keeps a comparison for each replica of each shard.
    pub(super) fn laid_out(&mut self, shards: &BTreeMap<ShardIndex, Shard>) {
        let pairs: BTreeSet<Pair> = shards
            .iter()
            .filter(|(_, held)| held.standing.is_open())
            .flat_map(|(shard, held)| held.peers.iter().map(|peer| Pair { shard: *shard, peer: *peer }))
            .collect();
        self.comparisons.retain(|pair, _| pairs.contains(pair));
        for pair in pairs {
            self.comparisons.entry(pair).or_default();
        }
    }

    /// The nodes that may be asked now, and the shards that are due with each, the most urgent first.
    pub(super) fn due(
        &mut self,
        now_ms: u64,
        urgency: impl Fn(ShardIndex) -> Urgency,
    ) -> Vec<(NodeId, Vec<ShardIndex>)> {
        let mut due: BTreeMap<NodeId, Vec<(Urgency, Option<u64>, ShardIndex)>> = BTreeMap::new();
        for (pair, comparison) in &self.comparisons {
            let is_free = self.peers.get(&pair.peer).is_some_and(|peer| peer.is_up && !peer.is_asked);
            if is_free && !comparison.is_in_round && comparison.due_ms <= now_ms {
                let entry = (urgency(pair.shard), comparison.compared_ms, pair.shard);
                due.entry(pair.peer).or_default().push(entry);
            }
        }
        let ordered = |(peer, mut shards): (NodeId, Vec<_>)| {
            shards.sort_unstable();
            (peer, shards.into_iter().map(|(_, _, shard)| shard).collect())
        };
        due.into_iter().map(ordered).collect()
    }

    /// Digests were asked for, or the answer is here.
    pub(super) fn asked(&mut self, peer: NodeId, is_asked: bool) {
        self.peers.entry(peer).or_default().is_asked = is_asked;
    }

    /// The two are equal.
    pub(super) fn is_equal(&mut self, pair: Pair, now_ms: u64, limits: &EntropyLimits) {
        if let Some(comparison) = self.comparisons.get_mut(&pair) {
            *comparison = Comparison {
                due_ms: now_ms.saturating_add(limits.interval_ms),
                compared_ms: Some(now_ms),
                ..Comparison::default()
            };
        }
    }

    /// The two differ. `true`: they differed before, too, so that a round is to begin.
    pub(super) fn differs(&mut self, pair: Pair, now_ms: u64, limits: &EntropyLimits) -> bool {
        let Some(comparison) = self.comparisons.get_mut(&pair) else { return false };
        let differed_before = std::mem::replace(&mut comparison.is_suspect, true);
        comparison.due_ms = now_ms.saturating_add(limits.recheck_ms);
        comparison.is_in_round |= differed_before;
        differed_before
    }

    /// Nothing came of it: later again.
    pub(super) fn failed(&mut self, pair: Pair, now_ms: u64, limits: &EntropyLimits) {
        self.postpone(pair, now_ms.saturating_add(limits.retry_ms));
    }

    /// The other side repairs it.
    pub(super) fn left_to_peer(&mut self, pair: Pair, now_ms: u64, limits: &EntropyLimits) {
        if self.comparisons.get(&pair).is_some_and(|comparison| !comparison.is_in_round) {
            self.postpone(pair, now_ms.saturating_add(limits.interval_ms));
        }
    }

    fn postpone(&mut self, pair: Pair, due_ms: u64) {
        if let Some(comparison) = self.comparisons.get_mut(&pair) {
            comparison.is_in_round = false;
            comparison.due_ms = due_ms;
        }
    }

    /// How it is with each node.
    pub(super) fn by_peer(&self, now_ms: u64) -> BTreeMap<NodeId, PeerProgress> {
        let mut peers: BTreeMap<NodeId, PeerProgress> = BTreeMap::new();
        for (pair, comparison) in &self.comparisons {
            let peer = peers.entry(pair.peer).or_default();
            let is_differing = comparison.is_suspect || comparison.is_in_round;
            peer.shards += 1;
            peer.differing += usize::from(is_differing);
            let is_fresh = comparison.compared_ms.is_some() && comparison.due_ms > now_ms;
            peer.equal += usize::from(is_fresh && !is_differing);
        }
        for (node, peer) in &mut peers {
            peer.is_up = self.peers.get(node).is_some_and(|peer| peer.is_up);
        }
        peers
    }

    /// How many pairs were never compared, and the oldest comparison of the others.
    pub(super) fn ages(&self) -> (usize, Option<u64>) {
        let never = self.comparisons.values().filter(|comparison| comparison.compared_ms.is_none()).count();
        (never, self.comparisons.values().filter_map(|comparison| comparison.compared_ms).min())
    }
}
