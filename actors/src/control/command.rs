//! What people ask of the control plane. The caller draws ids and secrets: the core has no randomness.

use super::cors::{CorsError, CorsRule};
use super::names::{AdminTokenId, Alias, FreeText, KeyId, SecretKey};
use super::snapshot::Permissions;
use crate::ids::{BucketId, NodeId};
use crate::layout::{AssignmentError, LayoutParameters, RoleError, StagedRole};
use crate::limits::{ADMIN_SCOPE_MAX, CONTROL_CONFIRM_S, CONTROL_QUEUE_MAX};
use crate::store::CommitError;
use crate::store::lane::PersistError;

/// One change. It is made as a whole or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Makes a bucket with up to two names.
    CreateBucket {
        /// Freshly drawn.
        id: BucketId,
        /// A global alias.
        global_alias: Option<Alias>,
        /// A name for one key, and what that key may do.
        local_alias: Option<(KeyId, Alias, Permissions)>,
    },
    /// Deletes a bucket, its names and what keys may do with it. The caller has made sure that it is empty.
    DeleteBucket {
        /// Which one.
        id: BucketId,
    },
    /// Has a bucket take no writes any more, so that it stays empty if it is. Answered once every node that can be reached
    /// knows.
    CloseBucket {
        /// Which one.
        id: BucketId,
    },
    /// Has a closed bucket take writes again.
    ReopenBucket {
        /// Which one.
        id: BucketId,
    },
    /// Replaces a bucket's CORS rules.
    SetCorsRules {
        /// Which bucket.
        id: BucketId,
        /// The new rules.
        rules: Vec<CorsRule>,
    },
    /// Gives a bucket one more global alias.
    AddGlobalAlias {
        /// Which bucket.
        id: BucketId,
        /// The name.
        alias: Alias,
    },
    /// Removes a global alias.
    RemoveGlobalAlias {
        /// Which bucket.
        id: BucketId,
        /// The name.
        alias: Alias,
    },
    /// Gives a bucket one more name for one key.
    AddLocalAlias {
        /// Which bucket.
        id: BucketId,
        /// For which key.
        key: KeyId,
        /// The name.
        alias: Alias,
    },
    /// Takes a name for one key away.
    RemoveLocalAlias {
        /// Which bucket.
        id: BucketId,
        /// For which key.
        key: KeyId,
        /// The name.
        alias: Alias,
    },
    /// Allows a key what is set in `permissions`.
    Allow {
        /// Which key.
        key: KeyId,
        /// With which bucket.
        id: BucketId,
        /// What to allow; what is not set stays as it is.
        permissions: Permissions,
    },
    /// Denies a key what is set in `permissions`.
    Deny {
        /// Which key.
        key: KeyId,
        /// With which bucket.
        id: BucketId,
        /// What to deny; what is not set stays as it is.
        permissions: Permissions,
    },
    /// Makes an access key, drawn here or brought along from elsewhere.
    CreateKey {
        /// Its public half.
        id: KeyId,
        /// Its secret half.
        secret: SecretKey,
        /// What people call it.
        name: FreeText,
        /// Milliseconds since 1970 from which on it is refused.
        expires_ms: Option<u64>,
        /// Whether it may create buckets.
        may_create_buckets: bool,
    },
    /// Changes what is `Some`.
    UpdateKey {
        /// Which key.
        id: KeyId,
        /// A new name.
        name: Option<FreeText>,
        /// A new expiration; `Some(None)` for never.
        expires_ms: Option<Option<u64>>,
        /// Whether it may create buckets.
        may_create_buckets: Option<bool>,
    },
    /// Deletes an access key; its id cannot be used again.
    DeleteKey {
        /// Which key.
        id: KeyId,
    },
    /// Makes a token of the admin API.
    CreateAdminToken {
        /// The part before the dot, freshly drawn.
        id: AdminTokenId,
        /// SHA-256 of the whole token.
        secret_sha256: [u8; 32],
        /// What people call it.
        name: FreeText,
        /// Milliseconds since 1970 from which on it is refused.
        expires_ms: Option<u64>,
        /// Endpoints that it may call.
        scope: Vec<String>,
    },
    /// Changes what is `Some`.
    UpdateAdminToken {
        /// Which token.
        id: AdminTokenId,
        /// A new name.
        name: Option<FreeText>,
        /// A new expiration; `Some(None)` for never.
        expires_ms: Option<Option<u64>>,
        /// A new scope.
        scope: Option<Vec<String>>,
    },
    /// Deletes a token of the admin API; its id cannot be used again.
    DeleteAdminToken {
        /// Which token.
        id: AdminTokenId,
    },
    /// Adds to what the next layout version will change. What is not named stays staged as it is.
    StageLayout {
        /// Role changes, by node.
        roles: Vec<(NodeId, StagedRole)>,
        /// Parameters to compute the next version under.
        parameters: Option<LayoutParameters>,
    },
    /// Makes the staged changes the layout.
    ApplyLayout {
        /// The number of the new version: the current one plus one, so that an operator applies only what they have seen.
        version: u64,
    },
    /// Forgets the staged changes.
    RevertLayout,
    /// Has changes of the layout wait no longer for nodes that are dead.
    SkipDeadNodes {
        /// The dead nodes.
        nodes: Vec<NodeId>,
        /// Up to which version nobody waits for them.
        version: u64,
        /// Whether to go on where only they may hold something: it is lost then.
        may_miss_data: bool,
    },
}

