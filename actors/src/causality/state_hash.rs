//! What two replicas compare to see whether they hold the same values of an item.

use super::item::{Item, Value};
use crate::mutation::{Mutation, is_on};

impl Item<'_> {
    /// A hash of the live dots and of which of them are tombstones; 0 without any, as for an item without a row.
    ///
    /// Equal contexts are not equal states, and equal states may have different contexts, as the replicas' clocks differ:
    /// contexts are left out. Values are left out as well: a dot names one value. It is part of what nodes send each
    /// other, so it never changes. It has no key, as dots are not chosen by clients; what is made of it should have one.
    pub fn state_hash(&self) -> u64 {
        let mut hash = 0;
        if is_on(Mutation::ContextTakenForState) {
            return self
                .branches()
                .iter()
                .fold(0, |hash, branch| mixed(mixed(hash, branch.actor.0), branch.seen));
        }
        for (dot, value) in self.siblings() {
            hash = mixed(hash, dot.actor.0);
            hash = mixed(hash, dot.time);
            hash = mixed(hash, u64::from(*value == Value::Tombstone));
        }
        hash
    }
}

/// One more word. The finaliser is the one of `SplitMix64` (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
/// Generators", 2014, after Stafford's variant 13).
fn mixed(hash: u64, word: u64) -> u64 {
    let mut z = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
