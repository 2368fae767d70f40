use crate::control::command::ControlError;
use crate::control::merge::{Latest, Lifetime, Stamp};
use crate::control::names::{Alias, KeyId};
use crate::control::state::ControlState;
use crate::ids::BucketId;

pub(super) fn add_global(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    alias: Alias,
) -> Result<ControlState, ControlError> {
    state.live_bucket(id)?;
    link_global(state, stamp, id, alias)
}

/// The same for a bucket that is just being made.
pub(super) fn link_global(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    alias: Alias,
) -> Result<ControlState, ControlError> {
    let mut delta = ControlState::default();
    match state.global_target(&alias) {
        Some(target) if target == id => {}
        Some(_) => return Err(ControlError::AliasTaken(alias)),
        None => {
            let before = state.global_aliases.get(&alias);
            let target = Latest::after(before, stamp, Some(id));
            delta.global_aliases.insert(alias, target);
        }
    }
    Ok(delta)
}

pub(super) fn remove_global(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    alias: Alias,
) -> Result<ControlState, ControlError> {
    state.live_bucket(id)?;
    if state.global_target(&alias) != Some(id) {
        return Err(ControlError::NoSuchAlias(alias));
    }
    if state.name_count(id) == 1 {
        return Err(ControlError::LastAlias(alias));
    }
    let mut delta = ControlState::default();
    let target = Latest::after(state.global_aliases.get(&alias), stamp, None);
    delta.global_aliases.insert(alias, target);
    Ok(delta)
}

pub(super) fn add_local(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    key: KeyId,
    alias: Alias,
) -> Result<ControlState, ControlError> {
    state.live_bucket(id)?;
    link_local(state, stamp, id, key, alias)
}

/// The same for a bucket that is just being made.
pub(super) fn link_local(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    key: KeyId,
    alias: Alias,
) -> Result<ControlState, ControlError> {
    state.live_key(key)?;
    let mut delta = ControlState::default();
    match state.local_target(key, &alias) {
        Some(target) if target == id => {}
        Some(_) => return Err(ControlError::AliasTaken(alias)),
        None => {
            let before = state.local_aliases.get(&(key, alias.clone()));
            let target = Latest::after(before, stamp, Some(id));
            delta.local_aliases.insert((key, alias), target);
        }
    }
    Ok(delta)
}

pub(super) fn remove_local(
    state: &ControlState,
    stamp: Stamp,
    id: BucketId,
    key: KeyId,
    alias: Alias,
) -> Result<ControlState, ControlError> {
    state.live_bucket(id)?;
    state.live_key(key)?;
    if state.local_target(key, &alias) != Some(id) {
        return Err(ControlError::NoSuchAlias(alias));
    }
    if state.name_count(id) == 1 {
        return Err(ControlError::LastAlias(alias));
    }
    let mut delta = ControlState::default();
    let name = (key, alias);
    let target = Latest::after(state.local_aliases.get(&name), stamp, None);
    delta.local_aliases.insert(name, target);
    Ok(delta)
}

impl ControlState {
    /// The existing bucket with this global alias.
    fn global_target(&self, alias: &Alias) -> Option<BucketId> {
        let target = self.global_aliases.get(alias).and_then(|target| *target.get());
        target.filter(|id| self.live_bucket(*id).is_ok())
    }

    /// The existing bucket that `alias` means to `key`.
    fn local_target(&self, key: KeyId, alias: &Alias) -> Option<BucketId> {
        let target = self.local_aliases.get(&(key, alias.clone())).and_then(|target| *target.get());
        target.filter(|id| self.live_bucket(*id).is_ok())
    }

    /// How many names lead to a bucket. A deleted key's names lead nowhere.
    fn name_count(&self, id: BucketId) -> usize {
        let global = self.global_aliases.values().filter(|target| *target.get() == Some(id)).count();
        let has_owner = |key: &KeyId| self.keys.get(key).and_then(Lifetime::live).is_some();
        let local = self.local_aliases.iter();
        global + local.filter(|((key, _), target)| *target.get() == Some(id) && has_owner(key)).count()
    }
}
