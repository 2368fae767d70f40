//! What the replicas hold, as their nodes say it.

use crate::cluster::{Cluster, wait_until};
use serde_json::json;

/// Waits until every node shows the same items in these partitions.
pub(crate) fn wait_until_nodes_agree(cluster: &Cluster, nodes: &[usize], partitions: &[String]) {
    let clients: Vec<_> = nodes.iter().map(|&at| cluster.client(at)).collect();
    wait_until("the nodes agree", || {
        for pk in partitions {
            let query = json!([{ "partitionKey": pk, "tombstones": true }]);
            let answers: Vec<_> = clients.iter().map(|client| client.search(&query)).collect();
            if let Some(other) = answers.iter().find(|answer| answer.status != 200) {
                return Err(other.to_string());
            }
            let values = |at: usize| {
                let items = answers[at].json();
                let items = items[0]["items"].as_array().cloned().unwrap_or_default();
                items.into_iter().map(|item| (item["sk"].clone(), item["v"].clone())).collect::<Vec<_>>()
            };
            if (1..clients.len()).any(|at| values(at) != values(0)) {
                return Err(format!("{pk} differs"));
            }
        }
        Ok(())
    });
}
