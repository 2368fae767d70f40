//! What runs in the background is seen and slowed down from any node.

use crate::cluster::{Cluster, wait_until};

const RATE: &str = "anti-entropy-bytes-per-second";

#[test]
fn a_repair_is_seen_at_every_node_and_goes_as_fast_as_the_operator_says() {
    let mut cluster = Cluster::start(3);
    wait_until("every node lists its workers, and two others to compare with", || {
        let listed = cluster.command(0, &["worker", "list", "-a"]);
        let names = ["Anti-entropy", "Hand-over", "Control exchange", "Membership", "Checkpoint of lane 0"];
        let is_whole = names.iter().all(|name| listed.matches(name).count() == 3);
        if is_whole && listed.matches("Comparison with").count() == 6 { Ok(()) } else { Err(listed) }
    });
    assert!(cluster.command(1, &["worker", "info", "1"]).contains("Anti-entropy"));

    let set = cluster.command(0, &["worker", "set", "-a", RATE, "1"]);
    assert_eq!(set.matches(RATE).count(), 3, "{set}");
    assert!(!cluster.try_command(0, &["worker", "set", RATE, "0"]).status.success());
    cluster.kill(2);
    let client = cluster.client(0);
    for number in 0..500 {
        let sort_key = number.to_string();
        client.put(&format!("partition {}", number % 50), &sort_key, None, b"missed").expect(204);
    }
    cluster.start_node(2);
    let kept = cluster.command(2, &["worker", "get", RATE]);
    assert!(kept.trim_end().ends_with(" 1"), "a restart keeps what was set: {kept}");
    wait_until("the status at another node shows the repair", || {
        let status = cluster.try_command(1, &["status"]);
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        let is_shown =
            text.contains("SYNCING") && text.contains("Anti-entropy") && text.contains("copies equal");
        if is_shown { Ok(()) } else { Err(text) }
    });
    assert!(cluster.command(0, &["worker", "list", "-a", "--busy"]).contains("Anti-entropy"));

    cluster.command(1, &["worker", "set", "-a", RATE, "32MiB"]);
    wait_until("the repair ends", || {
        let text = cluster.command(0, &["status"]);
        let busy = cluster.command(0, &["worker", "list", "-a", "--busy"]);
        let is_done = !text.contains("SYNCING") && !busy.contains("Comparison with");
        if is_done { Ok(()) } else { Err(format!("{text}{busy}")) }
    });
}
