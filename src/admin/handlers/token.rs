use crate::admin::call::{Call, json};
use crate::admin::dates::{expiration, rfc3339};
use crate::admin::endpoint::is_scope;
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::{CreateAdminTokenResponse, GetAdminTokenInfoResponse, UpdateAdminTokenRequestBody};
use crate::admin::{Admin, search};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use troupe_actors::clock::WallMs;
use troupe_actors::control::{AdminToken, AdminTokenId, Command};

const NAME_DEFAULT: &str = "Unnamed token";

pub(super) fn list(admin: &Admin, call: &Call) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let stored = snapshot.admin_tokens().map(|token| info(token, call.now));
    json(&configured(admin).into_iter().chain(stored).collect::<Vec<_>>())
}

pub(super) fn get(admin: &Admin, call: &Call) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let token = match (call.parameter("id"), call.parameter("search")) {
        (Some(id), None) => {
            let token = id.parse().ok().and_then(|id| snapshot.admin_token(id));
            token.ok_or_else(|| AdminError::NoTokenFound(id.to_owned()))?
        }
        (None, Some(text)) => search::admin_token(&snapshot, text)?,
        _ => return Err(AdminError::OneOf("`id` and `search`")),
    };
    json(&info(token, call.now))
}

pub(super) async fn create(admin: &Admin, call: &Call) -> AdminResult {
    let asked: UpdateAdminTokenRequestBody = call.body_or_default()?;
    let id = AdminTokenId(rand::random());
    let secret_token = format!("{id}.{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let expires_ms = expiration(asked.expiration.as_deref(), asked.never_expires)?.flatten();
    let scope = scope(asked.scope)?.unwrap_or_else(|| vec!["*".to_owned()]);
    call.caller.check_within(&scope, expires_ms)?;
    let command = Command::CreateAdminToken {
        id,
        secret_sha256: Sha256::digest(&secret_token).into(),
        name: asked.name.as_deref().unwrap_or(NAME_DEFAULT).parse()?,
        expires_ms,
        scope,
    };
    admin.control.change(command).await?;
    log::info!("admin token {id} created");
    json(&CreateAdminTokenResponse { secret_token, info: info_by_id(admin, id, call.now)? })
}

pub(super) async fn update(admin: &Admin, call: &Call) -> AdminResult {
    let id = call.needed("id")?.parse()?;
    let asked: UpdateAdminTokenRequestBody = call.body()?;
    let name = asked.name.map(|name| name.parse()).transpose()?;
    let expires_ms = expiration(asked.expiration.as_deref(), asked.never_expires)?;
    let scope = scope(asked.scope)?;
    let snapshot = admin.control.snapshot();
    let before = snapshot.admin_token(id).ok_or_else(|| AdminError::NoTokenFound(id.to_string()))?;
    let (scope_after, expires_after) =
        (scope.as_ref().unwrap_or(&before.scope), expires_ms.unwrap_or(before.expires_ms));
    call.caller.check_within(scope_after, expires_after)?;
    admin.control.change(Command::UpdateAdminToken { id, name, expires_ms, scope }).await?;
    log::info!("admin token {id} changed");
    json(&info_by_id(admin, id, call.now)?)
}

pub(super) async fn delete(admin: &Admin, call: &Call) -> AdminResult {
    let id = call.needed("id")?.parse()?;
    admin.control.change(Command::DeleteAdminToken { id }).await?;
    log::info!("admin token {id} deleted");
    json(&())
}

/// A scope of names that mean something.
fn scope(names: Option<Vec<String>>) -> Result<Option<Vec<String>>, AdminError> {
    match names {
        Some(names) if !names.iter().all(|name| is_scope(name)) => {
            Err(AdminError::Field { field: "scope", expected: "a list of names of calls, or [\"*\"]" })
        }
        names => Ok(names),
    }
}

/// The tokens of the configuration file have no id and cannot be changed here.
fn configured(admin: &Admin) -> Vec<GetAdminTokenInfoResponse> {
    let tokens = &admin.tokens;
    let token = |name: &str, scope: &str| GetAdminTokenInfoResponse {
        id: None,
        created: None,
        name: format!("{name} (from the configuration)"),
        expiration: None,
        expired: false,
        scope: vec![scope.to_owned()],
    };
    let of_admin = tokens.admin.iter().map(|_| token("admin_token", "*"));
    of_admin.chain(tokens.metrics.iter().map(|_| token("metrics_token", "Metrics"))).collect()
}

fn info_by_id(admin: &Admin, id: AdminTokenId, now: WallMs) -> Result<GetAdminTokenInfoResponse, AdminError> {
    let snapshot = admin.control.snapshot();
    let token = snapshot.admin_token(id).ok_or_else(|| AdminError::NoTokenFound(id.to_string()))?;
    Ok(info(token, now))
}

fn info(token: &AdminToken, now: WallMs) -> GetAdminTokenInfoResponse {
    GetAdminTokenInfoResponse {
        id: Some(token.id.to_string()),
        created: Some(rfc3339(token.created_ms)),
        name: token.name.to_string(),
        expiration: token.expires_ms.map(rfc3339),
        expired: token.is_expired(now.0),
        scope: token.scope.clone(),
    }
}
