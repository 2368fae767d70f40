//! Who may call what.

use super::endpoint::Endpoint;
use super::error::AdminError;
use crate::config::Secret;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use troupe_actors::clock::WallMs;
use troupe_actors::control::ControlSnapshot;

/// How a listener tells who is calling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// A Unix socket of mode 0600: whoever reaches it may do everything.
    Socket,
    /// A port: bearer tokens.
    Port,
}

/// The tokens of the configuration. More of them, with scopes, live in the control plane.
#[derive(Clone, Debug, Default)]
pub struct PortTokens {
    /// May do everything.
    pub admin: Option<Secret>,
    /// May read `/metrics`.
    pub metrics: Option<Secret>,
    /// Whether `/metrics` needs a token even if `metrics` is not set.
    pub metrics_require_token: bool,
}

impl PortTokens {
    /// Whether the call may be made through a port.
    pub(super) fn check(
        &self,
        (name, endpoint): (&str, Endpoint),
        headers: &HeaderMap,
        snapshot: &ControlSnapshot,
        now: WallMs,
    ) -> Result<(), AdminError> {
        let is_metrics = endpoint == Endpoint::Metrics;
        let metrics_are_open = self.metrics.is_none() && !self.metrics_require_token;
        if matches!(endpoint, Endpoint::Health | Endpoint::CheckDomain) || (is_metrics && metrics_are_open) {
            return Ok(());
        }
        let given = bearer(headers);
        if given.is_none() && self.admin.is_none() && !is_metrics && snapshot.admin_tokens().next().is_none()
        {
            return Err(AdminError::NoTokenConfigured);
        }
        let given = given.ok_or(AdminError::NoToken)?;
        let is = |secret: &Option<Secret>| secret.as_ref().is_some_and(|s| same(s.reveal(), given));
        if is(&self.admin) || (is_metrics && is(&self.metrics)) || covers(snapshot, given, name, now) {
            return Ok(());
        }
        let none = self.admin.is_none() && snapshot.admin_tokens().next().is_none() && !is_metrics;
        Err(if none { AdminError::NoTokenConfigured } else { AdminError::TokenRefused })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares hashes, so that the time it takes says nothing, not even about lengths.
fn same(expected: &str, given: &str) -> bool {
    Sha256::digest(expected).ct_eq(&Sha256::digest(given)).into()
}

/// Whether a token of the control plane allows the call. Only the part before the dot is looked up.
fn covers(snapshot: &ControlSnapshot, given: &str, name: &str, now: WallMs) -> bool {
    let id = given.split_once('.').and_then(|(id, _)| id.parse().ok());
    let Some(token) = id.and_then(|id| snapshot.admin_token(id)) else { return false };
    let is_right = bool::from(Sha256::digest(given).as_slice().ct_eq(&token.secret_sha256));
    is_right && !token.is_expired(now.0) && token.scope.iter().any(|scope| scope == "*" || scope == name)
}
