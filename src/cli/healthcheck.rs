//! A yes or no for container engines and service managers.

use super::client::Client;
use super::error::CliError;
use crate::admin::model::GetClusterHealthResponse;

/// Succeeds if the node runs and its cluster serves: then a load balancer may send it requests. A node that has no role yet
/// waits for a layout and is as healthy as it can be.
pub(super) async fn run(client: &Client) -> Result<(), CliError> {
    let health: GetClusterHealthResponse = client.get("GetClusterHealth", &[]).await?;
    if health.storage_nodes == 0 || health.status != "unavailable" {
        return Ok(());
    }
    let (served, all) = (health.partitions_quorum, health.partitions);
    Err(CliError::NotServed { served, all, next: "`troupe status` shows which nodes are not connected" })
}
