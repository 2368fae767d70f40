use serde::{Deserialize, Serialize};

/// Everything about a token of the admin API but its secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAdminTokenInfoResponse {
    /// The part before the dot; null for a token of the configuration.
    #[serde(default)]
    pub id: Option<String>,
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
    /// Names of endpoints, or `*`.
    pub scope: Vec<String>,
}

/// A new token: the only answer that shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAdminTokenResponse {
    /// The token, id included.
    pub secret_token: String,
    /// Everything else.
    #[serde(flatten)]
    pub info: GetAdminTokenInfoResponse,
}

/// Changes what is given; the body of `CreateAdminToken` as well.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAdminTokenRequestBody {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub expiration: Option<String>,
    /// Takes the expiration away.
    #[serde(default)]
    pub never_expires: bool,
    /// Names of endpoints, or `*`.
    #[serde(default)]
    pub scope: Option<Vec<String>>,
}
