//! The layout as requests see it.

use super::live::{Live, Unfolded, nodes_with_roles};
use super::progress::{Held, NodeProgress, Progress, Tracker};
use super::version::LayoutVersion;
use crate::ids::{NodeId, ShardIndex};
use crate::limits::SHARD_COUNT;
use crate::mutation::{Mutation, is_on};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

/// The replicas of a shard in one layout version, and how many of them have to agree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicaSet {
    /// All of them, in the order of their ids.
    pub nodes: Arc<[NodeId]>,
    /// A majority: any two quorums of the same set share a node.
    pub quorum: usize,
}

impl ReplicaSet {
    fn new(nodes: &[NodeId]) -> ReplicaSet {
        let mut nodes = nodes.to_vec();
        nodes.sort_unstable();
        ReplicaSet { quorum: nodes.len() / 2 + 1, nodes: nodes.into() }
    }
}

/// The layout that requests are routed by. Cheap to clone.
///
/// Hold it (or the snapshot that it came with) for as long as a write or a read that was planned by it is under way: a
/// node acks a newer version, and says that its reads have moved up, only once nobody holds an older layout.
#[derive(Clone, Debug)]
pub struct Layout {
    shared: Arc<Routes>,
}

#[derive(Debug)]
struct Routes {
    live: Live,
    progress: Progress,
    /// By shard.
    writes: Vec<Box<[ReplicaSet]>>,
    /// By shard: the set that is read.
    reads: Vec<ReplicaSet>,
}

/// Tells whether somebody still holds a layout.
#[derive(Clone, Debug)]
pub struct LayoutUse {
    shared: Weak<Routes>,
    /// The newest version of that layout.
    pub newest: u64,
    /// The oldest version that it reads by.
    pub reads_by: u64,
}

impl LayoutUse {
    /// Whether it is this layout's.
    pub fn is_of(&self, layout: &Layout) -> bool {
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(&layout.shared))
    }

    /// Whether a request may still be planned by it.
    pub fn is_held(&self) -> bool {
        self.shared.strong_count() > 0
    }

    /// Whether both watch the same layout.
    pub fn is_same(&self, other: &LayoutUse) -> bool {
        Weak::ptr_eq(&self.shared, &other.shared)
    }
}

impl Layout {
    /// A layout with one live version.
    pub fn new(version: Arc<LayoutVersion>) -> Layout {
        Layout::of([version], BTreeMap::new(), 0)
    }

    /// What is live of `versions` (ascending) by the nodes' progress. All versions below `retired_below` are known
    /// to have retired. Without any version: the empty layout.
    pub fn of(
        versions: impl IntoIterator<Item = Arc<LayoutVersion>>,
        progress: BTreeMap<NodeId, NodeProgress>,
        retired_below: u64,
    ) -> Layout {
        let mut versions: Vec<Unfolded> = versions.into_iter().map(Unfolded::new).collect();
        if versions.is_empty() {
            versions.push(Unfolded::new(Arc::new(LayoutVersion::empty())));
        }
        let live = Live::of(&versions, &progress, retired_below);
        let writes: Vec<_> = ShardIndex::all().map(|shard| sets_of(&live, shard)).collect();
        let read_set = |shard: ShardIndex| {
            let version = &live.versions[live.read_by[shard.index()]];
            ReplicaSet::new(version.replicas(shard))
        };
        let reads = ShardIndex::all().map(read_set).collect();
        Layout { shared: Arc::new(Routes { live, progress, writes, reads }) }
    }

    /// The replicas of `shard` in the newest version, none as long as nothing has been applied.
    pub fn replicas(&self, shard: ShardIndex) -> &[NodeId] {
        self.newest().replicas(shard)
    }

    /// The sets of which each needs a quorum before a write of `shard` is acknowledged: one per live version, the oldest
    /// first, and equal ones that follow each other once. None as long as nothing has been applied.
    pub fn write_sets(&self, shard: ShardIndex) -> &[ReplicaSet] {
        &self.shared.writes[shard.index()]
    }

    /// The set of which a quorum shows every write of `shard` that was acknowledged. Its quorum cannot be reached as long
    /// as nothing has been applied.
    pub fn read_set(&self, shard: ShardIndex) -> &ReplicaSet {
        &self.shared.reads[shard.index()]
    }

    /// Every node that a live version gives `shard`, in the order of their ids.
    pub fn holders(&self, shard: ShardIndex) -> BTreeSet<NodeId> {
        self.write_sets(shard).iter().flat_map(|set| set.nodes.iter().copied()).collect()
    }

    /// The newest version.
    pub fn version(&self) -> &LayoutVersion {
        &self.newest().version
    }

    /// The live versions, the oldest first.
    pub fn live_versions(&self) -> impl Iterator<Item = &Arc<LayoutVersion>> {
        self.shared.live.versions.iter().map(|live| &live.version)
    }

