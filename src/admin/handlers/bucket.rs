use crate::admin::call::{Call, json};
use crate::admin::dates::rfc3339;
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::model::{
    ApiBucketQuotas, BucketLocalAlias, CreateBucketRequest, GetBucketInfoKey, GetBucketInfoResponse,
    ListBucketsResponseItem, UpdateBucketRequestBody,
};
use crate::admin::{Admin, BucketUsage, search};
use std::collections::BTreeSet;
use troupe_actors::control::{Alias, Bucket, Command, ControlSnapshot};
use troupe_actors::ids::BucketId;

pub(super) fn list(admin: &Admin) -> AdminResult {
    let item = |bucket: &Bucket| ListBucketsResponseItem {
        id: bucket.id.to_string(),
        created: rfc3339(bucket.created_ms),
        global_aliases: bucket.global_aliases.iter().map(Alias::to_string).collect(),
        local_aliases: bucket
            .local_aliases
            .iter()
            .map(|(key, alias)| BucketLocalAlias { access_key_id: key.to_string(), alias: alias.to_string() })
            .collect(),
    };
    json(&admin.control.snapshot().buckets().into_iter().map(item).collect::<Vec<_>>())
}

pub(super) async fn get(admin: &Admin, call: &Call) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let asked = (call.parameter("id"), call.parameter("globalAlias"), call.parameter("search"));
    let bucket = match asked {
        (Some(id), None, None) => existing(&snapshot, id)?,
        (None, Some(alias), None) => {
            let bucket = snapshot.resolve_global(alias);
            let is_alias = |bucket: &&Bucket| bucket.global_aliases.iter().any(|a| a.as_str() == alias);
            bucket.filter(is_alias).ok_or_else(|| AdminError::NoBucketFound(alias.to_owned()))?
        }
        (None, None, Some(text)) => search::bucket(&snapshot, text)?,
        _ => return Err(AdminError::OneOf("`id`, `globalAlias` and `search`")),
    };
    info(admin, bucket.id).await
}

pub(super) async fn create(admin: &Admin, call: &Call) -> AdminResult {
    let asked: CreateBucketRequest = call.body_or_default()?;
    let id = BucketId(rand::random());
    let global_alias = asked.global_alias.map(|alias| alias.parse()).transpose()?;
    let local_alias = asked
        .local_alias
        .map(|local| {
            Ok::<_, AdminError>((local.access_key_id.parse()?, local.alias.parse()?, local.allow.into()))
        })
        .transpose()?;
    admin.control.change(Command::CreateBucket { id, global_alias, local_alias }).await?;
    log::info!("bucket {id} created");
    // Nobody is asked what it holds: it exists, whoever can be reached.
    info_with(admin, id, BucketUsage::default())
}

/// Quotas and websites may be asked for only in the way that leaves them off: what is not enforced is not promised.
pub(super) async fn update(admin: &Admin, call: &Call) -> AdminResult {
    let id = existing(&admin.control.snapshot(), call.needed("id")?)?.id;
    let asked: UpdateBucketRequestBody = call.body()?;
    let refuse =
        |reason| Err(AdminError::NotOffered { endpoint: "this change of a bucket".to_owned(), reason });
    if asked.quotas.is_some_and(|quotas| quotas != ApiBucketQuotas::default()) {
        return refuse("Troupe does not enforce quotas");
    }
    if asked.website_access.is_some_and(|website| website.enabled) {
        return refuse("Troupe serves no websites");
    }
    if let Some(rules) = asked.cors_rules {
        let rules = rules.into_iter().map(Into::into).collect();
        admin.control.change(Command::SetCorsRules { id, rules }).await?;
        log::info!("bucket {id}: CORS rules changed");
    }
    info(admin, id).await
}

/// A write that was let in before the deletion may still land in the bucket, where it cannot be read.
pub(super) async fn delete(admin: &Admin, call: &Call) -> AdminResult {
    let id = existing(&admin.control.snapshot(), call.needed("id")?)?.id;
    // Closed first: nobody puts something in between the look and the deletion.
    admin.control.change(Command::CloseBucket { id }).await?;
    match admin.view.bucket_usage(id).await {
        Ok(usage) if usage.entries == 0 => {}
        looked => {
            admin.control.change(Command::ReopenBucket { id }).await?;
            looked?;
            return Err(AdminError::BucketNotEmpty(id));
        }
    }
    admin.control.change(Command::DeleteBucket { id }).await?;
    log::info!("bucket {id} deleted");
    json(&())
}

/// The bucket with exactly this id.
pub(super) fn existing<'s>(snapshot: &'s ControlSnapshot, id: &str) -> Result<&'s Bucket, AdminError> {
    let bucket = id.parse().ok().and_then(|id| snapshot.bucket(id));
    bucket.ok_or_else(|| AdminError::NoBucketFound(id.to_owned()))
}

/// Everything about a bucket, as the answer to whatever changed it.
pub(super) async fn info(admin: &Admin, id: BucketId) -> AdminResult {
    info_with(admin, id, admin.view.bucket_usage(id).await?)
}

fn info_with(admin: &Admin, id: BucketId, usage: BucketUsage) -> AdminResult {
    let snapshot = admin.control.snapshot();
    let bucket = snapshot.bucket(id).ok_or_else(|| AdminError::NoBucketFound(id.to_string()))?;
    json(&GetBucketInfoResponse {
        id: id.to_string(),
        created: rfc3339(bucket.created_ms),
        global_aliases: bucket.global_aliases.iter().map(Alias::to_string).collect(),
        website_access: false,
        website_config: None,
        keys: keys_of(&snapshot, bucket),
        objects: usage.entries,
        bytes: usage.bytes,
        unfinished_uploads: 0,
        unfinished_multipart_uploads: 0,
        unfinished_multipart_upload_parts: 0,
        unfinished_multipart_upload_bytes: 0,
        quotas: ApiBucketQuotas::default(),
        partitions: usage.partitions,
        cors_rules: bucket.cors_rules.iter().cloned().map(Into::into).collect(),
    })
}

fn keys_of(snapshot: &ControlSnapshot, bucket: &Bucket) -> Vec<GetBucketInfoKey> {
    let ids: BTreeSet<_> =
        bucket.keys.iter().chain(bucket.local_aliases.iter().map(|(key, _)| key)).copied().collect();
    let keys = ids.into_iter().filter_map(|id| snapshot.key_by_id(id));
    keys.map(|key| GetBucketInfoKey {
        access_key_id: key.id.to_string(),
        name: key.name.to_string(),
        permissions: key.permissions(bucket.id).into(),
        bucket_local_aliases: bucket
            .local_aliases
            .iter()
            .filter(|(owner, _)| *owner == key.id)
            .map(|(_, alias)| alias.to_string())
            .collect(),
    })
    .collect()
}
