//! What a key may do with a bucket, when a request comes and again when a poll is answered.

use super::error::ApiError;
use super::route::Access;
use super::sigv4::SigV4Error;
use troupe_actors::clock::WallMs;
use troupe_actors::control::{AccessKey, ControlSnapshot, KeyId};
use troupe_actors::ids::BucketId;

/// The permission that a request was let in by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    /// The bucket that the request's name for it means.
    pub(crate) bucket: BucketId,
    /// The access key that was let in, and to whose account memory is charged.
    pub(crate) key: KeyId,
    access: Access,
}

impl Grant {
    /// The permission of `key` for the bucket that it calls `name`.
    pub(crate) fn new(
        control: &ControlSnapshot,
        key: &AccessKey,
        name: &str,
        access: Access,
    ) -> Result<Grant, ApiError> {
        let bucket = control.resolve_bucket(name, key).ok_or(ApiError::NoSuchBucket)?;
        check_permission(key, bucket.id, access)?;
        if bucket.is_closing && matches!(access, Access::Write) {
            return Err(ApiError::BucketClosing);
        }
        Ok(Grant { bucket: bucket.id, key: key.id, access })
    }

    /// Whether it still stands. The error is the one that the same request would get now.
    pub(crate) fn check(&self, control: &ControlSnapshot, now: WallMs) -> Result<(), ApiError> {
        let key = live_key(control, self.key, now).ok_or(SigV4Error::AccessDenied)?;
        control.bucket(self.bucket).ok_or(ApiError::NoSuchBucket)?;
        check_permission(key, self.bucket, self.access)
    }
}

/// The key with this id, unless it has expired.
pub(crate) fn live_key(control: &ControlSnapshot, id: KeyId, now: WallMs) -> Option<&AccessKey> {
    control.key_by_id(id).filter(|key| !key.is_expired(now.0))
}

fn check_permission(key: &AccessKey, bucket: BucketId, needed: Access) -> Result<(), ApiError> {
    let permissions = key.permissions(bucket);
    let is_allowed = match needed {
        Access::Read => permissions.read,
        Access::Write => permissions.write,
    };
    if is_allowed { Ok(()) } else { Err(ApiError::Forbidden { needed }) }
}
