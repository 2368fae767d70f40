use crate::ids::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// State that replicas may change apart and bring together again.
///
/// `merge_with` is commutative, associative and idempotent, so the order and number of exchanges do not matter
/// (Shapiro, Preguiça, Baquero, Zawirski: "Conflict-free replicated data types", 2011).
pub trait Merge {
    /// Takes in what `other` knows.
    fn merge_with(&mut self, other: &Self);
}

/// When and where something was last set: newer wins, and two nodes never draw.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// Wall clock of the node that set it, moved past every stamp that it had seen.
    pub time_ms: u64,
    /// The node that set it.
    pub node: NodeId,
}

impl Stamp {
    /// Before every other one. No node has this id and no clock this time.
    pub const ZERO: Stamp = Stamp { time_ms: 0, node: NodeId([0; 32]) };

    /// Bytes that no other stamp has.
    pub fn encode(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&self.time_ms.to_be_bytes());
        bytes[8..].copy_from_slice(&self.node.0);
        bytes
    }
}

/// A register: the newest value wins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latest<T> {
    stamp: Stamp,
    value: T,
}

impl<T: Clone + Ord> Latest<T> {
    /// `value`, set at `stamp`.
    pub fn new(stamp: Stamp, value: T) -> Latest<T> {
        Latest { stamp, value }
    }

    /// What holds until somebody sets something: older than everything that is set.
    pub fn unset(value: T) -> Latest<T> {
        Latest { stamp: Stamp::ZERO, value }
    }

    /// What was set last.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// When it was set.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// `value`, set at `stamp` in the place of `before`: newer than that, whatever the clock of who set it says. It is
    /// stamped even where it was so already, as somebody elsewhere may have set something else meanwhile.
    pub fn after(before: Option<&Latest<T>>, stamp: Stamp, value: T) -> Latest<T> {
        let above_ms = before.map_or(0, |before| before.stamp.time_ms.saturating_add(1));
        Latest { stamp: Stamp { time_ms: stamp.time_ms.max(above_ms), ..stamp }, value }
    }

    /// Sets `value` at `stamp`.
    pub fn set(&mut self, stamp: Stamp, value: T) {
        *self = Latest::after(Some(self), stamp, value);
    }
}

impl<T: Clone + Ord> Merge for Latest<T> {
    fn merge_with(&mut self, other: &Latest<T>) {
        // A stamp is minted once; comparing values as well keeps the law even where somebody restored a backup.
        if (other.stamp, &other.value) > (self.stamp, &self.value) {
            *self = other.clone();
        }
    }
}

/// Something with an identity that is never used again: once deleted, it stays deleted, whatever a node that was away
/// has done to it meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Lifetime<T> {
    /// It exists.
    Live(T),
    /// It existed. Nothing of it is kept but this.
    Deleted,
}

impl<T> Lifetime<T> {
    /// The thing itself, if it exists.
    pub fn live(&self) -> Option<&T> {
        match self {
            Lifetime::Live(thing) => Some(thing),
            Lifetime::Deleted => None,
        }
    }
}

impl<T: Merge> Merge for Lifetime<T> {
    fn merge_with(&mut self, other: &Lifetime<T>) {
        match (&mut *self, other) {
            (Lifetime::Live(mine), Lifetime::Live(theirs)) => mine.merge_with(theirs),
            (Lifetime::Live(_), Lifetime::Deleted) => *self = Lifetime::Deleted,
            (Lifetime::Deleted, Lifetime::Live(_) | Lifetime::Deleted) => {}
        }
    }
}

impl<K: Clone + Ord, V: Clone + Merge> Merge for BTreeMap<K, V> {
    fn merge_with(&mut self, other: &BTreeMap<K, V>) {
        for (key, theirs) in other {
            if let Some(mine) = self.get_mut(key) {
                mine.merge_with(theirs);
            } else {
                self.insert(key.clone(), theirs.clone());
            }
        }
    }
}

impl<T: Clone + Merge> Merge for Option<T> {
    fn merge_with(&mut self, other: &Option<T>) {
        match (&mut *self, other) {
            (_, None) => {}
            (Some(mine), Some(theirs)) => mine.merge_with(theirs),
            (None, Some(theirs)) => *self = Some(theirs.clone()),
        }
    }
}
