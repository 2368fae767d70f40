//! Which caller may call which endpoint.

use super::dates::rfc3339;
use super::endpoint::Endpoint;
use super::error::AdminError;
use crate::config::Secret;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use troupe_actors::clock::WallMs;
use troupe_actors::control::{AdminToken, ControlSnapshot};

/// How a listener tells who is calling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// A Unix socket of mode 0600: every caller that can open it has all permissions.
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

/// The caller of an authorised call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Caller {
    /// All permissions, without expiry: the socket, or the token of the configuration.
    Operator,
    /// A token of the control plane: may make these calls until it expires.
    Token { scope: Vec<String>, expires_ms: Option<u64> },
    /// No particular caller: the call is open to all, or to the token for `/metrics`.
    Reader,
}

impl Caller {
    /// Whether the caller may make a token with this scope and expiration, or change one into it: a token that could hand
    /// out more than it has would have everything.
    pub(super) fn check_within(&self, scope: &[String], expires_ms: Option<u64>) -> Result<(), AdminError> {
        let (own, own_expires_ms) = match self {
            Caller::Operator => return Ok(()),
            Caller::Token { scope, expires_ms } => (scope.as_slice(), *expires_ms),
            Caller::Reader => (&[][..], None),
        };
        let is_in_scope = scope.iter().all(|name| allows(own, name));
        let is_in_time = own_expires_ms.is_none_or(|own| expires_ms.is_some_and(|expires| expires <= own));
        if is_in_scope && is_in_time {
            return Ok(());
        }
        let expires =
            own_expires_ms.map(|ms| format!(" and an `expiration` of {} at the latest", rfc3339(ms)));
        Err(AdminError::BeyondCaller { scope: own.join(", "), expires: expires.unwrap_or_default() })
    }
}

impl PortTokens {
    /// The caller of a call through a port, if it is authorised.
    pub(super) fn check(
        &self,
        (name, endpoint): (&str, Endpoint),
        headers: &HeaderMap,
        snapshot: &ControlSnapshot,
        now: WallMs,
    ) -> Result<Caller, AdminError> {
        let is_metrics = endpoint == Endpoint::Metrics;
        let metrics_are_open = self.metrics.is_none() && !self.metrics_require_token;
        let is_open =
            matches!(endpoint, Endpoint::Health | Endpoint::Live | Endpoint::Ready | Endpoint::CheckDomain);
        if is_open || (is_metrics && metrics_are_open) {
            return Ok(Caller::Reader);
        }
        let given = bearer(headers);
        if given.is_none() && self.admin.is_none() && !is_metrics && snapshot.admin_tokens().next().is_none()
        {
            return Err(AdminError::NoTokenConfigured);
        }
        let given = given.ok_or(AdminError::NoToken)?;
        let is = |secret: &Option<Secret>| secret.as_ref().is_some_and(|s| same(s.reveal(), given));
        if is(&self.admin) {
            return Ok(Caller::Operator);
        }
        if is_metrics && is(&self.metrics) {
            return Ok(Caller::Reader);
        }
        if let Some(token) = covering(snapshot, given, name, now) {
            return Ok(Caller::Token { scope: token.scope.clone(), expires_ms: token.expires_ms });
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

/// The token of the control plane that allows the call. Only the part before the dot is looked up.
fn covering<'s>(
    snapshot: &'s ControlSnapshot,
    given: &str,
    name: &str,
    now: WallMs,
) -> Option<&'s AdminToken> {
    let (id, _) = given.split_once('.')?;
    let token = snapshot.admin_token(id.parse().ok()?)?;
    let is_right = bool::from(Sha256::digest(given).as_slice().ct_eq(&token.secret_sha256));
    (is_right && !token.is_expired(now.0) && allows(&token.scope, name)).then_some(token)
}

/// Whether a scope holds the name of a call, or `*`.
fn allows(scope: &[String], name: &str) -> bool {
    scope.iter().any(|allowed| allowed == "*" || allowed == name)
}
