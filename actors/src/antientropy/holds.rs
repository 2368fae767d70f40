//! What shards are told of how they are held, one thing after the other.
//!
//! Telling a shard takes time, and what is told later may arrive earlier: a shard that hears "live" before "receiving" would stay
//! without a vote for good, and every replica that has to be compared with it incomplete.

use crate::ids::ShardIndex;
use crate::store::ShardState;
use std::collections::{BTreeMap, BTreeSet};

/// The shards that are being told something, each with what it is to hear in the end.
#[derive(Debug, Default)]
pub(super) struct Holds {
    wanted: BTreeMap<ShardIndex, ShardState>,
    /// Shards that are to be removed once they have heard it.
    leaving: BTreeSet<ShardIndex>,
}

/// What follows once a shard was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Nothing.
    Done,
    /// It is to be told this.
    Tell(ShardState),
    /// Its rows are to be removed.
    Remove,
}

impl Holds {
    /// A shard is to hear `state`. `true`: it is to be told now; else it is once it was told what is under way.
    pub(super) fn want(&mut self, shard: ShardIndex, state: ShardState) -> bool {
        self.wanted.insert(shard, state).is_none()
    }

    /// A shard was told `state`.
    pub(super) fn told(&mut self, shard: ShardIndex, state: ShardState) -> Next {
        match self.wanted.get(&shard) {
            Some(wanted) if *wanted != state => Next::Tell(*wanted),
            Some(_) | None => {
                self.wanted.remove(&shard);
                if self.leaving.remove(&shard) { Next::Remove } else { Next::Done }
            }
        }
    }

    /// A shard's rows are to be removed. `true`: now; else once it was told what is under way.
    pub(super) fn remove(&mut self, shard: ShardIndex) -> bool {
        let is_told_something = self.wanted.contains_key(&shard);
        if is_told_something {
            self.leaving.insert(shard);
        }
        !is_told_something
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard() -> ShardIndex {
        ShardIndex::all().next().unwrap()
    }

    #[test]
    fn what_comes_while_a_shard_is_told_follows_and_the_last_word_counts() {
        let mut holds = Holds::default();
        assert!(holds.want(shard(), ShardState::Receiving));
        assert!(!holds.want(shard(), ShardState::Amnesiac));
        assert!(!holds.want(shard(), ShardState::Live));
        assert_eq!(holds.told(shard(), ShardState::Receiving), Next::Tell(ShardState::Live));
        assert_eq!(holds.told(shard(), ShardState::Live), Next::Done);
        assert!(holds.want(shard(), ShardState::Receiving));
    }

    #[test]
    fn a_shard_is_removed_once_it_was_told_what_is_under_way() {
        let mut holds = Holds::default();
        assert!(holds.remove(shard()), "nothing is under way");
        assert!(holds.want(shard(), ShardState::Live));
        assert!(!holds.remove(shard()));
        assert_eq!(holds.told(shard(), ShardState::Live), Next::Remove);
        assert!(holds.want(shard(), ShardState::Receiving));
        assert_eq!(holds.told(shard(), ShardState::Receiving), Next::Done);
    }
}
