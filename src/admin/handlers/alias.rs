use super::bucket::{existing, info};
use crate::admin::Admin;
use crate::admin::call::Call;
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::BucketAliasRequest;
use troupe_actors::control::{Alias, Command, KeyId};
use troupe_actors::ids::BucketId;

enum Name {
    Global(Alias),
    Local(KeyId, Alias),
}

pub(super) async fn add(admin: &Admin, call: &Call) -> AdminResult {
    let (id, name) = read(admin, call)?;
    let command = match name {
        Name::Global(alias) => Command::AddGlobalAlias { id, alias },
        Name::Local(key, alias) => Command::AddLocalAlias { id, key, alias },
    };
    admin.control.change(command).await?;
    log::info!("bucket {id}: name added");
    info(admin, id).await
}

pub(super) async fn remove(admin: &Admin, call: &Call) -> AdminResult {
    let (id, name) = read(admin, call)?;
    let command = match name {
        Name::Global(alias) => Command::RemoveGlobalAlias { id, alias },
        Name::Local(key, alias) => Command::RemoveLocalAlias { id, key, alias },
    };
    admin.control.change(command).await?;
    log::info!("bucket {id}: name removed");
    info(admin, id).await
}

fn read(admin: &Admin, call: &Call) -> Result<(BucketId, Name), AdminError> {
    let asked: BucketAliasRequest = call.body()?;
    let id = existing(&admin.control.snapshot(), &asked.bucket_id)?.id;
    let name = match (asked.global_alias, asked.local_alias, asked.access_key_id) {
        (Some(alias), None, None) => Name::Global(alias.parse()?),
        (None, Some(alias), Some(key)) => Name::Local(key.parse()?, alias.parse()?),
        _ => return Err(AdminError::OneOf("`globalAlias`, and `localAlias` with `accessKeyId`")),
    };
    Ok((id, name))
}
