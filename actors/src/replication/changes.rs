//! What a poll of a range sends: the items that changed since its seen marker.

use super::items::{Filter, ItemsReader, Progress};
use super::page::Selection;
use crate::causality::SeenMarker;
use crate::shard::{Changes, Since};
use crate::store::range::KeyRange;

/// Whether there is something to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is: an item that was not seen, or the first marker of a client that had none.
    News,
    /// Not as far as was read.
    NotYet,
    /// There is nothing that the client has not seen.
    Nothing,
}

/// A reader of what changed.
///
/// Its snapshots are taken after the shard told the changes: everything that their marker covers is in these
/// snapshots, so no marker covers a change that the client is not shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangesReader {
    /// Reads the changed items.
    pub items: ItemsReader,
    /// For the client to come back with.
    pub marker: SeenMarker,
    is_first: bool,
}

impl ChangesReader {
    /// A reader of the changes of `range`. `is_first`: the client had no marker and waits for nothing.
    pub fn new(range: KeyRange, changes: Changes, is_first: bool) -> ChangesReader {
        let selection = match changes.since {
            Since::Everything | Since::Unseen => Selection::Range(range),
            Since::Recent(keys) => Selection::Keys(keys),
        };
        let filter = Filter { with_tombstones: true, conflicts_only: false, unseen: changes.unseen };
        ChangesReader { items: ItemsReader::new(selection, filter, None), marker: changes.marker, is_first }
    }

    /// What the answer is after the reader has come so far.
    pub fn verdict(&self, progress: &Progress) -> Verdict {
        match progress {
            _ if self.items.shown() > 0 => Verdict::News,
            Progress::More => Verdict::NotYet,
            Progress::End | Progress::Limit(_) if self.is_first => Verdict::News,
            Progress::End | Progress::Limit(_) => Verdict::Nothing,
        }
    }
}
