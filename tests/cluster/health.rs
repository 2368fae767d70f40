//! What load balancers are told when a quorum is lost, when it comes back, and when a node is about to stop.

use crate::cluster::{Cluster, wait_until};
use std::time::Instant;

fn wait_for(cluster: &Cluster, path: &str, status: u16, when: &str) {
    let began = Instant::now();
    wait_until(&format!("{path} is {status} {when}"), || {
        let answer = cluster.admin(0).get(path, &[]);
        if answer.status == status { Ok(()) } else { Err(answer.to_string()) }
    });
    println!("{path} is {status} {when}: after {} ms", began.elapsed().as_millis());
}

#[test]
fn a_node_is_ready_as_long_as_it_reaches_a_quorum_and_live_in_any_case() {
    let mut cluster = Cluster::start(3);
    wait_for(&cluster, "/readyz", 200, "when all are up");
    cluster.kill(1);
    cluster.admin(0).get("/livez", &[]).expect(200);
    wait_until("one node of three may be away", || {
        let health = cluster.admin(0).get("/v2/GetClusterHealth", &[]).expect(200).json();
        if health["status"] == "degraded" { Ok(()) } else { Err(health.to_string()) }
    });
    cluster.admin(0).get("/readyz", &[]).expect(200);
    cluster.admin(0).get("/health", &[]).expect(200);

    cluster.signal(2, "STOP");
    wait_for(&cluster, "/readyz", 503, "when a second node hangs");
    cluster.admin(0).get("/health", &[]).expect(503);
    cluster.admin(0).get("/livez", &[]).expect(200);
    cluster.signal(2, "CONT");
    wait_for(&cluster, "/readyz", 200, "when it goes on");

    cluster.kill(2);
    wait_for(&cluster, "/readyz", 503, "when a second node is killed");
    cluster.start_node(1);
    wait_for(&cluster, "/readyz", 200, "when the first one is back");
    cluster.admin(0).get("/health", &[]).expect(200);
}
