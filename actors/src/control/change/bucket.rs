use super::{access_key, alias};
use crate::control::command::ControlError;
use crate::control::cors::{CorsRule, check_cors_rules};
use crate::control::entities::BucketState;
use crate::control::merge::{Latest, Lifetime, Merge, Stamp};
use crate::control::names::{Alias, KeyId};
use crate::control::snapshot::Permissions;
use crate::control::state::ControlState;
use crate::ids::BucketId;

pub(super) fn create(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    global_alias: Option<Alias>,
    local_alias: Option<(KeyId, Alias, Permissions)>,
) -> Result<ControlState, ControlError> {
    if state.buckets.contains_key(&id) {
        return Err(ControlError::BucketIdTaken(id));
    }
    let bucket = BucketState { created_ms: stamp.time_ms, cors_rules: Latest::unset(Vec::new()) };
    let mut delta = ControlState::default();
    delta.buckets.insert(id, Lifetime::Live(bucket));
    if let Some(alias) = global_alias {
        delta.merge_with(&alias::link_global(state, stamp, id, alias)?);
    }
    if let Some((key, alias, permissions)) = local_alias {
        delta.merge_with(&alias::link_local(state, stamp, id, key, alias)?);
        delta.merge_with(&access_key::set_permissions(state, stamp, (key, id), permissions, true));
    }
    Ok(delta)
}

/// The bucket's names become free at once; its permissions lead nowhere from now on.
pub(super) fn delete(state: &ControlState, stamp: Stamp, id: BucketId) -> Result<ControlState, ControlError> {
    state.live_bucket(id)?;
    let mut delta = ControlState::default();
    delta.buckets.insert(id, Lifetime::Deleted);
    for (alias, target) in &state.global_aliases {
        if *target.get() == Some(id) {
            delta.global_aliases.insert(alias.clone(), Latest::after(Some(target), stamp, None));
        }
    }
    for (name, target) in &state.local_aliases {
        if *target.get() == Some(id) {
            delta.local_aliases.insert(name.clone(), Latest::after(Some(target), stamp, None));
        }
    }
    Ok(delta)
}

/// Has a bucket take no writes any more, or take them again.
pub(super) fn set_closing(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    is_closing: bool,
) -> Result<ControlState, ControlError> {
    state.live_bucket(id)?;
    let mut delta = ControlState::default();
    delta.closing.insert(id, Latest::after(state.closing.get(&id), stamp, is_closing));
    Ok(delta)
}

pub(super) fn set_cors_rules(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    rules: Vec<CorsRule>,
) -> Result<ControlState, ControlError> {
    check_cors_rules(&rules)?;
    let before = state.live_bucket(id)?;
    let mut after = before.clone();
    after.cors_rules.set(stamp, rules);
    let mut delta = ControlState::default();
    if after != *before {
        delta.buckets.insert(id, Lifetime::Live(after));
    }
    Ok(delta)
}

impl ControlState {
    pub(super) fn live_bucket(&self, id: BucketId) -> Result<&BucketState, ControlError> {
        self.buckets.get(&id).and_then(Lifetime::live).ok_or(ControlError::NoSuchBucket(id))
    }
}
