use super::bucket::{existing, info};
use crate::admin::Admin;
use crate::admin::call::Call;
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::BucketKeyPermChangeRequest;
use troupe_actors::control::{Command, KeyId, Permissions};
use troupe_actors::ids::BucketId;

pub(super) async fn allow(admin: &Admin, call: &Call) -> AdminResult {
    let (key, id, permissions) = read(admin, call)?;
    admin.control.change(Command::Allow { key, id, permissions }).await?;
    log::info!("bucket {id}: key {key} is allowed {}", words(permissions));
    info(admin, id).await
}

pub(super) async fn deny(admin: &Admin, call: &Call) -> AdminResult {
    let (key, id, permissions) = read(admin, call)?;
    admin.control.change(Command::Deny { key, id, permissions }).await?;
    log::info!("bucket {id}: key {key} is denied {}", words(permissions));
    info(admin, id).await
}

fn read(admin: &Admin, call: &Call) -> Result<(KeyId, BucketId, Permissions), AdminError> {
    let asked: BucketKeyPermChangeRequest = call.body()?;
    let id = existing(&admin.control.snapshot(), &asked.bucket_id)?.id;
    Ok((asked.access_key_id.parse()?, id, asked.permissions.into()))
}

fn words(permissions: Permissions) -> String {
    let Permissions { read, write, owner } = permissions;
    let words = [(read, "read"), (write, "write"), (owner, "owner")];
    let set: Vec<_> = words.into_iter().filter_map(|(is_set, word)| is_set.then_some(word)).collect();
    if set.is_empty() { "nothing more".to_owned() } else { set.join(", ") }
}
