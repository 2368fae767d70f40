use super::*;
use serde_json::json;

const LAYOUT_FIELDS: [&str; 5] = ["parameters", "partitionSize", "roles", "stagedRoleChanges", "version"];

fn assign(capacity: &Value) -> Value {
    json!({ "roles": [{ "id": NODE.to_string(), "zone": "par1", "capacity": capacity, "tags": ["fast"] }] })
}

#[actix_web::test]
async fn a_layout_is_staged_previewed_and_applied() {
    let api = Api::on_socket().await;
    let staged = api.post("/v2/UpdateClusterLayout", assign(&json!(1_024_000))).await;
    check_fields(&staged, &LAYOUT_FIELDS, &["stagedParameters"]);
    check_fields(&staged["stagedRoleChanges"][0], &["id", "zone", "tags"], &["capacity"]);
    assert_eq!(staged["version"], 0);
    assert_eq!(staged["parameters"], json!({ "zoneRedundancy": "maximum" }));

    let preview = api.post("/v2/PreviewClusterLayoutChanges", json!({})).await;
    check_fields(&preview, &["message", "newLayout"], &[]);
    assert_eq!(preview["newLayout"]["version"], 1);

    let applied = api.post("/v2/ApplyClusterLayout", json!({ "version": 1 })).await;
    check_fields(&applied, &["layout", "message"], &[]);
    let layout = api.get("/v2/GetClusterLayout").await;
    assert_eq!(applied["layout"], layout);
    let role = &layout["roles"][0];
    check_fields(role, &["id", "tags", "zone"], &["capacity", "storedPartitions", "usableCapacity"]);
    assert_eq!((&role["storedPartitions"], &role["usableCapacity"]), (&json!(1024), &json!(1_024_000)));
    assert_eq!((&layout["partitionSize"], &layout["stagedRoleChanges"]), (&json!(1000), &json!([])));

    let history = api.get("/v2/GetClusterLayoutHistory").await;
    check_fields(&history, &["currentVersion", "minAck", "versions"], &["updateTrackers"]);
    let version = &history["versions"][0];
    check_fields(version, &["gatewayNodes", "status", "storageNodes", "version"], &[]);
    assert_eq!((&version["version"], &version["status"]), (&json!(1), &json!("Current")));

    let (status, _, message) = api.refused("POST", "/v2/ApplyClusterLayout", json!({ "version": 1 })).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "version 1 cannot be applied: the layout is at version 1, so the next one is 2")
    );
}

#[actix_web::test]
async fn a_preview_of_what_cannot_be_assigned_says_why() {
    let api = Api::on_socket().await;
    api.post("/v2/UpdateClusterLayout", assign(&Value::Null)).await;
    let preview = api.post("/v2/PreviewClusterLayoutChanges", json!({})).await;
    check_fields(&preview, &["error"], &[]);
    let reverted = api.post("/v2/RevertClusterLayout", json!({})).await;
    assert_eq!(reverted["stagedRoleChanges"], json!([]));
}

#[actix_web::test]
async fn parameters_and_removals_are_staged_as_well() {
    let api = Api::on_socket().await;
    api.post("/v2/UpdateClusterLayout", assign(&json!(1_000_000))).await;
    let body = json!({ "parameters": { "zoneRedundancy": { "atLeast": 1 } } });
    let staged = api.post("/v2/UpdateClusterLayout", body.clone()).await;
    assert_eq!(staged["stagedParameters"], body["parameters"]);
    api.post("/v2/ApplyClusterLayout", json!({ "version": 1 })).await;
    let body = json!({ "roles": [{ "id": NODE.to_string(), "remove": true }] });
    let staged = api.post("/v2/UpdateClusterLayout", body.clone()).await;
    assert_eq!(staged["stagedRoleChanges"], body["roles"]);
    for id in ["aaaa", "zz"] {
        let (status, _, message) = api
            .refused("POST", "/v2/UpdateClusterLayout", json!({ "roles": [{ "id": id, "remove": true }] }))
            .await;
        assert_eq!((status, message.as_str()), (400, "`id` must be the 64 hex digits of a node id"));
    }
}
