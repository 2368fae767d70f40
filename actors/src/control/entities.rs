//! What the control plane keeps: one struct per entity, each of them mergeable and persisted as one row.
//!
//! Persisted as postcard, fields in the order in which they stand here.

use super::cors::CorsRule;
use super::merge::{Latest, Merge, Stamp};
use super::names::{FreeText, SecretKey};
use crate::limits::TOKEN_KEYS_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A secret of the cluster, drawn at a node's first start. Where nodes drew some before they met, the oldest seals, and what
/// the others sealed stays valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterSecret {
    /// When and where it was drawn.
    pub drawn: Stamp,
    /// What seals causality tokens and seen markers.
    pub token_key: [u8; 32],
}

impl std::fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterSecret").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

/// The oldest secrets of the cluster, up to [`TOKEN_KEYS_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Secrets(BTreeSet<ClusterSecret>);

impl Secrets {
    /// The one that seals.
    pub fn oldest(&self) -> Option<&ClusterSecret> {
        self.0.first()
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &ClusterSecret> {
        self.0.iter()
    }

    /// Those that `other` does not hold.
    pub fn without(&self, other: &Secrets) -> Secrets {
        Secrets(self.0.difference(&other.0).copied().collect())
    }
}

impl FromIterator<ClusterSecret> for Secrets {
    fn from_iter<I: IntoIterator<Item = ClusterSecret>>(secrets: I) -> Secrets {
        Secrets(secrets.into_iter().collect())
    }
}

impl Merge for Secrets {
    fn merge_with(&mut self, other: &Secrets) {
        self.0.extend(&other.0);
        while self.0.len() > TOKEN_KEYS_MAX {
            self.0.pop_last();
        }
    }
}

/// A bucket. Its names are rows of their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BucketState {
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// What browsers of other origins may do.
    pub cors_rules: Latest<Vec<CorsRule>>,
}

impl Merge for BucketState {
    fn merge_with(&mut self, other: &BucketState) {
        self.created_ms = self.created_ms.min(other.created_ms);
        self.cors_rules.merge_with(&other.cors_rules);
    }
}

/// An access key. What it may do with which bucket are rows of their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyState {
    /// What its requests are signed with.
    pub secret: Latest<SecretKey>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// What people call it.
    pub name: Latest<FreeText>,
    /// Milliseconds since 1970 from which on it is refused.
    pub expires_ms: Latest<Option<u64>>,
    /// Whether it may create buckets. Only S3 lets a key do so; kept for the admin API.
    pub may_create_buckets: Latest<bool>,
}

impl Merge for KeyState {
    fn merge_with(&mut self, other: &KeyState) {
        self.secret.merge_with(&other.secret);
        self.created_ms = self.created_ms.min(other.created_ms);
        self.name.merge_with(&other.name);
        self.expires_ms.merge_with(&other.expires_ms);
        self.may_create_buckets.merge_with(&other.may_create_buckets);
    }
}

/// What one key may do with one bucket. Three registers: allowing one thing here and another there loses neither.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PermissionState {
    /// Read items, list partitions, poll.
    pub read: Latest<bool>,
    /// Insert and delete items.
    pub write: Latest<bool>,
    /// Change the bucket itself.
    pub owner: Latest<bool>,
}

impl Merge for PermissionState {
    fn merge_with(&mut self, other: &PermissionState) {
        self.read.merge_with(&other.read);
        self.write.merge_with(&other.write);
        self.owner.merge_with(&other.owner);
    }
}

/// A bearer token of the admin API. Only a hash of its secret is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminTokenState {
    /// SHA-256 of the whole token. The token holds 256 random bits, so a fast hash is as good as a slow one.
    pub secret_sha256: [u8; 32],
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// What people call it.
    pub name: Latest<FreeText>,
    /// Milliseconds since 1970 from which on it is refused.
    pub expires_ms: Latest<Option<u64>>,
    /// Names of endpoints that it may call; `*` for all of them.
    pub scope: Latest<Vec<String>>,
}

impl Merge for AdminTokenState {
    fn merge_with(&mut self, other: &AdminTokenState) {
        // Both are set once, together with a random id; the choice only has to be the same everywhere.
        self.secret_sha256 = self.secret_sha256.min(other.secret_sha256);
        self.created_ms = self.created_ms.min(other.created_ms);
        self.name.merge_with(&other.name);
        self.expires_ms.merge_with(&other.expires_ms);
        self.scope.merge_with(&other.scope);
    }
}
