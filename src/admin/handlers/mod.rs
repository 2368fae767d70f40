//! One file per subject; each function is one call.

mod alias;
mod bucket;
mod cluster;
mod key;
mod layout;
mod local;
mod node;
mod permission;
mod token;

use super::Admin;
use super::call::Call;
use super::endpoint::Endpoint;
use super::error::{AdminError, AdminResult};
use super::local::LocalCall;

pub(super) async fn run(admin: &Admin, name: &str, endpoint: Endpoint, call: &Call) -> AdminResult {
    match endpoint {
        Endpoint::Health => Ok(node::health(admin)),
        Endpoint::Live => Ok(node::live()),
        Endpoint::Ready => Ok(node::ready(admin)),
        Endpoint::Metrics => Ok(node::metrics(admin)),
        Endpoint::CheckDomain => {
            Err(AdminError::NotOffered { endpoint: name.to_owned(), reason: "Troupe serves no websites" })
        }
        Endpoint::GetClusterStatus => cluster::status(admin),
        Endpoint::GetClusterHealth => cluster::health(admin),
        Endpoint::GetClusterStatistics => node::cluster_statistics(admin),
        Endpoint::GetClusterLayout => layout::get(admin),
        Endpoint::GetClusterLayoutHistory => layout::history(admin),
        Endpoint::UpdateClusterLayout => layout::update(admin, call).await,
        Endpoint::PreviewClusterLayoutChanges => layout::preview(admin),
        Endpoint::ApplyClusterLayout => layout::apply(admin, call).await,
        Endpoint::RevertClusterLayout => layout::revert(admin).await,
        Endpoint::ClusterLayoutSkipDeadNodes => layout::skip_dead_nodes(admin, call).await,
        Endpoint::ListBuckets => bucket::list(admin),
        Endpoint::GetBucketInfo => bucket::get(admin, call).await,
        Endpoint::CreateBucket => bucket::create(admin, call).await,
        Endpoint::UpdateBucket => bucket::update(admin, call).await,
        Endpoint::DeleteBucket => bucket::delete(admin, call).await,
        Endpoint::AddBucketAlias => alias::add(admin, call).await,
        Endpoint::RemoveBucketAlias => alias::remove(admin, call).await,
        Endpoint::AllowBucketKey => permission::allow(admin, call).await,
        Endpoint::DenyBucketKey => permission::deny(admin, call).await,
        Endpoint::ListKeys => key::list(admin, call),
        Endpoint::GetKeyInfo => key::get(admin, call),
        Endpoint::CreateKey => key::create(admin, call).await,
        Endpoint::ImportKey => key::import(admin, call).await,
        Endpoint::UpdateKey => key::update(admin, call).await,
        Endpoint::DeleteKey => key::delete(admin, call).await,
        Endpoint::ListAdminTokens => token::list(admin, call),
        Endpoint::GetAdminTokenInfo => token::get(admin, call),
        Endpoint::CreateAdminToken => token::create(admin, call).await,
        Endpoint::UpdateAdminToken => token::update(admin, call).await,
        Endpoint::DeleteAdminToken => token::delete(admin, call).await,
        Endpoint::GetNodeInfo => local::run(admin, call, LocalCall::GetNodeInfo).await,
        Endpoint::GetNodeStatistics => local::run(admin, call, LocalCall::GetNodeStatistics).await,
        Endpoint::ListWorkers => {
            local::run(admin, call, LocalCall::ListWorkers(call.body_or_default()?)).await
        }
        Endpoint::GetWorkerInfo => local::run(admin, call, LocalCall::GetWorkerInfo(call.body()?)).await,
        Endpoint::GetWorkerVariable => {
            local::run(admin, call, LocalCall::GetWorkerVariable(call.body_or_default()?)).await
        }
        Endpoint::SetWorkerVariable => {
            local::run(admin, call, LocalCall::SetWorkerVariable(call.body()?)).await
        }
        Endpoint::ConnectClusterNodes => cluster::connect(admin, call).await,
        Endpoint::AcceptDataLoss => node::accept_data_loss(admin).await,
        Endpoint::NotOffered(reason) => Err(AdminError::NotOffered { endpoint: name.to_owned(), reason }),
    }
}
