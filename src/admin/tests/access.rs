use super::*;
use serde_json::json;

async fn status(api: &Api, path: &str, token: Option<&str>) -> u16 {
    api.raw("GET", path, token, "").await.0.as_u16()
}

fn tokens() -> PortTokens {
    PortTokens { admin: secret("root"), metrics: secret("numbers"), metrics_require_token: false }
}

#[actix_web::test]
async fn a_port_wants_the_admin_token_for_everything_but_health() {
    let api = Api::new(Access::Port, tokens()).await;
    assert_eq!(status(&api, "/v2/ListBuckets", Some("root")).await, 200);
    for token in [None, Some("wrong"), Some(""), Some("numbers")] {
        assert_eq!(status(&api, "/v2/ListBuckets", token).await, 403, "{token:?}");
    }
    assert_eq!(status(&api, "/health", None).await, 503, "no layout has been applied");
}

#[actix_web::test]
async fn metrics_have_a_token_of_their_own() {
    let api = Api::new(Access::Port, tokens()).await;
    assert_eq!(status(&api, "/metrics", Some("numbers")).await, 200);
    assert_eq!(status(&api, "/metrics", Some("root")).await, 200);
    assert_eq!(status(&api, "/metrics", None).await, 403);
    let open = Api::new(Access::Port, PortTokens { admin: secret("root"), ..PortTokens::default() }).await;
    assert_eq!(status(&open, "/metrics", None).await, 200);
    let closed = PortTokens { metrics_require_token: true, ..PortTokens::default() };
    assert_eq!(status(&Api::new(Access::Port, closed).await, "/metrics", None).await, 403);
}

#[actix_web::test]
async fn a_port_without_any_token_says_what_to_set() {
    let api = Api::new(Access::Port, PortTokens::default()).await;
    for token in [None, Some("anything")] {
        let (status, body) = api.raw("GET", "/v2/ListBuckets", token, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body.contains("set `admin_token` in section [admin]"), "{body}");
    }
}

#[actix_web::test]
async fn a_token_of_the_control_plane_reaches_as_far_as_its_scope_until_it_expires() {
    let api = Api::new(Access::Port, tokens()).await;
    let make = json!({ "scope": ["ListBuckets"] }).to_string();
    let (_, made) = api.raw("POST", "/v2/CreateAdminToken", Some("root"), &make).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let (id, token) = (made["id"].as_str().unwrap(), made["secretToken"].as_str().unwrap());
    assert_eq!(status(&api, "/v2/ListBuckets", Some(token)).await, 200);
    assert_eq!(status(&api, "/v2/ListKeys", Some(token)).await, 403);
    assert_eq!(status(&api, "/v2/ListBuckets", Some(&format!("{token}x"))).await, 403);
    assert_eq!(status(&api, "/v2/ListBuckets", Some(&format!("{id}."))).await, 403);
    let expire = json!({ "expiration": "2020-01-01T00:00:00Z" }).to_string();
    let (changed, _) = api.raw("POST", &format!("/v2/UpdateAdminToken?id={id}"), Some("root"), &expire).await;
    assert_eq!(changed, StatusCode::OK);
    assert_eq!(status(&api, "/v2/ListBuckets", Some(token)).await, 403);
}

#[actix_web::test]
async fn what_troupe_does_not_have_is_refused_by_name_and_what_nobody_has_is_not_found() {
    let api = Api::on_socket().await;
    for (method, path) in [
        ("POST", "/v2/CleanupIncompleteUploads"),
        ("GET", "/v2/ListBlockErrors?node=self"),
        ("POST", "/v2/PurgeBlocks?node=self"),
        ("GET", "/check?domain=example.org"),
    ] {
        let (status, code, _) = api.refused(method, path, json!({})).await;
        assert_eq!((status, code.as_str()), (501, "NotImplemented"), "{path}");
    }
    for path in ["/", "/v1/status", "/v2/", "/v2/NoSuchCall", "/v2/Metrics", "/v2/listbuckets"] {
        assert_eq!(api.refused("GET", path, json!({})).await.0, 404, "{path}");
    }
    assert_eq!(api.refused("POST", "/v2/ListBuckets", json!({})).await.0, 405);
}

/// Makes a token through the port with the token of the configuration.
async fn made(api: &Api, body: Value) -> (String, String) {
    let (status, made) = api.raw("POST", "/v2/CreateAdminToken", Some("root"), &body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secretToken"))
}

async fn call(api: &Api, path: &str, token: &str, body: Value) -> u16 {
    api.raw("POST", path, Some(token), &body.to_string()).await.0.as_u16()
}

#[actix_web::test]
async fn a_token_hands_out_no_more_than_its_own_scope() {
    let api = Api::new(Access::Port, tokens()).await;
    let scope = json!(["CreateAdminToken", "UpdateAdminToken", "ListBuckets"]);
    let (id, token) = made(&api, json!({ "scope": scope })).await;
    for beyond in [json!({}), json!({ "scope": ["*"] }), json!({ "scope": ["ListBuckets", "ListKeys"] })] {
        assert_eq!(call(&api, "/v2/CreateAdminToken", &token, beyond.clone()).await, 403, "{beyond}");
        let (status, body) = api.raw("POST", "/v2/CreateAdminToken", Some(&token), &beyond.to_string()).await;
        assert!(
            status == 403 && body.contains("[CreateAdminToken, UpdateAdminToken, ListBuckets]"),
            "{body}"
        );
    }
    for within in [json!(["ListBuckets"]), scope] {
        assert_eq!(
            call(&api, "/v2/CreateAdminToken", &token, json!({ "scope": within })).await,
            200,
            "{within}"
        );
    }
    let myself = format!("/v2/UpdateAdminToken?id={id}");
    assert_eq!(call(&api, &myself, &token, json!({ "scope": ["*"] })).await, 403);
    assert_eq!(call(&api, &myself, &token, json!({ "name": "still the same" })).await, 200);
    let (stronger, _) = made(&api, json!({})).await;
    let stronger = format!("/v2/UpdateAdminToken?id={stronger}");
    assert_eq!(call(&api, &stronger, &token, json!({ "name": "mine" })).await, 403);
    assert_eq!(call(&api, &myself, "root", json!({ "scope": ["*"] })).await, 200);
}

#[actix_web::test]
async fn a_token_hands_out_no_more_than_its_own_time() {
    let api = Api::new(Access::Port, tokens()).await;
    let (id, token) = made(&api, json!({ "expiration": "2100-01-01T00:00:00Z" })).await;
    let myself = format!("/v2/UpdateAdminToken?id={id}");
    for beyond in [json!({ "neverExpires": true }), json!({ "expiration": "2100-01-01T00:00:01Z" })] {
        assert_eq!(call(&api, "/v2/CreateAdminToken", &token, beyond.clone()).await, 403, "{beyond}");
        assert_eq!(call(&api, &myself, &token, beyond.clone()).await, 403, "{beyond}");
    }
    assert_eq!(call(&api, "/v2/CreateAdminToken", &token, json!({})).await, 403);
    let within = json!({ "expiration": "2099-12-31T00:00:00Z" });
    assert_eq!(call(&api, "/v2/CreateAdminToken", &token, within.clone()).await, 200);
    assert_eq!(call(&api, &myself, &token, within).await, 200);
}
