use crate::admin::call::{Call, json};
use crate::admin::dates::{expiration, rfc3339};
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::{
    GetKeyInfoResponse, ImportKeyRequest, KeyInfoBucketResponse, KeyPerm, ListKeysResponseItem,
    UpdateKeyRequestBody,
};
use crate::admin::{Admin, search};
use std::collections::BTreeSet;
use troupe_actors::clock::WallMs;
use troupe_actors::control::{
    AccessKey, Alias, Bucket, Command, ControlSnapshot, FreeText, KeyId, SecretKey,
};

const NAME_DEFAULT: &str = "Unnamed key";
const NAME_IMPORTED: &str = "Imported key";

/// Whether a new key's secret is part of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    Shown,
    Kept,
}

pub(super) fn list(admin: &Admin, call: &Call) -> AdminResult {
    let item = |key: &AccessKey| ListKeysResponseItem {
        id: key.id.to_string(),
        name: key.name.to_string(),
        created: Some(rfc3339(key.created_ms)),
        expiration: key.expires_ms.map(rfc3339),
        expired: key.is_expired(call.now.0),
    };
    json(&admin.control.snapshot().keys().into_iter().map(item).collect::<Vec<_>>())
}

pub(super) fn get(admin: &Admin, call: &Call) -> AdminResult {
    let secret = if call.flag("showSecretKey")? { Secret::Shown } else { Secret::Kept };
    let snapshot = admin.control.snapshot();
    let key = match (call.parameter("id"), call.parameter("search")) {
        (Some(id), None) => existing(&snapshot, id)?,
        (None, Some(text)) => search::key(&snapshot, text)?,
        _ => return Err(AdminError::OneOf("`id` and `search`")),
    };
    info(&snapshot, key, secret, call.now)
}

pub(super) async fn create(admin: &Admin, call: &Call) -> AdminResult {
    let asked: UpdateKeyRequestBody = call.body_or_default()?;
    let id = KeyId(rand::random());
    let may = |permissions: Option<KeyPerm>| permissions.is_some_and(|p| p.create_bucket);
    let command = Command::CreateKey {
        id,
        secret: SecretKey::from_random(rand::random()),
        name: asked.name.as_deref().unwrap_or(NAME_DEFAULT).parse()?,
        expires_ms: expiration(asked.expiration.as_deref(), asked.never_expires)?.flatten(),
        may_create_buckets: may(asked.allow) && !may(asked.deny),
    };
    admin.control.change(command).await?;
    log::info!("access key {id} created");
    info_by_id(admin, id, Secret::Shown, call.now)
}

pub(super) async fn import(admin: &Admin, call: &Call) -> AdminResult {
    let asked: ImportKeyRequest = call.body()?;
    let id: KeyId = asked.access_key_id.parse()?;
    let command = Command::CreateKey {
        id,
        secret: asked.secret_access_key.parse()?,
        name: asked.name.as_deref().unwrap_or(NAME_IMPORTED).parse()?,
        expires_ms: None,
        may_create_buckets: false,
    };
    admin.control.change(command).await?;
    log::info!("access key {id} imported");
    info_by_id(admin, id, Secret::Kept, call.now)
}

pub(super) async fn update(admin: &Admin, call: &Call) -> AdminResult {
    let id = existing(&admin.control.snapshot(), call.needed("id")?)?.id;
    let asked: UpdateKeyRequestBody = call.body()?;
    let names = |permissions: Option<KeyPerm>| permissions.is_some_and(|p| p.create_bucket);
    let may_create_buckets = match (names(asked.allow), names(asked.deny)) {
        (true, true) => return Err(AdminError::OneOf("`allow` and `deny`")),
        (true, false) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    let name: Option<FreeText> = asked.name.map(|name| name.parse()).transpose()?;
    let expires_ms = expiration(asked.expiration.as_deref(), asked.never_expires)?;
    admin.control.change(Command::UpdateKey { id, name, expires_ms, may_create_buckets }).await?;
    log::info!("access key {id} changed");
    info_by_id(admin, id, Secret::Kept, call.now)
}

pub(super) async fn delete(admin: &Admin, call: &Call) -> AdminResult {
    let id = existing(&admin.control.snapshot(), call.needed("id")?)?.id;
    admin.control.change(Command::DeleteKey { id }).await?;
    log::info!("access key {id} deleted");
    json(&())
}

/// The key with exactly this id.
fn existing<'s>(snapshot: &'s ControlSnapshot, id: &str) -> Result<&'s AccessKey, AdminError> {
    snapshot.key(id).ok_or_else(|| AdminError::NoKeyFound(id.to_owned()))
}

fn info_by_id(admin: &Admin, id: KeyId, secret: Secret, now: WallMs) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let key = snapshot.key_by_id(id).ok_or_else(|| AdminError::NoKeyFound(id.to_string()))?;
    info(&snapshot, key, secret, now)
}

fn info(snapshot: &ControlSnapshot, key: &AccessKey, secret: Secret, now: WallMs) -> AdminResult {
    let named = key.local_aliases().map(|(_, bucket)| bucket);
    let ids: BTreeSet<_> = key.buckets().chain(named).collect();
    let bucket = |bucket: &Bucket| KeyInfoBucketResponse {
        id: bucket.id.to_string(),
        global_aliases: bucket.global_aliases.iter().map(Alias::to_string).collect(),
        local_aliases: bucket
            .local_aliases
            .iter()
            .filter(|(owner, _)| *owner == key.id)
            .map(|(_, alias)| alias.to_string())
            .collect(),
        permissions: key.permissions(bucket.id).into(),
    };
    json(&GetKeyInfoResponse {
        access_key_id: key.id.to_string(),
        created: Some(rfc3339(key.created_ms)),
        name: key.name.to_string(),
        expiration: key.expires_ms.map(rfc3339),
        expired: key.is_expired(now.0),
        secret_access_key: (secret == Secret::Shown).then(|| key.secret.reveal().to_owned()),
        permissions: KeyPerm { create_bucket: key.may_create_buckets },
        buckets: ids.into_iter().filter_map(|id| snapshot.bucket(id)).map(bucket).collect(),
    })
}
