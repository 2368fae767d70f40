use super::*;
use serde_json::json;

#[actix_web::test]
async fn status_and_health_follow_the_layout() {
    let api = Api::on_socket().await;
    let health = api.get("/v2/GetClusterHealth").await;
    let fields = [
        "connectedNodes",
        "knownNodes",
        "partitions",
        "partitionsAllOk",
        "partitionsQuorum",
        "status",
        "storageNodes",
        "storageNodesOk",
    ];
    check_fields(&health, &fields, &[]);
    assert_eq!((&health["status"], &health["partitionsQuorum"]), (&json!("unavailable"), &json!(0)));
    let role = json!({ "id": NODE.to_string(), "zone": "z", "capacity": 1_000_000, "tags": [] });
    api.post("/v2/UpdateClusterLayout", json!({ "roles": [role] })).await;
    api.post("/v2/ApplyClusterLayout", json!({ "version": 1 })).await;
    let health = api.get("/v2/GetClusterHealth").await;
    assert_eq!((&health["status"], &health["partitionsAllOk"]), (&json!("healthy"), &json!(1024)));
    assert_eq!(api.raw("GET", "/health", None, "").await.0, StatusCode::OK);

    let status = api.get("/v2/GetClusterStatus").await;
    check_fields(&status, &["layoutVersion", "nodes"], &["warnings"]);
    let node = &status["nodes"][0];
    let optional = [
        "addr",
        "dataPartition",
        "garageVersion",
        "hostname",
        "lastSeenSecsAgo",
        "metadataPartition",
        "role",
    ];
    check_fields(node, &["draining", "id", "isUp"], &optional);
    check_fields(&node["role"], &["tags", "zone"], &["capacity"]);
    check_fields(&node["metadataPartition"], &["available", "total"], &[]);
    assert_eq!((&node["isUp"], &node["id"]), (&json!(true), &json!(NODE.to_string())));
}

#[actix_web::test]
async fn a_node_tells_its_version_and_its_numbers() {
    let api = Api::on_socket().await;
    for node in ["self", "*", &NODE.to_string()] {
        let info = api.get(&format!("/v2/GetNodeInfo?node={node}")).await;
        check_fields(&info, &["error", "success"], &[]);
        check_fields(
            &info["success"][NODE.to_string()],
            &["dbEngine", "garageVersion", "nodeId", "rustVersion"],
            &["garageFeatures"],
        );
    }
    assert_eq!(api.refused("GET", "/v2/GetNodeInfo?node=abc", json!({})).await.0, 404);
    let statistics = api.get("/v2/GetNodeStatistics?node=self").await;
    let freeform = statistics["success"][NODE.to_string()]["freeform"].as_str().unwrap().to_owned();
    assert!(freeform.contains("pollers") && freeform.contains('3'), "{freeform}");
    assert_eq!(api.get("/v2/GetClusterStatistics").await["freeform"], json!(freeform));
    let (_, metrics) = api.raw("GET", "/metrics", None, "").await;
    assert!(metrics.contains("# TYPE troupe_pollers gauge\ntroupe_pollers 3\n"), "{metrics}");
    assert!(metrics.contains("troupe_shards_ok 0\n"), "{metrics}");
}