    /// The replicas of `shard` in every live version that gives it to somebody, by the version's number, the oldest first.
    pub fn live_replicas(&self, shard: ShardIndex) -> Vec<(u64, &[NodeId])> {
        let versions = self.shared.live.versions.iter();
        let replicas = versions.map(|live| (live.version.number, live.replicas(shard)));
        replicas.filter(|(_, nodes)| !nodes.is_empty()).collect()
    }

    /// The number of the oldest live version. All below it have retired.
    pub fn oldest_live(&self) -> u64 {
        self.shared.live.versions.first().map_or(0, |live| live.version.number)
    }

    /// Whether shards have owners at all.
    pub fn is_assigned(&self) -> bool {
        !self.shared.writes[0].is_empty()
    }

    /// Every node with a role in a live version.
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        nodes_with_roles(&self.shared.live.versions)
    }

    /// How far a node is with the live versions.
    pub fn progress(&self, node: NodeId) -> Option<&NodeProgress> {
        self.shared.progress.get(&node)
    }

    /// The version that replicas may compare for now: the newest one that every node with a role has acked. `None` while
    /// only one version is live, or nobody knows yet that older writes have ended.
    pub fn sync_version(&self) -> Option<u64> {
        let Live { acked, .. } = self.shared.live;
        (acked > self.oldest_live()).then_some(acked)
    }

    /// The shards that `node` has to compare for [`Layout::sync_version`] before reads may move to it, ascending.
    pub fn to_sync(&self, node: NodeId) -> Vec<ShardIndex> {
        let Some(version) = self.sync_version() else { return Vec::new() };
        let index = self.shared.live.versions.iter().position(|live| live.version.number == version);
        let Some(index) = index else { return Vec::new() };
        let target = &self.shared.live.versions[index];
        let has_synced = |shard| {
            self.shared.progress.get(&node).is_some_and(|progress| progress.has_synced(shard, version))
        };
        ShardIndex::all()
            .filter(|shard| self.shared.live.read_by[shard.index()] < index)
            .filter(|shard| target.replicas(*shard).contains(&node) && !has_synced(*shard))
            .collect()
    }

    /// The replicas of `shard` in the live versions below `version`: whoever takes `shard` over compares with all of them.
    pub fn sources(&self, shard: ShardIndex, version: u64) -> BTreeSet<NodeId> {
        let older = self.shared.live.versions.iter().take_while(|live| live.version.number < version);
        older.flat_map(|live| live.replicas(shard).iter().copied()).collect()
    }

    /// Whether a live version gives `shard` to `node`.
    pub fn is_holder(&self, node: NodeId, shard: ShardIndex) -> bool {
        self.write_sets(shard).iter().any(|set| set.nodes.binary_search(&node).is_ok())
    }

    /// Whether `node` may drop what it holds of `shard`: no live version gives it the shard, so no read asks for it. Writes
    /// of nodes that have not heard so far may still come for a moment; refusing them is safe.
    pub fn may_drop(&self, node: NodeId, shard: ShardIndex) -> bool {
        if is_on(Mutation::ShardDroppedBeforeTheVersionRetired) {
            return self.is_assigned() && !self.replicas(shard).contains(&node);
        }
        self.is_assigned() && !self.is_holder(node, shard)
    }

    /// Whether `node` may plan reads and writes: only nodes with a role are waited for when the layout changes.
    pub fn has_role(&self, node: NodeId) -> bool {
        self.shared.live.versions.iter().any(|live| live.version.roles.contains_key(&node))
    }

    /// What `node` may say of itself while its requests hold older layouts as `held` says. Nothing before there is a
    /// second version: nobody waits for it.
    pub fn to_say(&self, node: NodeId, held: Held) -> Tracker {
        let newest = self.version().number;
        if newest <= 1 || !self.has_role(node) {
            return Tracker::default();
        }
        let acked =
            if is_on(Mutation::LayoutAckBeforeOlderWritesEnded) { newest } else { newest.min(held.newest) };
        let released = self.shared.live.reads_by().min(held.reads_by);
        Tracker { acked, released, retired: self.oldest_live(), synced: BTreeMap::new() }
    }

    /// Watches who holds this layout.
    pub fn watch(&self) -> LayoutUse {
        let shared = Arc::downgrade(&self.shared);
        LayoutUse { shared, newest: self.version().number, reads_by: self.shared.live.reads_by() }
    }

    fn newest(&self) -> &Unfolded {
        let versions = &self.shared.live.versions;
        &versions[versions.len() - 1]
    }
}

fn sets_of(live: &Live, shard: ShardIndex) -> Box<[ReplicaSet]> {
    let sets = live.versions.iter().map(|version| version.replicas(shard));
    let mut sets: Vec<_> = sets.filter(|nodes| !nodes.is_empty()).map(ReplicaSet::new).collect();
    sets.dedup();
    sets.into()
}

const _: () = assert!(SHARD_COUNT > 0, "`is_assigned` looks at the first shard");
