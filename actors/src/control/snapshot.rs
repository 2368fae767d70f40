//! What the gateway reads on every request: immutable, complete, looked up without allocating.

use super::cors::CorsRule;
use super::merge::Lifetime;
use super::names::{AdminTokenId, Alias, FreeText, KeyId, SecretKey};
use super::state::ControlState;
use crate::causality::TokenKey;
use crate::ids::{BucketId, ClusterId, NodeId};
use crate::layout::{AssignmentError, Layout, LayoutParameters, LayoutVersion, StagedRole};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

/// What a key may do with a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Read items, list partitions, poll.
    pub read: bool,
    /// Insert and delete items.
    pub write: bool,
    /// Change the bucket itself.
    pub owner: bool,
}

impl Permissions {
    /// Everything.
    pub const ALL: Permissions = Permissions { read: true, write: true, owner: true };

    /// Whether anything is allowed at all.
    pub fn any(self) -> bool {
        self.read || self.write || self.owner
    }
}

/// A bucket that exists.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its identity.
    pub id: BucketId,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Global aliases of this bucket.
    pub global_aliases: Vec<Alias>,
    /// Names that mean this bucket for one key.
    pub local_aliases: Vec<(KeyId, Alias)>,
    /// The keys that may do something with it.
    pub keys: Vec<KeyId>,
    /// What browsers of other origins may do.
    pub cors_rules: Vec<CorsRule>,
    /// Whether it takes no writes, as it is about to be deleted.
    pub is_closing: bool,
}

/// An access key that exists. It may have expired.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its public half.
    pub id: KeyId,
    /// What its requests are signed with.
    pub secret: SecretKey,
    /// What people call it.
    pub name: FreeText,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970 from which on it is refused.
    pub expires_ms: Option<u64>,
    /// Whether it may create buckets.
    pub may_create_buckets: bool,
    permissions: HashMap<BucketId, Permissions>,
    local_aliases: HashMap<String, BucketId>,
}

impl AccessKey {
    /// Whether the key is refused at `now_ms`.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires| expires <= now_ms)
    }

    /// What it may do with `bucket`.
    pub fn permissions(&self, bucket: BucketId) -> Permissions {
        self.permissions.get(&bucket).copied().unwrap_or_default()
    }

    /// The buckets with which it may do something, in no particular order.
    pub fn buckets(&self) -> impl Iterator<Item = BucketId> {
        self.permissions.keys().copied()
    }

    /// Names that mean a bucket for this key only, in no particular order.
    pub fn local_aliases(&self) -> impl Iterator<Item = (&str, BucketId)> {
        self.local_aliases.iter().map(|(alias, bucket)| (alias.as_str(), *bucket))
    }
}

/// A token of the admin API that exists. It may have expired.
#[derive(Clone, Debug)]
pub struct AdminToken {
    /// The part before the dot.
    pub id: AdminTokenId,
    /// SHA-256 of the whole token.
    pub secret_sha256: [u8; 32],
    /// What people call it.
    pub name: FreeText,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970 from which on it is refused.
    pub expires_ms: Option<u64>,
    /// Endpoints that it may call; `*` for all of them.
    pub scope: Vec<String>,
}

impl AdminToken {
    /// Whether the token is refused at `now_ms`.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires| expires <= now_ms)
    }
}

/// The control plane at one moment.
#[derive(Clone, Debug)]
pub struct ControlSnapshot {
    /// The layout that requests are routed by.
    pub layout: Layout,
    /// Seals causality tokens and seen markers.
    pub token_key: TokenKey,
    /// Role changes that the next version will make.
    pub staged_roles: BTreeMap<NodeId, StagedRole>,
    /// Parameters of the next version, if they are to change.
    pub staged_parameters: Option<LayoutParameters>,
    /// The cluster's identity, once it has a layout.
    pub cluster: Option<ClusterId>,
    /// Every layout version that was applied, the oldest first.
    pub layout_history: Vec<Arc<LayoutVersion>>,
    buckets: HashMap<BucketId, Bucket>,
    keys: HashMap<KeyId, AccessKey>,
    admin_tokens: BTreeMap<AdminTokenId, AdminToken>,
    global_aliases: HashMap<String, BucketId>,
}

impl ControlSnapshot {
    /// The key with this id, as a request spells it.
    pub fn key(&self, id: &str) -> Option<&AccessKey> {
        self.keys.get(&id.parse().ok()?)
    }

    /// The key with this id.
    pub fn key_by_id(&self, id: KeyId) -> Option<&AccessKey> {
        self.keys.get(&id)
    }

    /// The bucket that `name` means to `key`: its own alias, or else a global alias, or else an id in hex.
    pub fn resolve_bucket(&self, name: &str, key: &AccessKey) -> Option<&Bucket> {
        let id = key.local_aliases.get(name).or_else(|| self.global_aliases.get(name)).copied();
        self.buckets.get(&id.or_else(|| name.parse().ok())?)
    }

    /// The bucket that `name` means to somebody without a key: a global alias or an id in hex.
    pub fn resolve_global(&self, name: &str) -> Option<&Bucket> {
        let id = self.global_aliases.get(name).copied();
        self.buckets.get(&id.or_else(|| name.parse().ok())?)
    }

    /// The bucket with this id.
    pub fn bucket(&self, id: BucketId) -> Option<&Bucket> {
        self.buckets.get(&id)
    }

    /// All buckets, by id.
    pub fn buckets(&self) -> Vec<&Bucket> {
        let mut buckets: Vec<_> = self.buckets.values().collect();
        buckets.sort_unstable_by_key(|bucket| bucket.id);
        buckets
    }

