//! What Prometheus is told, and what the dashboard and the alerts make of it.

use crate::harness::Node;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PREFIXES: [&str; 4] = ["api_", "cluster_", "rpc_", "troupe_"];

fn file(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics that an expression names.
fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix))).map(str::to_owned).collect()
}

/// Labels and functions look like metrics to [`named`].
const LABELS: [&str; 2] = ["api_endpoint", "rpc_endpoint"];

#[test]
fn every_metric_that_the_dashboard_and_the_alerts_name_exists() {
    let node = Node::dev();
    let client = node.client();
    client.put("pk", "sk", None, "value").expect(204);
    client.get("pk", "sk").expect(200);
    client.get("pk", "nobody wrote this").expect(404);
    let metrics = node.admin().get("/metrics", &[]).expect(200).text().to_owned();
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let exist: BTreeSet<&str> = samples.filter_map(|line| line.split(['{', ' ']).next()).collect();

    let dashboard: Value = serde_json::from_str(&file("deploy/grafana/troupe.json")).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut wanted: BTreeSet<String> =
        targets.flat_map(|target| named(target["expr"].as_str().unwrap())).collect();
    assert!(wanted.len() > 20, "the dashboard names hardly anything: {wanted:?}");
    let alerts = named(&file("deploy/prometheus/alerts.yml"));
    assert!(alerts.len() > 8, "the alerts name hardly anything: {alerts:?}");
    wanted.extend(alerts);
    for name in wanted.iter().filter(|name| !LABELS.contains(&name.as_str())) {
        assert!(exist.contains(name.as_str()), "nobody counts {name}: {exist:?}");
    }
}

#[test]
fn requests_are_counted_under_their_calls_and_errors_under_their_status() {
    let node = Node::dev();
    let client = node.client();
    for at in 0..3 {
        client.put("pk", &at.to_string(), None, "value").expect(204);
    }
    client.get("pk", "nobody wrote this").expect(404);
    let metrics = node.admin().get("/metrics", &[]).expect(200);
    for line in [
        "api_k2v_request_counter{api_endpoint=\"InsertItem\"} 3",
        "api_k2v_request_duration_count{api_endpoint=\"InsertItem\"} 3",
        "api_k2v_error_counter{api_endpoint=\"ReadItem\",status_code=\"404\"} 1",
        "cluster_available 1",
        "cluster_partitions_quorum 1024",
    ] {
        assert!(metrics.text().lines().any(|other| other == line), "{line} is missing: {metrics}");
    }
}
