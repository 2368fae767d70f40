//! What this node's copy of a shard is worth: whether it is complete, still on its way here, or on its way out.
//!
//! ```text
//!  gained ─▶ Receiving ──compared with every replica of the older versions,
//!                │        after everybody acknowledged the new one──▶ Live
//!                └──────────────▶ Dropping ◀── the last version with this node retired ──┘
//! ```

use crate::ids::NodeId;
use crate::mutation::{Mutation, is_on};
use std::collections::BTreeSet;

/// How a shard is held here, as its row says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// It has no row: it was never written here, or was removed.
    Absent,
    /// Gained with this layout version, and not complete.
    Receiving(u64),
    /// Complete in this layout version.
    Live(u64),
    /// It was complete in this layout version, and lost its memory: what it acknowledged may be missing.
    Amnesiac(u64),
    /// No live version names this node: its rows are being removed. It answers nothing, as its clock covers what is gone.
    Dropping,
}

/// The replicas of one shard in the live layout versions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShardView {
    /// The version's number and its replicas, the oldest first.
    pub sets: Vec<(u64, BTreeSet<NodeId>)>,
}

impl ShardView {
    /// Every other replica in any live version.
    pub fn peers(&self, me: NodeId) -> BTreeSet<NodeId> {
        self.sets.iter().flat_map(|(_, nodes)| nodes).copied().filter(|node| *node != me).collect()
    }

    fn holds(&self, me: NodeId) -> bool {
        self.sets.iter().any(|(_, nodes)| nodes.contains(&me))
    }

    fn newest_holds(&self, me: NodeId) -> bool {
        self.sets.last().is_some_and(|(_, nodes)| nodes.contains(&me))
    }

    /// Whether every version after `version` names the node.
    fn holds_since(&self, me: NodeId, version: u64) -> bool {
        self.sets.iter().filter(|(newer, _)| *newer > version).all(|(_, nodes)| nodes.contains(&me))
    }

    fn newest(&self) -> u64 {
        self.sets.last().map_or(0, |(version, _)| *version)
    }

    /// The replicas of versions before `version`; of all, if there are none.
    fn sources(&self, me: NodeId, version: u64) -> BTreeSet<NodeId> {
        let before = self.sets.iter().filter(|(older, _)| *older < version);
        let sources: BTreeSet<NodeId> =
            before.flat_map(|(_, nodes)| nodes).copied().filter(|node| *node != me).collect();
        if sources.is_empty() { self.peers(me) } else { sources }
    }

    /// Whom a replica that lost its memory has to ask: a write may have been acknowledged by it and any one of these.
    fn witnesses(&self, me: NodeId) -> BTreeSet<NodeId> {
        let oldest = self.sets.iter().find(|(_, nodes)| nodes.contains(&me));
        let others = oldest.into_iter().flat_map(|(_, nodes)| nodes);
        others.copied().filter(|node| *node != me).collect()
    }
}

/// The standing of one shard.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) held: Held,
    /// Compared with, since the copy stopped being complete or the process started.
    compared: BTreeSet<NodeId>,
    /// Comparisons that began before this moment do not count.
    since: u64,
}

impl Standing {
    pub(super) fn new(held: Held) -> Standing {
        Standing { held, compared: BTreeSet::new(), since: 0 }
    }

    /// Whether the copy holds whatever it ever acknowledged.
    pub(super) fn is_complete(&self) -> bool {
        match self.held {
            Held::Live(_) => true,
            Held::Amnesiac(_) => is_on(Mutation::AmnesiacReplicaCounted),
            Held::Absent | Held::Receiving(_) | Held::Dropping => false,
        }
    }

    /// Whether others may be answered and compared with.
    pub(super) fn is_open(&self) -> bool {
        match self.held {
            Held::Receiving(_) | Held::Live(_) | Held::Amnesiac(_) => true,
            Held::Absent | Held::Dropping => false,
        }
    }

    /// With which version the shard was gained, while it is not complete.
    pub(super) fn gained_with(&self) -> Option<u64> {
        match self.held {
            Held::Receiving(version) => Some(version),
            Held::Absent | Held::Live(_) | Held::Amnesiac(_) | Held::Dropping => None,
        }
    }

