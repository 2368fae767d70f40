use crate::control::command::ControlError;
use crate::control::entities::AdminTokenState;
use crate::control::merge::{Latest, Lifetime, Stamp};
use crate::control::names::{AdminTokenId, FreeText};
use crate::control::state::ControlState;
use crate::limits::{ADMIN_SCOPE_MAX, CONTROL_TEXT_BYTES_MAX};

pub(super) fn create(
    state: &ControlState,
    stamp: Stamp,
    id: AdminTokenId,
    secret_sha256: [u8; 32],
    name: FreeText,
    expires_ms: Option<u64>,
    scope: Vec<String>,
) -> Result<ControlState, ControlError> {
    if state.admin_tokens.contains_key(&id) {
        return Err(ControlError::AdminTokenIdTaken(id));
    }
    check_scope(&scope)?;
    let token = AdminTokenState {
        secret_sha256,
        created_ms: stamp.time_ms,
        name: Latest::new(stamp, name),
        expires_ms: Latest::new(stamp, expires_ms),
        scope: Latest::new(stamp, scope),
    };
    let mut delta = ControlState::default();
    delta.admin_tokens.insert(id, Lifetime::Live(token));
    Ok(delta)
}

pub(super) fn update(
    state: &ControlState,
    stamp: Stamp,
    id: AdminTokenId,
    name: Option<FreeText>,
    expires_ms: Option<Option<u64>>,
    scope: Option<Vec<String>>,
) -> Result<ControlState, ControlError> {
    let before = live(state, id)?;
    let mut after = before.clone();
    if let Some(name) = name {
        after.name.set(stamp, name);
    }
    if let Some(expires_ms) = expires_ms {
        after.expires_ms.set(stamp, expires_ms);
    }
    if let Some(scope) = scope {
        check_scope(&scope)?;
        after.scope.set(stamp, scope);
    }
    let mut delta = ControlState::default();
    if after != *before {
        delta.admin_tokens.insert(id, Lifetime::Live(after));
    }
    Ok(delta)
}

pub(super) fn delete(state: &ControlState, id: AdminTokenId) -> Result<ControlState, ControlError> {
    live(state, id)?;
    let mut delta = ControlState::default();
    delta.admin_tokens.insert(id, Lifetime::Deleted);
    Ok(delta)
}

fn live(state: &ControlState, id: AdminTokenId) -> Result<&AdminTokenState, ControlError> {
    state.admin_tokens.get(&id).and_then(Lifetime::live).ok_or(ControlError::NoSuchAdminToken(id))
}

fn check_scope(scope: &[String]) -> Result<(), ControlError> {
    let is_name = |name: &String| (1..=CONTROL_TEXT_BYTES_MAX).contains(&name.len());
    let fits = (1..=ADMIN_SCOPE_MAX).contains(&scope.len()) && scope.iter().all(is_name);
    if fits { Ok(()) } else { Err(ControlError::Scope) }
}
