use crate::control::command::ControlError;
use crate::control::entities::{KeyState, PermissionState};
use crate::control::merge::{Latest, Lifetime, Stamp};
use crate::control::names::{FreeText, KeyId, SecretKey};
use crate::control::snapshot::Permissions;
use crate::control::state::ControlState;
use crate::ids::BucketId;

pub(super) fn create(
    state: &ControlState,
    stamp: Stamp,
    id: KeyId,
    secret: SecretKey,
    name: FreeText,
    expires_ms: Option<u64>,
    may_create_buckets: bool,
) -> Result<ControlState, ControlError> {
    if state.keys.contains_key(&id) {
        return Err(ControlError::KeyIdTaken(id));
    }
    let key = KeyState {
        secret: Latest::new(stamp, secret),
        created_ms: stamp.time_ms,
        name: Latest::new(stamp, name),
        expires_ms: Latest::new(stamp, expires_ms),
        may_create_buckets: Latest::new(stamp, may_create_buckets),
    };
    let mut delta = ControlState::default();
    delta.keys.insert(id, Lifetime::Live(key));
    Ok(delta)
}

pub(super) fn update(
    state: &ControlState,
    stamp: Stamp,
    id: KeyId,
    name: Option<FreeText>,
    expires_ms: Option<Option<u64>>,
    may_create_buckets: Option<bool>,
) -> Result<ControlState, ControlError> {
    let before = state.live_key(id)?;
    let mut after = before.clone();
    if let Some(name) = name {
        after.name.set(stamp, name);
    }
    if let Some(expires_ms) = expires_ms {
        after.expires_ms.set(stamp, expires_ms);
    }
    if let Some(may) = may_create_buckets {
        after.may_create_buckets.set(stamp, may);
    }
    let mut delta = ControlState::default();
    if after != *before {
        delta.keys.insert(id, Lifetime::Live(after));
    }
    Ok(delta)
}

/// The key's own names are taken back with it, so that they do not count as names of a bucket.
pub(super) fn delete(state: &ControlState, stamp: Stamp, id: KeyId) -> Result<ControlState, ControlError> {
    state.live_key(id)?;
    let mut delta = ControlState::default();
    delta.keys.insert(id, Lifetime::Deleted);
    for (name, target) in &state.local_aliases {
        if name.0 == id && target.get().is_some() {
            delta.local_aliases.insert(name.clone(), Latest::after(Some(target), stamp, None));
        }
    }
    Ok(delta)
}

pub(super) fn change_permissions(
    state: &ControlState,
    stamp: Stamp,
    who: (KeyId, BucketId),
    change: Permissions,
    allowed: bool,
) -> Result<ControlState, ControlError> {
    state.live_key(who.0)?;
    state.live_bucket(who.1)?;
    Ok(set_permissions(state, stamp, who, change, allowed))
}

/// The same for a bucket that is just being made.
pub(super) fn set_permissions(
    state: &ControlState,
    stamp: Stamp,
    who: (KeyId, BucketId),
    change: Permissions,
    allowed: bool,
) -> ControlState {
    let nothing = || {
        let no = || Latest::unset(false);
        PermissionState { read: no(), write: no(), owner: no() }
    };
    let before = state.permissions.get(&who).cloned().unwrap_or_else(nothing);
    let mut after = before.clone();
    let registers =
        [(change.read, &mut after.read), (change.write, &mut after.write), (change.owner, &mut after.owner)];
    for (_, register) in registers.into_iter().filter(|(changes, _)| *changes) {
        register.set(stamp, allowed);
    }
    let mut delta = ControlState::default();
    if after != before {
        delta.permissions.insert(who, after);
    }
    delta
}

impl PermissionState {
    /// What is allowed.
    pub fn get(&self) -> Permissions {
        Permissions { read: *self.read.get(), write: *self.write.get(), owner: *self.owner.get() }
    }
}

impl ControlState {
    pub(super) fn live_key(&self, id: KeyId) -> Result<&KeyState, ControlError> {
        self.keys.get(&id).and_then(Lifetime::live).ok_or(ControlError::NoSuchKey(id))
    }
}
