use super::ApiBucketKeyPerm;
use serde::{Deserialize, Serialize};
use troupe_actors::control::CorsRule;

/// One bucket in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListBucketsResponseItem {
    /// 64 hex digits.
    pub id: String,
    /// RFC 3339.
    pub created: String,
    /// Global aliases.
    pub global_aliases: Vec<String>,
    /// Names for one key.
    pub local_aliases: Vec<BucketLocalAlias>,
}

/// A name that only one key knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketLocalAlias {
    /// Which key.
    pub access_key_id: String,
    /// The name.
    pub alias: String,
}

/// Everything about a bucket. Counts are K2V's: an object is an item that is not only a tombstone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBucketInfoResponse {
    /// 64 hex digits.
    pub id: String,
    /// RFC 3339.
    pub created: String,
    /// Global aliases.
    pub global_aliases: Vec<String>,
    /// Always false: Troupe serves no websites.
    pub website_access: bool,
    /// Always null.
    #[serde(default)]
    pub website_config: Option<GetBucketInfoWebsiteResponse>,
    /// Keys that may do something with the bucket, or have a name for it.
    pub keys: Vec<GetBucketInfoKey>,
    /// Items that are not only tombstones.
    pub objects: u64,
    /// Total length of their values.
    pub bytes: u64,
    /// Always 0.
    pub unfinished_uploads: u64,
    /// Always 0.
    pub unfinished_multipart_uploads: u64,
    /// Always 0.
    pub unfinished_multipart_upload_parts: u64,
    /// Always 0.
    pub unfinished_multipart_upload_bytes: u64,
    /// Always unset: Troupe enforces no quotas.
    pub quotas: ApiBucketQuotas,
    /// Ours: partitions that hold at least one such item.
    #[serde(default)]
    pub partitions: u64,
    /// Ours: what browsers of other origins may do.
    #[serde(default)]
    pub cors_rules: Vec<ApiCorsRule>,
}

/// How a bucket serves a website. It never does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBucketInfoWebsiteResponse {
    /// Shown for a directory.
    pub index_document: String,
    /// Shown for an error.
    #[serde(default)]
    pub error_document: Option<String>,
}

/// A key that has to do with a bucket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBucketInfoKey {
    /// Its id.
    pub access_key_id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub permissions: ApiBucketKeyPerm,
    /// Its own names for the bucket.
    pub bucket_local_aliases: Vec<String>,
}

/// Bounds on a bucket's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiBucketQuotas {
    /// Bytes.
    #[serde(default)]
    pub max_size: Option<u64>,
    /// Objects.
    #[serde(default)]
    pub max_objects: Option<u64>,
}

/// Asks for a bucket.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateBucketRequest {
    /// A global alias.
    #[serde(default)]
    pub global_alias: Option<String>,
    /// A name for one key.
    #[serde(default)]
    pub local_alias: Option<CreateBucketLocalAlias>,
}

/// A first name that only one key knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateBucketLocalAlias {
    /// Which key.
    pub access_key_id: String,
    /// The name.
    pub alias: String,
    /// What the key may do with the bucket.
    #[serde(default)]
    pub allow: ApiBucketKeyPerm,
}

/// Changes what is given.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBucketRequestBody {
    /// Accepted only if it changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_access: Option<UpdateBucketWebsiteAccess>,
    /// Accepted only if it changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<ApiBucketQuotas>,
    /// Ours: the new CORS rules, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors_rules: Option<Vec<ApiCorsRule>>,
}

/// Whether a bucket is to be a website.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBucketWebsiteAccess {
    /// Whether it is.
    pub enabled: bool,
    /// Shown for a directory.
    #[serde(default)]
    pub index_document: Option<String>,
    /// Shown for an error.
    #[serde(default)]
    pub error_document: Option<String>,
}

/// Gives or takes a name: `globalAlias`, or `localAlias` with `accessKeyId`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketAliasRequest {
    /// Which bucket.
    pub bucket_id: String,
    /// A global alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_alias: Option<String>,
    /// A name for one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_alias: Option<String>,
    /// That key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
}

/// Changes what a key may do with a bucket. What is false or missing stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketKeyPermChangeRequest {
    /// Which bucket.
    pub bucket_id: String,
    /// Which key.
    pub access_key_id: String,
    /// What to change.
    pub permissions: ApiBucketKeyPerm,
}

/// A CORS rule. The spelling of S3's tools is read as well.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiCorsRule {
    /// A name for people.
    #[serde(default, alias = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Origins, each with at most one `*`.
    #[serde(alias = "AllowedOrigins")]
    pub allowed_origins: Vec<String>,
    /// HTTP methods, in capitals.
    #[serde(alias = "AllowedMethods")]
    pub allowed_methods: Vec<String>,
    /// Request headers, each with at most one `*`.
    #[serde(default, alias = "AllowedHeaders")]
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may see.
    #[serde(default, alias = "ExposeHeaders")]
    pub expose_headers: Vec<String>,
    /// For how long a browser may remember the answer to its preflight.
    #[serde(default, alias = "MaxAgeSeconds", skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
}

impl From<ApiCorsRule> for CorsRule {
    fn from(rule: ApiCorsRule) -> CorsRule {
        CorsRule {
            id: rule.id,
            allowed_origins: rule.allowed_origins,
            allowed_methods: rule.allowed_methods,
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        }
    }
}

impl From<CorsRule> for ApiCorsRule {
    fn from(rule: CorsRule) -> ApiCorsRule {
        ApiCorsRule {
            id: rule.id,
            allowed_origins: rule.allowed_origins,
            allowed_methods: rule.allowed_methods,
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        }
    }
}
