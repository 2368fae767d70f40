//! The pollers and the commits that they wait for.

use super::{PollId, Watched};
use crate::ids::{ItemKey, PartitionHash};
use crate::store::range::KeyRange;
use std::collections::{BTreeMap, BTreeSet};

/// The pollers of one shard.
#[derive(Clone, Debug, Default)]
pub(super) struct Pollers {
    watched: BTreeMap<PollId, Watched>,
    by_item: BTreeMap<ItemKey, BTreeSet<PollId>>,
    by_partition: BTreeMap<PartitionHash, BTreeMap<PollId, KeyRange>>,
}

impl Pollers {
    pub(super) fn add(&mut self, poll: PollId, watched: Watched) {
        match &watched {
            Watched::Item(key) => {
                self.by_item.entry(key.clone()).or_default().insert(poll);
            }
            Watched::Range(partition, range) => {
                self.by_partition.entry(*partition).or_default().insert(poll, range.clone());
            }
        }
        self.watched.insert(poll, watched);
    }

    pub(super) fn remove(&mut self, poll: PollId) {
        match self.watched.remove(&poll) {
            Some(Watched::Item(key)) => {
                if let Some(polls) = self.by_item.get_mut(&key) {
                    polls.remove(&poll);
                    if polls.is_empty() {
                        self.by_item.remove(&key);
                    }
                }
            }
            Some(Watched::Range(partition, _)) => {
                if let Some(polls) = self.by_partition.get_mut(&partition) {
                    polls.remove(&poll);
                    if polls.is_empty() {
                        self.by_partition.remove(&partition);
                    }
                }
            }
            None => {}
        }
    }

    /// Adds everyone who waits for a commit to `key`.
    pub(super) fn collect(&self, key: &ItemKey, woken: &mut BTreeSet<PollId>) {
        if let Some(polls) = self.by_item.get(key) {
            woken.extend(polls);
        }
        if let Some(polls) = self.by_partition.get(&key.partition) {
            let hit = polls.iter().filter(|(_, range)| range.contains(key.sort_key.as_str()));
            woken.extend(hit.map(|(poll, _)| *poll));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }
}
