//! A node that was away gets what it missed, by itself.

use crate::cluster::{Cluster, wait_until};
use crate::harness::{base64, rounds};
use crate::replicas::wait_until_nodes_agree;
use serde_json::{Value, json};

const BATCH: usize = 500;

#[test]
fn a_node_that_was_down_catches_up_and_then_serves_alone_what_it_missed() {
    let mut cluster = Cluster::start(3);
    cluster.stop(2);
    let items = rounds("CLUSTER_MISSED", 10_000);
    let client = cluster.client(0);
    for first in (0..items).step_by(BATCH) {
        let batch: Vec<_> = (first..first + BATCH)
            .map(|at| json!({ "pk": format!("missed-{}", at % 20), "sk": format!("{at:08}"), "v": base64("x") }))
            .collect();
        client.insert_batch(&Value::Array(batch)).expect(204);
    }
    cluster.start_node(2);
    cluster.wait_until_served(2);
    // With one of the two others down, each read needs the third node's own copy.
    wait_until("the third node has compared everything", || {
        let left = cluster.gauge(2, "entropy_never_compared")
            + cluster.gauge(2, "entropy_waiting")
            + cluster.gauge(2, "entropy_running");
        if left == 0 { Ok(()) } else { Err(format!("{left} comparisons are left")) }
    });
    cluster.kill(0);
    let partitions: Vec<_> = (0..20).map(|at| format!("missed-{at}")).collect();
    wait_until_nodes_agree(&cluster, &[1, 2], &partitions);
    let index = cluster.client(2).index(&[("prefix", "missed-")]).expect(200).json();
    let entries: u64 =
        index["partitionKeys"].as_array().unwrap().iter().map(|row| row["entries"].as_u64().unwrap()).sum();
    assert_eq!(entries, items as u64);
}
