//! What changed since a reader last looked.

use crate::causality::{Dot, Item, SeenMarker};
use crate::ids::{ActorId, ItemKey, PartitionHash, SortKey};
use crate::mutation::{Mutation, is_on};
use crate::store::range::KeyRange;
use std::collections::{BTreeSet, VecDeque};

/// The answer to "what changed since this marker?".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// Everything that it covers is in any snapshot taken from now on.
    pub marker: SeenMarker,
    /// Where the changes are.
    pub since: Since,
}

/// Where the changes since a marker are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Since {
    /// Everywhere: the reader has seen nothing that this shard knows of.
    Everything,
    /// In these items of the range, and no other.
    Recent(Vec<SortKey>),
    /// In the items of the range that this tells apart.
    Unseen(Unseen),
}

/// Tells what a reader has not seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unseen {
    /// Actors whose every dot was seen, ascending.
    earlier: Vec<ActorId>,
    /// The last actor of which anything was seen, and up to when.
    last: Dot,
}

impl Unseen {
    /// Whether the item holds a value that the reader has not seen.
    pub fn is_unseen(&self, item: &Item<'_>) -> bool {
        item.siblings().any(|(dot, _)| !self.is_seen(dot))
    }

    fn is_seen(&self, dot: Dot) -> bool {
        if dot.actor == self.last.actor {
            dot.time <= self.last.time
        } else {
            self.earlier.binary_search(&dot.actor).is_ok()
        }
    }
}

/// The latest commits of a shard, so that a reader who keeps up costs no scan.
#[derive(Clone, Debug)]
pub(super) struct RecentChanges {
    /// Every commit of this actor above this time is in `changes`.
    floor: Option<Dot>,
    /// Ascending by time.
    changes: VecDeque<(u64, ItemKey)>,
    /// How far the committed history reaches.
    committed: Option<Dot>,
    changes_max: usize,
}

impl RecentChanges {
    /// Starts with a history that reaches up to `committed`, and remembers at most `changes_max` commits.
    pub(super) fn new(committed: Option<Dot>, changes_max: usize) -> RecentChanges {
        RecentChanges { floor: committed, changes: VecDeque::new(), committed, changes_max }
    }

    /// Takes note of a commit; commits come in the order of minting.
    pub(super) fn committed(&mut self, dot: Dot, key: ItemKey) {
        if self.floor.is_none_or(|floor| floor.actor != dot.actor) {
            self.floor = Some(Dot { actor: dot.actor, time: 0 });
            self.changes.clear();
        }
        if self.changes.len() >= self.changes_max
            && let Some((time, _)) = self.changes.pop_front()
            && !is_on(Mutation::RingFloorNotRaised)
        {
            self.floor = Some(Dot { actor: dot.actor, time });
        }
        self.changes.push_back((dot.time, key));
        self.committed = Some(dot);
    }

    /// What changed in a range since `marker`. `actors` are the shard's, oldest first.
    pub(super) fn since(
        &self,
        actors: &[ActorId],
        partition: PartitionHash,
        range: &KeyRange,
        marker: &SeenMarker,
    ) -> Changes {
        let reach = SeenMarker { seen: self.committed.iter().map(|dot| (dot.actor, dot.time)).collect() };
        let position = |actor| actors.iter().position(|&known| known == actor);
        let known = marker.seen.iter().filter_map(|&(actor, time)| Some((position(actor)?, actor, time)));
        let Some((at, actor, time)) = known.max() else {
            return Changes { marker: reach, since: Since::Everything };
        };
        let last = Dot { actor, time };
        let since = if self.floor.is_some_and(|floor| floor.actor == actor && floor.time <= time) {
            Since::Recent(self.recent(last, partition, range))
        } else {
            let mut earlier = actors[..at].to_vec();
            earlier.sort_unstable();
            Since::Unseen(Unseen { earlier, last })
        };
        Changes { marker: reach, since }
    }

    fn recent(&self, last: Dot, partition: PartitionHash, range: &KeyRange) -> Vec<SortKey> {
        let first = self.changes.partition_point(|(time, _)| *time <= last.time);
        let touched: BTreeSet<&SortKey> = self
            .changes
            .range(first..)
            .filter(|(_, key)| key.partition == partition && range.contains(key.sort_key.as_str()))
            .map(|(_, key)| &key.sort_key)
            .collect();
        touched.into_iter().cloned().collect()
    }
}
