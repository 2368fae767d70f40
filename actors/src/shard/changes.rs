//! What changed since a reader last looked.

use crate::causality::{Dot, SeenMarker};
use crate::ids::{ActorId, ItemKey, PartitionHash, SortKey};
use crate::mutation::{Mutation, is_on};
use crate::store::Position;
use crate::store::range::KeyRange;
use std::collections::{BTreeSet, VecDeque};

/// The answer to "what changed since this marker?".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// Everything that it covers is in any snapshot taken from now on.
    pub marker: SeenMarker,
    /// Where the changes are.
    pub since: Since,
    /// Tells the rows that changed since from the others; `None` if nothing of the shard was seen.
    pub unseen: Option<Unseen>,
}

/// Where the changes since a marker are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Since {
    /// Everywhere: the reader has seen nothing that this shard knows of.
    Everything,
    /// In these items of the range, and no other.
    Recent(Vec<SortKey>),
    /// In the items of the range that [`Changes::unseen`] tells apart.
    Unseen,
}

/// Tells what a reader has not seen of this replica's rows. Its live dots do not tell that of an item: what another
/// replica sent may bring dots that are older than what was seen, or none and only remove values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unseen {
    /// Everything up to here was seen.
    after: Position,
}

impl Unseen {
    /// Whether the reader has not seen the row of this replica that changed at `changed`.
    pub fn is_unseen(self, changed: Position) -> bool {
        changed > self.after
    }
}

/// The latest commits of a shard, so that a reader who keeps up costs no scan.
///
/// Positions ascend as long as the shard is open, whichever of its actors mints.
#[derive(Clone, Debug)]
pub(super) struct RecentChanges {
    /// Every commit above this position is in `changes`.
    floor: u64,
    /// Ascending by position.
    changes: VecDeque<(u64, ItemKey)>,
    /// How far the committed history reaches.
    committed: Option<Dot>,
    /// The actor that minted when the shard was opened.
    first: Option<ActorId>,
    /// The last actor before it, of another epoch, and the last of its positions that the rows may show.
    previous: Option<Dot>,
    changes_max: usize,
}

impl RecentChanges {
    /// Starts with a history that reaches up to `committed`, and remembers at most `changes_max` commits. If another epoch
    /// came before, `previous` is its last actor, with the watermark that it left.
    pub(super) fn new(committed: Option<Dot>, previous: Option<Dot>, changes_max: usize) -> RecentChanges {
        RecentChanges {
            floor: committed.map_or(0, |dot| dot.time),
            changes: VecDeque::new(),
            committed,
            first: committed.map(|dot| dot.actor),
            previous,
            changes_max,
        }
    }

    /// Takes note of a commit; commits come in the order of minting.
    pub(super) fn committed(&mut self, dot: Dot, key: ItemKey) {
        if self.changes.len() >= self.changes_max
            && let Some((time, _)) = self.changes.pop_front()
            && !is_on(Mutation::RingFloorNotRaised)
        {
            self.floor = time;
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
        let Some(after) = self.seen_up_to(actors, marker) else {
            return Changes { marker: reach, since: Since::Everything, unseen: None };
        };
        let since = if self.floor <= after {
            Since::Recent(self.recent(after, partition, range))
        } else {
            Since::Unseen
        };
        Changes { marker: reach, since, unseen: Some(Unseen { after: Position(after) }) }
    }

    /// The position up to which the reader has seen everything; `None` if that is not known.
    ///
    /// The rows that the previous epoch left are a beginning of its last actor's history, which an older image cuts off at
    /// its watermark. Where the histories of still earlier actors were cut off is not known.
    fn seen_up_to(&self, actors: &[ActorId], marker: &SeenMarker) -> Option<u64> {
        // If the first one is forgotten, all that are left came after it.
        let since_opened = actors.iter().position(|actor| self.first == Some(*actor)).unwrap_or(0);
        let position = |&(actor, time): &(ActorId, u64)| {
            if actors[since_opened..].contains(&actor) || is_on(Mutation::MarkerOfAnotherReplica) {
                return Some(time);
            }
            self.previous.filter(|previous| previous.actor == actor).map(|previous| time.min(previous.time))
        };
        marker.seen.iter().filter_map(position).max()
    }

    fn recent(&self, after: u64, partition: PartitionHash, range: &KeyRange) -> Vec<SortKey> {
        let first = self.changes.partition_point(|(time, _)| *time <= after);
        let touched: BTreeSet<&SortKey> = self
            .changes
            .range(first..)
            .filter(|(_, key)| key.partition == partition && range.contains(key.sort_key.as_str()))
            .map(|(_, key)| &key.sort_key)
            .collect();
        touched.into_iter().cloned().collect()
    }
}
