//! The calls of the admin API by name.

use actix_web::http::Method;

/// A call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Endpoint {
    Health,
    Live,
    Ready,
    Metrics,
    CheckDomain,
    GetClusterStatus,
    GetClusterHealth,
    GetClusterStatistics,
    GetClusterLayout,
    GetClusterLayoutHistory,
    UpdateClusterLayout,
    PreviewClusterLayoutChanges,
    ApplyClusterLayout,
    RevertClusterLayout,
    ClusterLayoutSkipDeadNodes,
    ListBuckets,
    GetBucketInfo,
    CreateBucket,
    UpdateBucket,
    DeleteBucket,
    AddBucketAlias,
    RemoveBucketAlias,
    AllowBucketKey,
    DenyBucketKey,
    ListKeys,
    GetKeyInfo,
    CreateKey,
    ImportKey,
    UpdateKey,
    DeleteKey,
    ListAdminTokens,
    GetAdminTokenInfo,
    CreateAdminToken,
    UpdateAdminToken,
    DeleteAdminToken,
    GetNodeInfo,
    GetNodeStatistics,
    ConnectClusterNodes,
    ListWorkers,
    GetWorkerInfo,
    GetWorkerVariable,
    SetWorkerVariable,
    /// Troupe's own.
    AcceptDataLoss,
    /// A call that Garage has and Troupe does not, and why.
    NotOffered(&'static str),
}

const NO_OBJECTS: &str = "Troupe keeps K2V items, no objects and no blocks";
const NO_SNAPSHOTS: &str =
    "this version of Troupe takes no snapshots; stop the node and copy its metadata_dir";

/// Every call below `/v2/`, with its method.
const CALLS: [(&str, Method, Endpoint); 51] = [
    ("GetClusterStatus", Method::GET, Endpoint::GetClusterStatus),
    ("GetClusterHealth", Method::GET, Endpoint::GetClusterHealth),
    ("GetClusterStatistics", Method::GET, Endpoint::GetClusterStatistics),
    ("GetClusterLayout", Method::GET, Endpoint::GetClusterLayout),
    ("GetClusterLayoutHistory", Method::GET, Endpoint::GetClusterLayoutHistory),
    ("UpdateClusterLayout", Method::POST, Endpoint::UpdateClusterLayout),
    ("PreviewClusterLayoutChanges", Method::POST, Endpoint::PreviewClusterLayoutChanges),
    ("ApplyClusterLayout", Method::POST, Endpoint::ApplyClusterLayout),
    ("RevertClusterLayout", Method::POST, Endpoint::RevertClusterLayout),
    ("ListBuckets", Method::GET, Endpoint::ListBuckets),
    ("GetBucketInfo", Method::GET, Endpoint::GetBucketInfo),
    ("CreateBucket", Method::POST, Endpoint::CreateBucket),
    ("UpdateBucket", Method::POST, Endpoint::UpdateBucket),
    ("DeleteBucket", Method::POST, Endpoint::DeleteBucket),
    ("AddBucketAlias", Method::POST, Endpoint::AddBucketAlias),
    ("RemoveBucketAlias", Method::POST, Endpoint::RemoveBucketAlias),
    ("AllowBucketKey", Method::POST, Endpoint::AllowBucketKey),
    ("DenyBucketKey", Method::POST, Endpoint::DenyBucketKey),
    ("ListKeys", Method::GET, Endpoint::ListKeys),
    ("GetKeyInfo", Method::GET, Endpoint::GetKeyInfo),
    ("CreateKey", Method::POST, Endpoint::CreateKey),
    ("ImportKey", Method::POST, Endpoint::ImportKey),
    ("UpdateKey", Method::POST, Endpoint::UpdateKey),
    ("DeleteKey", Method::POST, Endpoint::DeleteKey),
    ("ListAdminTokens", Method::GET, Endpoint::ListAdminTokens),
    ("GetAdminTokenInfo", Method::GET, Endpoint::GetAdminTokenInfo),
    ("CreateAdminToken", Method::POST, Endpoint::CreateAdminToken),
    ("UpdateAdminToken", Method::POST, Endpoint::UpdateAdminToken),
    ("DeleteAdminToken", Method::POST, Endpoint::DeleteAdminToken),
    ("GetNodeInfo", Method::GET, Endpoint::GetNodeInfo),
    ("GetNodeStatistics", Method::GET, Endpoint::GetNodeStatistics),
    ("ConnectClusterNodes", Method::POST, Endpoint::ConnectClusterNodes),
    ("ClusterLayoutSkipDeadNodes", Method::POST, Endpoint::ClusterLayoutSkipDeadNodes),
    ("AcceptDataLoss", Method::POST, Endpoint::AcceptDataLoss),
    ("CreateMetadataSnapshot", Method::POST, Endpoint::NotOffered(NO_SNAPSHOTS)),
    ("CleanupIncompleteUploads", Method::POST, Endpoint::NotOffered(NO_OBJECTS)),
    ("InspectObject", Method::GET, Endpoint::NotOffered(NO_OBJECTS)),
    ("GetBlockInfo", Method::POST, Endpoint::NotOffered(NO_OBJECTS)),
    ("ListBlockErrors", Method::GET, Endpoint::NotOffered(NO_OBJECTS)),
    ("PurgeBlocks", Method::POST, Endpoint::NotOffered(NO_OBJECTS)),
    ("RetryBlockResync", Method::POST, Endpoint::NotOffered(NO_OBJECTS)),
    ("LaunchRepairOperation", Method::POST, Endpoint::NotOffered(NO_OBJECTS)),
    ("ListWorkers", Method::POST, Endpoint::ListWorkers),
    ("GetWorkerInfo", Method::POST, Endpoint::GetWorkerInfo),
    ("GetWorkerVariable", Method::POST, Endpoint::GetWorkerVariable),
    ("SetWorkerVariable", Method::POST, Endpoint::SetWorkerVariable),
    ("Health", Method::GET, Endpoint::Health),
    ("Live", Method::GET, Endpoint::Live),
    ("Ready", Method::GET, Endpoint::Ready),
    ("Metrics", Method::GET, Endpoint::Metrics),
    ("CheckDomain", Method::GET, Endpoint::CheckDomain),
];

/// Whether `path` names a call, and which: its name, its method and what it is.
pub(super) fn find(path: &str) -> Option<&'static (&'static str, Method, Endpoint)> {
    let name = match path {
        "/health" => "Health",
        "/livez" => "Live",
        "/readyz" => "Ready",
        "/metrics" => "Metrics",
        "/check" => "CheckDomain",
        // These have no place below /v2/.
        "/v2/Health" | "/v2/Live" | "/v2/Ready" | "/v2/Metrics" | "/v2/CheckDomain" => return None,
        path => path.strip_prefix("/v2/")?,
    };
    CALLS.iter().find(|(known, _, _)| *known == name)
}

/// Whether a scope may hold this name.
pub(super) fn is_scope(name: &str) -> bool {
    name == "*" || CALLS.iter().any(|(known, _, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_documented() {
        let page = include_str!("../../docs/admin-api.md");
        for (name, _, _) in &CALLS {
            let path = match *name {
                "Health" => "/health",
                "Live" => "/livez",
                "Ready" => "/readyz",
                "Metrics" => "/metrics",
                "CheckDomain" => "/check",
                name => name,
            };
            assert!(page.contains(path), "docs/admin-api.md does not name {path}");
        }
    }
}
