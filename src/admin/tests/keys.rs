use super::*;
use serde_json::json;

const KEY_FIELDS: [&str; 5] = ["accessKeyId", "buckets", "expired", "name", "permissions"];
const KEY_FIELDS_OPTIONAL: [&str; 3] = ["created", "expiration", "secretAccessKey"];

#[actix_web::test]
async fn a_key_is_made_shown_found_changed_and_deleted() {
    let api = Api::on_socket().await;
    let made = api.post("/v2/CreateKey", json!({ "name": "app" })).await;
    check_fields(&made, &KEY_FIELDS, &KEY_FIELDS_OPTIONAL);
    let id = made["accessKeyId"].as_str().unwrap();
    assert!(id.starts_with("GK") && id.len() == 26);
    assert_eq!(made["secretAccessKey"].as_str().unwrap().len(), 64);

    let info = api.get(&format!("/v2/GetKeyInfo?id={id}")).await;
    assert_eq!(info["secretAccessKey"], Value::Null);
    for search in [id, "app", &id[..10]] {
        assert_eq!(api.get(&format!("/v2/GetKeyInfo?search={search}")).await, info);
    }
    let shown = api.get(&format!("/v2/GetKeyInfo?id={id}&showSecretKey=true")).await;
    assert_eq!(shown["secretAccessKey"], made["secretAccessKey"]);
    let list = api.get("/v2/ListKeys").await;
    check_fields(&list[0], &["expired", "id", "name"], &["created", "expiration"]);

    let path = format!("/v2/UpdateKey?id={id}");
    let changed = api
        .post(
            &path,
            json!({ "name": "new", "expiration": "2020-01-01T00:00:00Z", "allow": { "createBucket": true } }),
        )
        .await;
    assert_eq!(changed["name"], "new");
    assert_eq!(changed["expiration"], "2020-01-01T00:00:00Z");
    assert_eq!(
        (&changed["expired"], &changed["permissions"]),
        (&json!(true), &json!({ "createBucket": true }))
    );
    let changed = api.post(&path, json!({ "neverExpires": true, "deny": { "createBucket": true } })).await;
    assert_eq!((&changed["expired"], &changed["expiration"]), (&json!(false), &Value::Null));
    assert_eq!(changed["permissions"], json!({ "createBucket": false }));

    assert_eq!(api.post(&format!("/v2/DeleteKey?id={id}"), json!({})).await, Value::Null);
    let (status, code, _) = api.refused("GET", &format!("/v2/GetKeyInfo?id={id}"), json!({})).await;
    assert_eq!((status, code.as_str()), (404, "NoSuchAccessKey"));
}

#[actix_web::test]
async fn a_key_is_brought_along_once() {
    let api = Api::on_socket().await;
    let id = "GK31c2f218a2e44f485b94239e";
    let body = json!({ "accessKeyId": id, "secretAccessKey": "ab".repeat(32), "name": "old" });
    let info = api.post("/v2/ImportKey", body.clone()).await;
    check_fields(&info, &KEY_FIELDS, &KEY_FIELDS_OPTIONAL);
    let shown = api.get(&format!("/v2/GetKeyInfo?id={id}&showSecretKey=true")).await;
    assert_eq!(shown["secretAccessKey"], json!("ab".repeat(32)));
    let (status, code, _) = api.refused("POST", "/v2/ImportKey", body).await;
    assert_eq!((status, code.as_str()), (409, "KeyAlreadyExists"));
    for (id, secret) in [("GKshort", "ab".repeat(32)), (id, "secret".to_owned())] {
        let body = json!({ "accessKeyId": id, "secretAccessKey": secret });
        let (status, _, message) = api.refused("POST", "/v2/ImportKey", body).await;
        assert_eq!(status, 400);
        assert!(!message.contains("secret\""), "{message}");
    }
}

#[actix_web::test]
async fn a_search_that_several_keys_match_is_refused() {
    let api = Api::on_socket().await;
    api.post("/v2/CreateKey", json!({ "name": "app" })).await;
    api.post("/v2/CreateKey", json!({ "name": "app" })).await;
    let (status, _, message) = api.refused("GET", "/v2/GetKeyInfo?search=app", json!({})).await;
    assert_eq!((status, message.as_str()), (400, "2 access keys match `app`: give the id"));
}

#[actix_web::test]
async fn admin_tokens_are_made_listed_changed_and_deleted() {
    let tokens =
        PortTokens { admin: secret("root"), metrics: secret("numbers"), metrics_require_token: false };
    let api = Api::new(Access::Socket, tokens).await;
    let made = api
        .post("/v2/CreateAdminToken", json!({ "name": "ci", "scope": ["ListBuckets", "GetKeyInfo"] }))
        .await;
    let fields = ["expired", "name", "scope"];
    check_fields(&made, &["secretToken", "expired", "name", "scope"], &["created", "expiration", "id"]);
    let id = made["id"].as_str().unwrap();
    assert!(made["secretToken"].as_str().unwrap().starts_with(&format!("{id}.")));
    let list = api.get("/v2/ListAdminTokens").await;
    assert_eq!(list.as_array().unwrap().len(), 3);
    check_fields(&list[2], &fields, &["created", "expiration", "id"]);
    assert!(!list.to_string().contains("root") && !list.to_string().contains("numbers"));

    let changed = api.post(&format!("/v2/UpdateAdminToken?id={id}"), json!({ "scope": ["*"] })).await;
    assert_eq!((&changed["scope"], &changed["name"]), (&json!(["*"]), &json!("ci")));
    for query in [format!("id={id}"), "search=ci".to_owned()] {
        assert_eq!(api.get(&format!("/v2/GetAdminTokenInfo?{query}")).await, changed);
    }
    let (status, _, message) = api
        .refused("POST", &format!("/v2/UpdateAdminToken?id={id}"), json!({ "scope": ["ListBukkets"] }))
        .await;
    assert_eq!((status, message.as_str()), (400, "`scope` must be a list of names of calls, or [\"*\"]"));
    api.post(&format!("/v2/DeleteAdminToken?id={id}"), json!({})).await;
    assert_eq!(api.get("/v2/ListAdminTokens").await.as_array().unwrap().len(), 2);
}
