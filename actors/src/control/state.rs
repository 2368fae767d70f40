use super::entities::{AdminTokenState, BucketState, KeyState, PermissionState, Secrets};
use super::merge::{Latest, Lifetime, Merge};
use super::names::{AdminTokenId, Alias, KeyId};
use crate::ids::{BucketId, ClusterId, NodeId};
use crate::layout::{
    Incarnation, Layout, LayoutParameters, LayoutVersion, NodeProgress, Skipped, StagedRole, Tracker,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything the control plane knows, or a part of it: a *delta* is a state that holds only the entities that changed.
///
/// Merging a delta makes the change, whether it was made here or came from another node
/// (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ControlState {
    /// Drawn at first starts.
    pub secrets: Secrets,
    /// Buckets, by id.
    pub buckets: BTreeMap<BucketId, Lifetime<BucketState>>,
    /// Buckets that take no writes, as they are about to be deleted.
    pub closing: BTreeMap<BucketId, Latest<bool>>,
    /// Global aliases.
    pub global_aliases: BTreeMap<Alias, Latest<Option<BucketId>>>,
    /// Access keys, by id.
    pub keys: BTreeMap<KeyId, Lifetime<KeyState>>,
    /// Names that mean something for one key only.
    pub local_aliases: BTreeMap<(KeyId, Alias), Latest<Option<BucketId>>>,
    /// What a key may do with a bucket.
    pub permissions: BTreeMap<(KeyId, BucketId), PermissionState>,
    /// Tokens of the admin API, by id.
    pub admin_tokens: BTreeMap<AdminTokenId, Lifetime<AdminTokenState>>,
    /// Every layout version that was applied, by number.
    pub layouts: BTreeMap<u64, Arc<LayoutVersion>>,
    /// Role changes that the next version will make.
    pub staged_roles: BTreeMap<NodeId, Latest<StagedRole>>,
    /// Parameters that the next version will be computed under.
    pub staged_parameters: Option<Latest<Option<LayoutParameters>>>,
    /// The present incarnation of each node, as it says itself.
    pub incarnations: BTreeMap<NodeId, Latest<Incarnation>>,
    /// How far each incarnation of each node is with changes of the layout.
    pub trackers: BTreeMap<(NodeId, Incarnation), Tracker>,
    /// Dead nodes for which a change of the layout does not wait.
    pub skipped: BTreeMap<NodeId, Skipped>,
}

impl Merge for Arc<LayoutVersion> {
    /// Where two versions have the same number, one of the two is chosen, everywhere the same.
    fn merge_with(&mut self, other: &Arc<LayoutVersion>) {
        if self != other && (other.id(), other) > (self.id(), &*self) {
            *self = Arc::clone(other);
        }
    }
}

impl Merge for Tracker {
    fn merge_with(&mut self, other: &Tracker) {
        self.join(other);
    }
}

impl Merge for Skipped {
    fn merge_with(&mut self, other: &Skipped) {
        self.join(other);
    }
}

impl Merge for ControlState {
    fn merge_with(&mut self, other: &ControlState) {
        self.secrets.merge_with(&other.secrets);
        self.buckets.merge_with(&other.buckets);
        self.closing.merge_with(&other.closing);
        self.global_aliases.merge_with(&other.global_aliases);
        self.keys.merge_with(&other.keys);
        self.local_aliases.merge_with(&other.local_aliases);
        self.permissions.merge_with(&other.permissions);
        self.admin_tokens.merge_with(&other.admin_tokens);
        self.layouts.merge_with(&other.layouts);
        self.staged_roles.merge_with(&other.staged_roles);
        self.staged_parameters.merge_with(&other.staged_parameters);
        self.incarnations.merge_with(&other.incarnations);
        self.trackers.merge_with(&other.trackers);
        self.skipped.merge_with(&other.skipped);
    }
}

impl ControlState {
    /// The layout that requests are routed by: the live versions, by what every node says of itself.
    pub fn layout(&self) -> Layout {
        let retired_below = self.trackers.values().map(|tracker| tracker.retired).max().unwrap_or(0);
        let with_a_word = self.incarnations.keys().chain(self.skipped.keys());
        let progress = with_a_word.map(|node| (*node, self.progress(*node))).collect();
        Layout::of(self.layouts.values().cloned(), progress, retired_below)
    }

    /// The cluster's identity: the id of its first layout version. Before that, a node may join any cluster.
    pub fn cluster_id(&self) -> Option<ClusterId> {
        self.layouts.get(&1).map(|first| ClusterId(first.id().0))
    }

    fn progress(&self, node: NodeId) -> NodeProgress {
        let tracker = self.incarnations.get(&node).and_then(|now| self.trackers.get(&(node, *now.get())));
        let skipped = self.skipped.get(&node).copied().unwrap_or_default();
        NodeProgress { tracker: tracker.cloned().unwrap_or_default(), skipped }
    }

    /// The newest time in any stamp: the clock of this state never goes below it.
    pub fn newest_ms(&self) -> u64 {
        let secret = self.secrets.iter().map(|secret| secret.drawn);
        let buckets = self.buckets.values().filter_map(Lifetime::live);
        let created_ms = buckets.clone().map(|bucket| bucket.created_ms).max();
        let buckets = buckets.map(|bucket| bucket.cors_rules.stamp());
        let global = self.global_aliases.values().map(Latest::stamp);
        let local = self.local_aliases.values().map(Latest::stamp);
        let keys = self.keys.values().filter_map(Lifetime::live).flat_map(|key| {
            [key.secret.stamp(), key.name.stamp(), key.expires_ms.stamp(), key.may_create_buckets.stamp()]
        });
        let permissions =
            self.permissions.values().flat_map(|p| [p.read.stamp(), p.write.stamp(), p.owner.stamp()]);
        let tokens = self
            .admin_tokens
            .values()
            .filter_map(Lifetime::live)
            .flat_map(|token| [token.name.stamp(), token.expires_ms.stamp(), token.scope.stamp()]);
        let roles = self.staged_roles.values().map(Latest::stamp);
        let parameters = self.staged_parameters.iter().map(Latest::stamp);
        let incarnations = self.incarnations.values().map(Latest::stamp);
        let closing = self.closing.values().map(Latest::stamp);
        let stamps = secret.chain(buckets).chain(global).chain(local).chain(keys).chain(permissions);
        let stamps = stamps.chain(tokens).chain(roles).chain(parameters).chain(incarnations).chain(closing);
        stamps.map(|stamp| stamp.time_ms).chain(created_ms).max().unwrap_or(0)
    }
}
