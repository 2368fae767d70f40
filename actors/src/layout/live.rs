//! Which versions are live, and by which of them each shard is read.

use super::progress::Progress;
use super::version::LayoutVersion;
use crate::ids::{NodeId, ShardIndex};
use crate::limits::SHARD_COUNT;
use crate::mutation::{Mutation, is_on};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A live version with its replicas: `SHARD_COUNT × replicas` nodes, one shard after the other.
#[derive(Clone, Debug)]
pub(super) struct Unfolded {
    pub(super) version: Arc<LayoutVersion>,
    table: Arc<[NodeId]>,
}

impl Unfolded {
    pub(super) fn new(version: Arc<LayoutVersion>) -> Unfolded {
        let table = version.assignment.unfold();
        Unfolded { version, table }
    }

    pub(super) fn replicas(&self, shard: ShardIndex) -> &[NodeId] {
        let per_shard = self.table.len() / SHARD_COUNT;
        &self.table[shard.index() * per_shard..][..per_shard]
    }
}

/// The live versions and how far they are.
#[derive(Clone, Debug)]
pub(super) struct Live {
    /// The oldest first; at least one.
    pub(super) versions: Vec<Unfolded>,
    /// The newest version that every node with a role has acked, or else the oldest live one.
    pub(super) acked: u64,
    /// By shard: the index into `versions` of the version that it is read by.
    pub(super) read_by: Vec<usize>,
}

impl Live {
    /// What is live of `versions` (ascending, at least one) if all below `retired_below` are known to have retired.
    pub(super) fn of(versions: &[Unfolded], progress: &Progress, retired_below: u64) -> Live {
        let newest = versions.len() - 1;
        let oldest = versions.iter().position(|live| live.version.number >= retired_below).unwrap_or(newest);
        let mut live = Live::measure(versions[oldest..].to_vec(), progress);
        loop {
            let retired = live.retired(progress);
            if retired == 0 {
                return live;
            }
            live = Live::measure(live.versions[retired..].to_vec(), progress);
        }
    }

    fn measure(versions: Vec<Unfolded>, progress: &Progress) -> Live {
        let oldest = versions.first().map_or(0, |live| live.version.number);
        let voters = nodes_with_roles(&versions);
        let is_acked = |version: u64| {
            voters.iter().all(|node| progress.get(node).is_some_and(|node| node.has_acked(version)))
        };
        let numbers = versions.iter().rev().map(|live| live.version.number);
        let acked = numbers.clone().find(|number| is_acked(*number)).unwrap_or(oldest);
        let read_by = ShardIndex::all().map(|shard| read_by(&versions, progress, shard)).collect();
        Live { versions, acked, read_by }
    }

    /// How many of the oldest versions nobody needs any more: no read asks by them, at no node.
    fn retired(&self, progress: &Progress) -> usize {
        let readers = nodes_with_roles(&self.versions);
        let is_released = |live: &Unfolded| {
            let version = live.version.number;
            let is_acked = version <= self.acked;
            let has_released = |node| progress.get(node).is_some_and(|node| node.has_released(version));
            let is_read = self.reads_by() >= version;
            let all_released =
                readers.iter().all(has_released) || is_on(Mutation::WritesLeaveAVersionBeforeItsReaders);
            is_acked && is_read && all_released
        };
        self.versions.iter().rposition(is_released).unwrap_or(0)
    }

    /// The oldest version that some shard is read by.
    pub(super) fn reads_by(&self) -> u64 {
        let oldest = self.read_by.iter().copied().min().unwrap_or(0);
        self.versions.get(oldest).map_or(0, |live| live.version.number)
    }
}

/// Every node that may plan a write by one of the versions.
pub(super) fn nodes_with_roles(versions: &[Unfolded]) -> BTreeSet<NodeId> {
    versions.iter().flat_map(|live| live.version.roles.keys().copied()).collect()
}

/// The newest version that has the same replicas as the one that reads use already, or whose replicas all hold
/// everything that older replicas hold.
fn read_by(versions: &[Unfolded], progress: &Progress, shard: ShardIndex) -> usize {
    let mut read_by = 0;
    for (index, live) in versions.iter().enumerate().skip(1) {
        let replicas = live.replicas(shard);
        // Every quorum of the one is a quorum of the other.
        let is_unchanged = replicas == versions[read_by].replicas(shard);
        let is_synced = |node: &NodeId| {
            progress.get(node).is_some_and(|node| node.has_synced(shard, live.version.number))
        };
        let is_one_enough = is_on(Mutation::ReadsMovedBeforeEveryReplicaSynced);
        let are_synced =
            if is_one_enough { replicas.iter().any(is_synced) } else { replicas.iter().all(is_synced) };
        if is_unchanged || are_synced {
            read_by = index;
        }
    }
    read_by
}
