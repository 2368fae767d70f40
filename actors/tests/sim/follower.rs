//! Clients that follow a range: what they were shown, and what they may not have been shown.

use crate::keyspace::{ITEM_COUNT, ItemIndex, PARTITION_COUNT};
use crate::oracle::Writes;
use crate::random::Random;
use troupe_actors::causality::SeenMarker;
use troupe_actors::store::range::KeyRange;

/// A client that keeps a copy of a range up to date.
pub(crate) struct Follower {
    pub(crate) partition: usize,
    pub(crate) range: KeyRange,
    pub(crate) marker: Option<SeenMarker>,
    /// Of each item, what it was last shown to hold.
    pub(crate) view: [Writes; ITEM_COUNT],
    /// Everything that was ever shown.
    pub(crate) seen: [Writes; ITEM_COUNT],
    /// Items that went back to an older state under the follower's feet, as no write did: they may differ until the
    /// next one.
    pub(crate) excused: [bool; ITEM_COUNT],
    pub(crate) repeats: u32,
    /// Commits and lives of the node when it was last answered.
    pub(crate) answered_at: (u64, u64),
}

impl Follower {
    pub(crate) fn new(random: &mut Random) -> Follower {
        let range = if random.percent(60) { KeyRange::all() } else { KeyRange::prefix("a") };
        Follower {
            partition: random.below(PARTITION_COUNT),
            range,
            marker: None,
            view: Default::default(),
            seen: Default::default(),
            excused: Default::default(),
            repeats: 0,
            answered_at: (0, 0),
        }
    }

    pub(crate) fn seen(&self, at: ItemIndex) -> Writes {
        self.seen[at.0]
    }

    pub(crate) fn view(&self, at: ItemIndex) -> &Writes {
        &self.view[at.0]
    }

    pub(crate) fn is_excused(&self, at: ItemIndex) -> bool {
        self.excused[at.0]
    }

    pub(crate) fn excuse(&mut self, at: ItemIndex, is_excused: bool) {
        self.excused[at.0] = is_excused;
    }
}
