use super::*;
use serde_json::json;

fn ids(workers: &Value) -> Vec<u64> {
    workers.as_array().unwrap().iter().map(|worker| worker["id"].as_u64().unwrap()).collect()
}

#[actix_web::test]
async fn workers_are_listed_whole_or_those_that_are_busy_or_fail() {
    let api = Api::on_socket().await;
    let this = NODE.to_string();
    let list =
        |body: Value| async { api.post("/v2/ListWorkers?node=self", body).await["success"][&this].clone() };
    let all = list(json!({})).await;
    assert_eq!(ids(&all), [1, 2, 3]);
    let optional = ["lastError", "persistentErrors", "progress", "queueLength", "tranquility"];
    let mandatory = ["id", "name", "state", "errors", "consecutiveErrors", "freeform"];
    all.as_array().unwrap().iter().for_each(|worker| check_fields(worker, &mandatory, &optional));
    assert_eq!(all[0]["state"], json!("busy"));
    assert_eq!((&all[1]["state"], &all[1]["lastError"]["secsAgo"]), (&json!("idle"), &json!(3)));
    assert_eq!(all[2]["state"], json!({ "throttled": { "durationSecs": 0.5 } }));
    assert_eq!(ids(&list(json!({ "busyOnly": true })).await), [1, 3]);
    assert_eq!(ids(&list(json!({ "errorOnly": true })).await), [2]);
    let one = api.post("/v2/GetWorkerInfo", json!({ "id": 2 })).await;
    assert_eq!(one["success"][&this], all[1]);
    let none = api.post("/v2/GetWorkerInfo", json!({ "id": 9 })).await;
    assert!(none["error"][&this].as_str().unwrap().contains("no worker has the id 9"), "{none}");
}

#[actix_web::test]
async fn a_call_for_all_nodes_tells_what_each_of_them_says() {
    let api = Api::on_socket().await;
    let (this, peer) = (NODE.to_string(), PEER.to_string());
    let listed = api.post("/v2/ListWorkers?node=*", json!({})).await;
    assert_eq!(ids(&listed["success"][&this]).len(), 3);
    assert_eq!(listed["success"][&peer], json!([]));
    let set = json!({ "variable": "rate", "value": "9" });
    let answers = api.post("/v2/SetWorkerVariable?node=*", set.clone()).await;
    assert_eq!(answers["success"], json!({ this.clone(): set }));
    assert_eq!(answers["error"], json!({ peer.clone(): "it is stopping" }));
    let asked = api.post(&format!("/v2/GetWorkerVariable?node={peer}"), json!({})).await;
    assert_eq!((&asked["success"], &asked["error"][&peer]), (&json!({}), &json!("it is stopping")));
}

#[actix_web::test]
async fn a_variable_is_read_and_set_by_its_name() {
    let api = Api::on_socket().await;
    let this = NODE.to_string();
    api.post("/v2/SetWorkerVariable", json!({ "variable": "rate", "value": "7" })).await;
    for body in [json!({}), json!({ "variable": null }), json!({ "variable": "rate" })] {
        let read = api.post("/v2/GetWorkerVariable", body).await;
        assert_eq!(read["success"][&this], json!({ "rate": "7" }));
    }
    for (call, body) in [
        ("GetWorkerVariable", json!({ "variable": "speed" })),
        ("SetWorkerVariable", json!({ "variable": "speed", "value": "1" })),
    ] {
        let refused = api.post(&format!("/v2/{call}"), body).await;
        assert!(refused["error"][&this].as_str().unwrap().contains("`speed`"), "{refused}");
    }
    assert_eq!(api.refused("POST", "/v2/SetWorkerVariable", json!({})).await.0, 400);
}
