//! How far nodes are with a change of layout.

use super::shard_set::ShardSet;
use crate::ids::{NodeId, ShardIndex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names what a node's disks hold between two losses. A node whose disk was lost, or replaced by an older image, goes on
/// under another one: what it said of itself before says nothing about what it holds now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// What one incarnation of a node says of itself. Everything in it only grows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Tracker {
    /// None of its writes uses only versions below this one any more.
    pub acked: u64,
    /// None of its reads asks by versions below this one any more.
    pub released: u64,
    /// It knows that all versions below this one have retired.
    pub retired: u64,
    /// By version: the shards of which it holds everything that the replicas of older live versions hold. Versions up to
    /// `retired` are left out, as nobody asks any more.
    pub synced: BTreeMap<u64, ShardSet>,
}

impl Tracker {
    /// Takes in what `other` says.
    pub fn join(&mut self, other: &Tracker) {
        self.acked = self.acked.max(other.acked);
        self.released = self.released.max(other.released);
        self.retired = self.retired.max(other.retired);
        for (version, shards) in &other.synced {
            self.synced.entry(*version).or_default().extend_with(shards);
        }
        let retired = self.retired;
        self.synced.retain(|version, _| *version > retired);
    }
}

/// What operators decided about a node that is dead: up to which version nobody waits for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Skipped {
    /// It counts as having acked and released this version.
    pub acked: u64,
    /// It counts as holding everything of this version: what only it held may be lost.
    pub synced: u64,
}

impl Skipped {
    /// Takes in what `other` says.
    pub fn join(&mut self, other: &Skipped) {
        self.acked = self.acked.max(other.acked);
        self.synced = self.synced.max(other.synced);
    }
}

/// How far a node is, by its present incarnation's tracker and by what operators decided about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeProgress {
    /// Of the present incarnation.
    pub tracker: Tracker,
    /// By an operator's word.
    pub skipped: Skipped,
}

impl NodeProgress {
    /// Whether nobody waits for its ack of `version` any more.
    pub fn has_acked(&self, version: u64) -> bool {
        self.tracker.acked.max(self.skipped.acked) >= version
    }

    /// Whether nobody waits any more for its reads to leave the versions below `version`.
    pub fn has_released(&self, version: u64) -> bool {
        self.tracker.released.max(self.skipped.acked) >= version
    }

    /// Whether it holds everything of `shard` as of `version`: an equal comparison for a later version is one for
    /// this version, too.
    pub fn has_synced(&self, shard: ShardIndex, version: u64) -> bool {
        self.skipped.synced >= version
            || self.tracker.synced.range(version..).any(|(_, shards)| shards.contains(shard))
    }
}

/// The older layouts that a node's requests hold: the least of each number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Their newest versions.
    pub newest: u64,
    /// The oldest versions that they read by.
    pub reads_by: u64,
}

impl Held {
    /// No request holds an older layout.
    pub const NOTHING: Held = Held { newest: u64::MAX, reads_by: u64::MAX };

    /// Counts one more layout in.
    pub fn with(self, newest: u64, reads_by: u64) -> Held {
        Held { newest: self.newest.min(newest), reads_by: self.reads_by.min(reads_by) }
    }
}

/// The progress of every node, by node.
pub(super) type Progress = BTreeMap<NodeId, NodeProgress>;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    fn shards() -> impl Strategy<Value = ShardSet> {
        proptest::collection::vec(0..4_usize, 0..3)
            .prop_map(|shards| shards.into_iter().filter_map(ShardIndex::new).collect())
    }

    /// Trackers as they arise: by joining.
    fn tracker() -> impl Strategy<Value = Tracker> {
        let numbers = (0..4_u64, 0..4_u64, 0..4_u64);
        (numbers, btree_map(0..4_u64, shards(), 0..3)).prop_map(|((acked, released, retired), synced)| {
            let mut tracker = Tracker::default();
            tracker.join(&Tracker { acked, released, retired, synced });
            tracker
        })
    }

    fn joined(a: &Tracker, b: &Tracker) -> Tracker {
        let mut both = a.clone();
        both.join(b);
        both
    }

    proptest! {
        #[test]
        fn joining_trackers_is_commutative_associative_and_idempotent(
            a in tracker(), b in tracker(), c in tracker()
        ) {
            prop_assert_eq!(joined(&a, &a), a.clone());
            prop_assert_eq!(joined(&a, &b), joined(&b, &a));
            prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        }
    }

    #[test]
    fn an_equal_comparison_for_a_later_version_counts_for_the_earlier_one() {
        let shard = ShardIndex::new(3).unwrap();
        let synced = BTreeMap::from([(5, ShardSet::from_iter([shard]))]);
        let node =
            NodeProgress { tracker: Tracker { synced, ..Tracker::default() }, ..NodeProgress::default() };
        assert!(node.has_synced(shard, 4) && node.has_synced(shard, 5) && !node.has_synced(shard, 6));
        assert!(!node.has_synced(ShardIndex::new(2).unwrap(), 4));
    }
}
