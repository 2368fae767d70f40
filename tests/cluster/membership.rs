//! Nodes that come and go under load.

use crate::cluster::{Cluster, wait_until, wait_within};
use crate::load::Load;
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than handing shards over takes in an unoptimised build beside other stories.
const HAND_OVER: Duration = Duration::from_secs(300);

/// Waits until there is one live layout version again.
fn wait_until_settled(cluster: &Cluster) {
    let version = cluster.layout_version();
    wait_within(HAND_OVER, "the older layout versions are retired", || {
        let history = cluster.admin(0).get("/v2/GetClusterLayoutHistory", &[]).expect(200).json();
        let is_current = |row: &serde_json::Value| row["version"] == version && row["status"] == "Current";
        let versions = history["versions"].as_array().cloned().unwrap_or_default();
        let live = versions.iter().filter(|row| row["status"] == "Current" || row["status"] == "Draining");
        if live.clone().count() == 1 && live.clone().all(is_current) {
            Ok(())
        } else {
            Err(history.to_string())
        }
    });
}

#[test]
fn a_fourth_node_joins_and_another_one_leaves_under_load() {
    let mut cluster = Cluster::start(3);
    let addrs: Vec<SocketAddr> = cluster.members.iter().map(|member| member.k2v_addr).collect();
    let load = Load::start(6, &addrs, &cluster.credentials, 5);
    let fourth = cluster.add_node();
    cluster.assign(&[fourth]);
    wait_until_settled(&cluster);
    cluster.wait_until_served(fourth);
    let leaver = cluster.members[1].id.clone();
    cluster.command(0, &["layout", "remove", &leaver]);
    cluster.apply();
    wait_until_settled(&cluster);
    let acknowledged = load.acknowledged();
    wait_until("writes go on", || {
        let now = load.acknowledged();
        if now > acknowledged + 100 { Ok(()) } else { Err(now.to_string()) }
    });
    let promises = load.finish();
    for at in [0, 2, fourth] {
        for writer in &promises {
            writer.check(cluster.members[at].k2v_addr, &cluster.credentials);
        }
    }
}