/// Why a change was not made. Unless it says otherwise, nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No bucket has this id.
    #[error("there is no bucket {0}")]
    NoSuchBucket(BucketId),
    /// No access key has this id.
    #[error("there is no access key {0}")]
    NoSuchKey(KeyId),
    /// No admin token has this id.
    #[error("there is no admin token {0}")]
    NoSuchAdminToken(AdminTokenId),
    /// The name is not one of the bucket's.
    #[error("`{0}` is not a name of this bucket")]
    NoSuchAlias(Alias),
    /// The name means another bucket.
    #[error("the name `{0}` is already taken by another bucket")]
    AliasTaken(Alias),
    /// Without this name, only the id would be left.
    #[error("`{0}` is the bucket's last name: give it another one first, or delete the bucket")]
    LastAlias(Alias),
    /// An id that exists, or existed.
    #[error("a bucket with id {0} exists, or existed and was deleted: ids are never used again")]
    BucketIdTaken(BucketId),
    /// An id that exists, or existed.
    #[error("an access key with id {0} exists, or existed and was deleted: ids are never used again")]
    KeyIdTaken(KeyId),
    /// An id that exists, or existed.
    #[error("an admin token with id {0} exists, or existed and was deleted: ids are never used again")]
    AdminTokenIdTaken(AdminTokenId),
    /// CORS rules that no bucket can have.
    #[error(transparent)]
    Cors(#[from] CorsError),
    /// A scope out of bounds.
    #[error("the scope of an admin token is a list of 1 to {ADMIN_SCOPE_MAX} endpoint names, or `*`")]
    Scope,
    /// A role that no node can have.
    #[error("node {node}: {reason}")]
    Role {
        /// Which node.
        node: NodeId,
        /// Which bound the role breaks.
        reason: RoleError,
    },
    /// There is no role to remove.
    #[error("node {0} has no role that could be removed")]
    NoSuchRole(NodeId),
    /// The number is not the next one.
    #[error("version {given} cannot be applied: the layout is at version {current}, so the next one is {}", .current.saturating_add(1))]
    WrongLayoutVersion {
        /// As given.
        given: u64,
        /// As it is.
        current: u64,
    },
    /// There is no such version.
    #[error("there is no layout version {given}: the layout is at version {current}")]
    NoSuchLayoutVersion {
        /// As given.
        given: u64,
        /// As it is.
        current: u64,
    },
    /// Somebody else's changes became the next version.
    #[error(
        "other changes were applied as version {version} first: yours are still staged, look at them again and apply them as version {}",
        .version.saturating_add(1)
    )]
    AppliedByOthers {
        /// The number that others were faster with.
        version: u64,
    },
    /// Too few nodes could be asked, and nothing was proposed.
    #[error(
        "version {version} was not applied: it takes {needed}, and these did not answer within {CONTROL_CONFIRM_S} s: {}. \
         The changes are still staged",
        list(.missing)
    )]
    NotApplied {
        /// The number.
        version: u64,
        /// Whose word it takes.
        needed: &'static str,
        /// Who did not answer.
        missing: Vec<NodeId>,
    },
    /// It was proposed, and too few answered.
    #[error(
        "version {version} was proposed, and it is not known whether it passes: these did not answer within \
         {CONTROL_CONFIRM_S} s: {}. Look at the layout before you apply anything else",
        list(.missing)
    )]
    Undecided {
        /// The number.
        version: u64,
        /// Who did not answer.
        missing: Vec<NodeId>,
    },
    /// The change is durable here, and too few other nodes said that it is there.
    #[error(
        "the change is stored here, but a majority of the nodes with a role did not confirm it within {CONTROL_CONFIRM_S} s: \
         {held} of {needed} did. It spreads when they can be reached"
    )]
    Unconfirmed {
        /// Nodes with a role that hold it.
        held: usize,
        /// How many make a majority.
        needed: usize,
    },
    /// Applying would change nothing.
    #[error("there are no staged changes to apply")]
    NothingStaged,
    /// The roles make no assignment.
    #[error(transparent)]
    Assignment(#[from] AssignmentError),
    /// Too many changes are waiting.
    #[error("{CONTROL_QUEUE_MAX} changes are already waiting: try again")]
    Busy,
    /// There is no room for the change. Nothing was changed.
    #[error("the change was not made: {0}")]
    NotStored(#[source] CommitError),
    /// The store failed under the change. The node stops serving, and whether the change was made shows after its next
    /// start.
    #[error("the change may or may not have been made: {0}")]
    Unknown(#[source] PersistError),
    /// The node is stopping; whether the change was made is unknown.
    #[error("the node is stopping; the change may or may not have been made")]
    Stopped,
}

fn list(nodes: &[NodeId]) -> String {
    let shown: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    shown.join(", ")
}

impl From<PersistError> for ControlError {
    fn from(error: PersistError) -> ControlError {
        match error {
            PersistError::Full(cause) => ControlError::NotStored(cause),
            // `Fenced` does not happen: no batch of the control plane builds on a refused one.
            error @ (PersistError::Fenced | PersistError::Broken(_) | PersistError::Stopping) => {
                ControlError::Unknown(error)
            }
        }
    }
}
