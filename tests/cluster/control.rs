//! Buckets, keys and permissions, made at one node and used at another.

use crate::cluster::{BUCKET, Cluster};
use crate::harness::Client;
use std::time::{Duration, Instant};

/// How long a change of the control plane may take to be in force at every node that is linked with the others.
const SPREAD: Duration = Duration::from_secs(2);

/// Waits for the answers of a client to become `status`, no longer than a change may take to spread.
fn wait_for_status(client: &Client, status: u16) {
    let begun = Instant::now();
    loop {
        let answer = client.put("pk", "sk", None, "x");
        if answer.status == status {
            return;
        }
        assert!(begun.elapsed() < SPREAD, "after {:?} still {answer}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_one_node_was_told_all_nodes_know_soon() {
    let cluster = Cluster::start(3);
    let admin = cluster.admin(1);
    let bucket = admin.create_bucket("shared");
    let key = admin.create_key("app", "garage");
    admin.allow(&bucket, &key, &["read", "write"]);
    for at in 0..3 {
        wait_for_status(&Client::new(cluster.members[at].k2v_addr, key.clone(), "shared"), 204);
    }
    cluster.admin(2).deny(&bucket, &key, &["write"]);
    for at in 0..3 {
        wait_for_status(&Client::new(cluster.members[at].k2v_addr, key.clone(), "shared"), 403);
    }
}

#[test]
fn a_node_without_a_majority_makes_no_changes_and_says_so() {
    let mut cluster = Cluster::start(3);
    cluster.kill(1);
    cluster.kill(2);
    let output = cluster.try_command(0, &["bucket", "create", "alone"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("majority"), "{said}");
}

#[test]
fn a_bucket_is_not_deleted_because_the_node_that_is_asked_holds_nothing_of_it() {
    let mut cluster = Cluster::start(3);
    cluster.client(0).put("pk", "sk", None, "kept").expect(204);
    let gateway = cluster.add_node();
    cluster.command(0, &["layout", "assign", "-z", "elsewhere", "-g", &cluster.members[gateway].id]);
    cluster.apply();
    cluster.wait_until_served(gateway);
    let output = cluster.try_command(gateway, &["bucket", "delete", "--yes", BUCKET]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("not empty"), "{said}");
    let item = cluster.client(gateway).read("pk", "sk");
    assert!(item.holds(&[Some("kept")]), "{item:?}");
}
