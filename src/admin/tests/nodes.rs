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
    assert_eq!(api.raw("GET", "/livez", None, "").await.0, StatusCode::OK);
    let (ready, reason) = api.raw("GET", "/readyz", None, "").await;
    assert_eq!(ready, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reason.contains("no layout"), "{reason}");
    let role = json!({ "id": NODE.to_string(), "zone": "z", "capacity": 1_000_000, "tags": [] });
    api.post("/v2/UpdateClusterLayout", json!({ "roles": [role] })).await;
    api.post("/v2/ApplyClusterLayout", json!({ "version": 1 })).await;
    let health = api.get("/v2/GetClusterHealth").await;
    assert_eq!((&health["status"], &health["partitionsAllOk"]), (&json!("healthy"), &json!(1024)));
    assert_eq!(api.raw("GET", "/health", None, "").await.0, StatusCode::OK);
    assert_eq!(api.raw("GET", "/readyz", None, "").await.0, StatusCode::OK);
    *api.view.is_stopping.lock().unwrap() = true;
    assert_eq!(
        api.raw("GET", "/readyz", None, "").await,
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the node is stopping\n".to_owned())
    );
    assert_eq!(api.raw("GET", "/livez", None, "").await.0, StatusCode::OK);

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
        "state",
        "stateSecs",
    ];
    check_fields(node, &["draining", "id", "isUp"], &optional);
    check_fields(&node["role"], &["tags", "zone"], &["capacity"]);
    check_fields(&node["metadataPartition"], &["available", "total"], &[]);
    assert_eq!((&node["isUp"], &node["id"]), (&json!(true), &json!(NODE.to_string())));
    let peer = &status["nodes"][1];
    let shown = (&peer["id"], &peer["isUp"], &peer["addr"], &peer["role"]);
    assert_eq!(shown, (&json!(PEER.to_string()), &json!(true), &json!("b:1"), &json!(null)));
}

#[actix_web::test]
async fn status_tells_how_a_peer_is_since_when_and_how_late_its_clock_is() {
    let api = Api::on_socket().await;
    assert_eq!(api.get("/v2/GetClusterStatus").await["warnings"], json!(["this node lost data"]));
    let accepted = api.post("/v2/AcceptDataLoss", json!(null)).await;
    assert_eq!(accepted, json!({ "wasWaiting": "this node lost data" }));
    assert_eq!(api.get("/v2/GetClusterStatus").await["warnings"], json!([]));
    api.set_peer(PeerState::Suspected);
    let status = api.get("/v2/GetClusterStatus").await;
    let warning = status["warnings"][0].as_str().unwrap();
    assert!(warning.contains("(host-b) is 61 s behind this node's"), "{warning}");
    let shown = |peer: &serde_json::Value| {
        (peer["isUp"].clone(), peer["lastSeenSecsAgo"].clone(), peer["state"].clone())
    };
    assert_eq!(shown(&status["nodes"][1]), (json!(true), json!(null), json!("suspected")));
    assert_eq!(api.get("/v2/GetClusterHealth").await["connectedNodes"], json!(2));
    api.set_peer(PeerState::NotConnected);
    let status = api.get("/v2/GetClusterStatus").await;
    assert_eq!(shown(&status["nodes"][1]), (json!(false), json!(90), json!("not connected")));
    assert_eq!(api.get("/v2/GetClusterHealth").await["connectedNodes"], json!(1));
}

#[actix_web::test]
async fn each_node_that_is_to_be_connected_has_an_outcome_of_its_own() {
    let api = Api::on_socket().await;
    let peers = [format!("{PEER}@b:1"), "b:1".to_owned(), "b".to_owned()];
    let outcomes = api.post("/v2/ConnectClusterNodes", json!(peers)).await;
    assert_eq!(outcomes[0], json!({ "success": true, "error": null }));
    assert_eq!(outcomes[1], json!({ "success": false, "error": "nobody is there" }));
    let error = outcomes[2]["error"].as_str().unwrap();
    assert!(error.contains("a host and a port"), "{error}");
    let many = vec!["b:1"; 101];
    assert_eq!(api.refused("POST", "/v2/ConnectClusterNodes", json!(many)).await.0, 400);
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
    assert!(metrics.contains("# TYPE counted counter\ncounted 7\n"), "{metrics}");
    assert!(metrics.contains("cluster_available 0\n"), "{metrics}");
    assert!(metrics.contains("cluster_partitions 1024\n"), "{metrics}");
}