    /// The live layout versions changed. `true`: [`Standing::held`] changed, and must be stored.
    pub(super) fn laid_out(&mut self, me: NodeId, view: &ShardView) -> bool {
        let before = self.held;
        let held = match before {
            // Held since before anybody wrote to it: there is no row, and nothing to wait for.
            Held::Absent => view
                .sets
                .first()
                .filter(|(_, nodes)| nodes.contains(&me))
                .map_or(Held::Absent, |(oldest, _)| Held::Live(*oldest)),
            Held::Receiving(_) | Held::Live(_) | Held::Amnesiac(_) | Held::Dropping => before,
        };
        let (newest, is_mine) = (view.newest(), view.newest_holds(me));
        let is_out = if is_on(Mutation::ShardDroppedBeforeRetirement) { !is_mine } else { !view.holds(me) };
        let stays = |since| !is_mine || view.holds_since(me, since);
        let now = |since: u64| if is_mine { newest } else { since };
        self.held = match held {
            Held::Absent if is_out => Held::Absent,
            // It must be gone as a whole before it may come back.
            Held::Dropping => Held::Dropping,
            Held::Receiving(_) | Held::Live(_) | Held::Amnesiac(_) if is_out => Held::Dropping,
            Held::Receiving(version) if stays(version) => Held::Receiving(version),
            Held::Live(since) if stays(since) => Held::Live(now(since)),
            Held::Amnesiac(since) if stays(since) => Held::Amnesiac(now(since)),
            Held::Absent | Held::Receiving(_) | Held::Live(_) | Held::Amnesiac(_) => Held::Receiving(newest),
        };
        let is_other_kind = std::mem::discriminant(&self.held) != std::mem::discriminant(&before);
        if is_other_kind || self.gained_with() != Standing::new(before).gained_with() {
            self.compared.clear();
        }
        // A shard without a row counts as complete.
        let is_as_without_row = before == Held::Absent && matches!(self.held, Held::Live(_));
        self.is_completed(me, view) || (is_other_kind && !is_as_without_row)
    }

    /// The shard's rows are gone.
    pub(super) fn removed(&mut self) {
        self.held = Held::Absent;
    }

    /// The node lost its memory: an older image was put back, or the disk is new. `true`: [`Standing::held`] changed.
    pub(super) fn forget(&mut self, me: NodeId, view: &ShardView, moment: u64) -> bool {
        (self.since, self.compared) = (moment, BTreeSet::new());
        match self.held {
            Held::Live(since) | Held::Amnesiac(since) => {
                self.held = Held::Amnesiac(since);
                !self.is_completed(me, view)
            }
            Held::Absent | Held::Receiving(_) | Held::Dropping => false,
        }
    }

    /// An operator said that nobody needs to be waited for. `true`: [`Standing::held`] changed.
    pub(super) fn stop_waiting(&mut self) -> bool {
        let Held::Amnesiac(since) = self.held else { return false };
        self.held = Held::Live(since);
        true
    }

    /// A comparison is over, and what it brought is stored. `since`: since when comparisons count, as everybody writes by
    /// the version with which the shard was gained, or as the peer voided what this node acknowledged before it lost its
    /// memory. `true`: [`Standing::held`] changed, and must be stored.
    pub(super) fn compared(
        &mut self,
        with: Counterpart,
        me: NodeId,
        view: &ShardView,
        since: Option<u64>,
    ) -> bool {
        let Counterpart { peer, is_whole, began } = with;
        let counts = match self.held {
            Held::Absent | Held::Live(_) | Held::Dropping => return false,
            Held::Amnesiac(_) => is_whole,
            Held::Receiving(version) => {
                is_whole || view.sets.first().is_none_or(|(oldest, _)| *oldest >= version)
            }
        };
        if counts && since.is_some_and(|since| began >= since.max(self.since)) {
            self.compared.insert(peer);
        }
        self.is_completed(me, view)
    }

    fn is_completed(&mut self, me: NodeId, view: &ShardView) -> bool {
        let (waits_for, complete) = match self.held {
            Held::Absent | Held::Live(_) | Held::Dropping => return false,
            Held::Amnesiac(since) => (view.witnesses(me), Held::Live(since)),
            Held::Receiving(version) => (view.sources(me, version), Held::Live(view.newest().max(version))),
        };
        let is_completed = waits_for.is_subset(&self.compared);
        if is_completed {
            self.held = complete;
            self.compared.clear();
        }
        is_completed
    }
}

/// The other side of a comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counterpart {
    pub(super) peer: NodeId,
    /// Whether it was complete when the comparison began.
    pub(super) is_whole: bool,
    /// When that was, by this node's count of moments.
    pub(super) began: u64,
}

#[cfg(test)]
mod tests;