    /// All keys, by id.
    pub fn keys(&self) -> Vec<&AccessKey> {
        let mut keys: Vec<_> = self.keys.values().collect();
        keys.sort_unstable_by_key(|key| key.id);
        keys
    }

    /// The admin token with this id.
    pub fn admin_token(&self, id: AdminTokenId) -> Option<&AdminToken> {
        self.admin_tokens.get(&id)
    }

    /// All admin tokens, by id.
    pub fn admin_tokens(&self) -> impl Iterator<Item = &AdminToken> {
        self.admin_tokens.values()
    }

    /// The version that the staged changes would make.
    ///
    /// # Errors
    /// [`AssignmentError`] if the roles make no assignment.
    pub fn next_layout(&self, replication_factor: u8) -> Result<LayoutVersion, AssignmentError> {
        self.layout.version().next(&self.staged_roles, self.staged_parameters, replication_factor)
    }

    /// What a node shows before it has read anything.
    pub(super) fn empty(spare: &[u8; 32]) -> ControlSnapshot {
        let state = ControlState::default();
        ControlSnapshot::of(&state, spare, &state.layout())
    }

    /// Unfolds a state. `spare` seals as long as there is no secret.
    pub(super) fn of(state: &ControlState, spare: &[u8; 32], layout: &Layout) -> ControlSnapshot {
        let sealing = state.secrets.oldest().map_or(spare, |secret| &secret.token_key);
        let others = state.secrets.iter().skip(1).map(|secret| &secret.token_key);
        let token_key = TokenKey::new(sealing).opening(others);
        let layout_history = state.layouts.values().cloned().collect();
        let staged = state.staged_roles.iter().map(|(node, change)| (*node, change.get().clone()));
        let mut snapshot = ControlSnapshot {
            layout: layout.clone(),
            token_key,
            staged_roles: staged.filter(|(_, change)| *change != StagedRole::Unchanged).collect(),
            staged_parameters: state.staged_parameters.as_ref().and_then(|staged| *staged.get()),
            cluster: state.cluster_id(),
            layout_history,
            buckets: live_buckets(state),
            keys: live_keys(state),
            admin_tokens: live_admin_tokens(state),
            global_aliases: HashMap::new(),
        };
        snapshot.link_aliases(state);
        snapshot.link_permissions(state);
        snapshot
    }

    /// An alias counts as long as its bucket (and its key) exist.
    fn link_aliases(&mut self, state: &ControlState) {
        for (alias, target) in &state.global_aliases {
            if let Some(bucket) = target.get().and_then(|id| self.buckets.get_mut(&id)) {
                self.global_aliases.insert(alias.as_str().to_owned(), bucket.id);
                bucket.global_aliases.push(alias.clone());
            }
        }
        for ((key, alias), target) in &state.local_aliases {
            let bucket = target.get().and_then(|id| self.buckets.get_mut(&id));
            if let (Some(bucket), Some(owner)) = (bucket, self.keys.get_mut(key)) {
                owner.local_aliases.insert(alias.as_str().to_owned(), bucket.id);
                bucket.local_aliases.push((*key, alias.clone()));
            }
        }
    }

    fn link_permissions(&mut self, state: &ControlState) {
        for ((key, bucket), permission) in &state.permissions {
            let permissions = permission.get();
            let (bucket, key) = (self.buckets.get_mut(bucket), self.keys.get_mut(key));
            if let (Some(bucket), Some(key), true) = (bucket, key, permissions.any()) {
                key.permissions.insert(bucket.id, permissions);
                bucket.keys.push(key.id);
            }
        }
    }
}

fn live_buckets(state: &ControlState) -> HashMap<BucketId, Bucket> {
    let live = state.buckets.iter().filter_map(|(id, bucket)| Some((*id, bucket.live()?)));
    live.map(|(id, bucket)| {
        let (created_ms, cors_rules) = (bucket.created_ms, bucket.cors_rules.get().clone());
        let (global_aliases, local_aliases, keys) = (Vec::new(), Vec::new(), Vec::new());
        let is_closing = state.closing.get(&id).is_some_and(|closing| *closing.get());
        (id, Bucket { id, created_ms, global_aliases, local_aliases, keys, cors_rules, is_closing })
    })
    .collect()
}

fn live_keys(state: &ControlState) -> HashMap<KeyId, AccessKey> {
    let live = state.keys.iter().filter_map(|(id, key)| Some((*id, key.live()?)));
    live.map(|(id, key)| {
        let key = AccessKey {
            id,
            secret: key.secret.get().clone(),
            name: key.name.get().clone(),
            created_ms: key.created_ms,
            expires_ms: *key.expires_ms.get(),
            may_create_buckets: *key.may_create_buckets.get(),
            permissions: HashMap::new(),
            local_aliases: HashMap::new(),
        };
        (id, key)
    })
    .collect()
}

fn live_admin_tokens(state: &ControlState) -> BTreeMap<AdminTokenId, AdminToken> {
    let live = state.admin_tokens.iter().filter_map(|(id, token)| Some((*id, Lifetime::live(token)?)));
    live.map(|(id, token)| {
        let token = AdminToken {
            id,
            secret_sha256: token.secret_sha256,
            name: token.name.get().clone(),
            created_ms: token.created_ms,
            expires_ms: *token.expires_ms.get(),
            scope: token.scope.get().clone(),
        };
        (id, token)
    })
    .collect()
}
