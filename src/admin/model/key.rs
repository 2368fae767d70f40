use super::ApiBucketKeyPerm;
use serde::{Deserialize, Serialize};

/// One access key in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListKeysResponseItem {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// RFC 3339.
    #[serde(default)]
    pub created: Option<String>,
    /// RFC 3339; null for never.
    #[serde(default)]
    pub expiration: Option<String>,
    /// Whether it is refused now.
    pub expired: bool,
}

/// Everything about an access key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyInfoResponse {
    /// Its id.
    pub access_key_id: String,
    /// RFC 3339.
    #[serde(default)]
    pub created: Option<String>,
    /// What people call it.
    pub name: String,
    /// RFC 3339; null for never.
    #[serde(default)]
    pub expiration: Option<String>,
    /// Whether it is refused now.
    pub expired: bool,
    /// Null unless it was asked for.
    #[serde(default)]
    pub secret_access_key: Option<String>,
    /// What it may do beyond buckets.
    pub permissions: KeyPerm,
    /// The buckets that it has to do with.
    pub buckets: Vec<KeyInfoBucketResponse>,
}

/// What a key may do beyond buckets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPerm {
    /// Create buckets (through S3, which Troupe does not speak).
    #[serde(default)]
    pub create_bucket: bool,
}

/// A bucket that a key has to do with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfoBucketResponse {
    /// 64 hex digits.
    pub id: String,
    /// Global aliases.
    pub global_aliases: Vec<String>,
    /// Names for this key.
    pub local_aliases: Vec<String>,
    /// What the key may do.
    pub permissions: ApiBucketKeyPerm,
}

/// Changes what is given; the body of `CreateKey` as well.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateKeyRequestBody {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub expiration: Option<String>,
    /// Takes the expiration away.
    #[serde(default)]
    pub never_expires: bool,
    /// What to allow.
    #[serde(default)]
    pub allow: Option<KeyPerm>,
    /// What to deny.
    #[serde(default)]
    pub deny: Option<KeyPerm>,
}

/// Brings a key along from another server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportKeyRequest {
    /// `GK` and 24 hex digits.
    pub access_key_id: String,
    /// 64 hex digits.
    pub secret_access_key: String,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
}
