use super::*;
use serde_json::json;

const BUCKET_FIELDS: [&str; 12] = [
    "bytes",
    "created",
    "globalAliases",
    "id",
    "keys",
    "objects",
    "quotas",
    "unfinishedMultipartUploadBytes",
    "unfinishedMultipartUploadParts",
    "unfinishedMultipartUploads",
    "unfinishedUploads",
    "websiteAccess",
];

async fn bucket(api: &Api, name: &str) -> String {
    let made = api.post("/v2/CreateBucket", json!({ "globalAlias": name })).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn key(api: &Api, name: &str) -> String {
    let made = api.post("/v2/CreateKey", json!({ "name": name })).await;
    made["accessKeyId"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_bucket_is_made_listed_described_and_deleted() {
    let api = Api::on_socket().await;
    let made = api.post("/v2/CreateBucket", json!({ "globalAlias": "photos" })).await;
    check_fields(&made, &BUCKET_FIELDS, &["websiteConfig", "partitions", "corsRules"]);
    let id = made["id"].as_str().unwrap();
    assert_eq!(id.len(), 64);
    assert_eq!(made["globalAliases"], json!(["photos"]));

    let list = api.get("/v2/ListBuckets").await;
    check_fields(&list[0], &["created", "globalAliases", "id", "localAliases"], &[]);
    for query in [format!("id={id}"), "globalAlias=photos".to_owned(), "search=photos".to_owned()] {
        assert_eq!(api.get(&format!("/v2/GetBucketInfo?{query}")).await, made);
    }
    assert_eq!(api.get(&format!("/v2/GetBucketInfo?search={}", &id[..8])).await, made);

    assert_eq!(api.post(&format!("/v2/DeleteBucket?id={id}"), json!({})).await, Value::Null);
    assert_eq!(api.get("/v2/ListBuckets").await, json!([]));
    assert_eq!(
        api.refused("GET", &format!("/v2/GetBucketInfo?id={id}"), json!({})).await,
        (404, "NoSuchBucket".to_owned(), format!("no bucket is called `{id}`, and no id begins like that"))
    );
}

#[actix_web::test]
async fn a_bucket_that_holds_items_is_not_deleted() {
    let api = Api::on_socket().await;
    let id = bucket(&api, "photos").await;
    api.fill_buckets(BucketUsage { partitions: 1, entries: 2, bytes: 30 });
    let info = api.get("/v2/GetBucketInfo?globalAlias=photos").await;
    assert_eq!((&info["objects"], &info["bytes"], &info["partitions"]), (&json!(2), &json!(30), &json!(1)));
    let (status, code, _) = api.refused("POST", &format!("/v2/DeleteBucket?id={id}"), json!({})).await;
    assert_eq!((status, code.as_str()), (409, "BucketNotEmpty"));
}

#[actix_web::test]
async fn a_name_that_is_taken_or_malformed_is_refused() {
    let api = Api::on_socket().await;
    bucket(&api, "photos").await;
    let (status, code, message) =
        api.refused("POST", "/v2/CreateBucket", json!({ "globalAlias": "photos" })).await;
    assert_eq!((status, code.as_str()), (409, "BucketAlreadyExists"));
    assert_eq!(message, "the name `photos` is already taken by another bucket");
    let (status, code, _) = api.refused("POST", "/v2/CreateBucket", json!({ "globalAlias": "Ph" })).await;
    assert_eq!((status, code.as_str()), (400, "InvalidBucketName"));
}

#[actix_web::test]
async fn a_key_is_allowed_and_denied_and_gets_its_own_name_for_a_bucket() {
    let api = Api::on_socket().await;
    let (id, key_id) = (bucket(&api, "photos").await, key(&api, "app").await);
    let change = |read, write| {
        let permissions = json!({ "read": read, "write": write, "owner": false });
        json!({ "bucketId": id, "accessKeyId": key_id, "permissions": permissions })
    };
    let info = api.post("/v2/AllowBucketKey", change(true, true)).await;
    check_fields(&info["keys"][0], &["accessKeyId", "bucketLocalAliases", "name", "permissions"], &[]);
    assert_eq!(info["keys"][0]["permissions"], json!({ "read": true, "write": true, "owner": false }));
    let info = api.post("/v2/DenyBucketKey", change(true, false)).await;
    assert_eq!(info["keys"][0]["permissions"], json!({ "read": false, "write": true, "owner": false }));

    let local = json!({ "bucketId": id, "localAlias": "mine", "accessKeyId": key_id });
    let info = api.post("/v2/AddBucketAlias", local.clone()).await;
    assert_eq!(info["keys"][0]["bucketLocalAliases"], json!(["mine"]));
    let global = json!({ "bucketId": id, "globalAlias": "pictures" });
    let info = api.post("/v2/AddBucketAlias", global.clone()).await;
    assert_eq!(info["globalAliases"], json!(["photos", "pictures"]));
    api.post("/v2/RemoveBucketAlias", local).await;
    let info = api.post("/v2/RemoveBucketAlias", global).await;
    assert_eq!(info["globalAliases"], json!(["photos"]));

    let key = api.get(&format!("/v2/GetKeyInfo?id={key_id}")).await;
    check_fields(&key["buckets"][0], &["globalAliases", "id", "localAliases", "permissions"], &[]);
    assert_eq!(key["buckets"][0]["id"], json!(id));
}

#[actix_web::test]
async fn a_bucket_may_begin_with_a_name_for_one_key_only() {
    let api = Api::on_socket().await;
    let key_id = key(&api, "app").await;
    let local = json!({ "accessKeyId": key_id, "alias": "mine", "allow": { "read": true } });
    let made = api.post("/v2/CreateBucket", json!({ "localAlias": local })).await;
    assert_eq!(made["globalAliases"], json!([]));
    assert_eq!(made["keys"][0]["permissions"], json!({ "read": true, "write": false, "owner": false }));
    assert_eq!(api.get("/v2/GetBucketInfo?search=mine").await, made);
    let list = api.get("/v2/ListBuckets").await;
    assert_eq!(list[0]["localAliases"], json!([{ "accessKeyId": key_id, "alias": "mine" }]));
}

#[actix_web::test]
async fn cors_rules_are_set_in_either_spelling_and_checked() {
    let api = Api::on_socket().await;
    let path = format!("/v2/UpdateBucket?id={}", bucket(&api, "photos").await);
    let s3 = json!([{ "AllowedOrigins": ["*"], "AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 60 }]);
    let info = api.post(&path, json!({ "corsRules": s3 })).await;
    let ours = json!([{
        "allowedOrigins": ["*"], "allowedMethods": ["GET", "PUT"], "allowedHeaders": [], "exposeHeaders": [],
        "maxAgeSeconds": 60
    }]);
    assert_eq!(info["corsRules"], ours);
    assert_eq!(api.post(&path, json!({ "corsRules": ours })).await["corsRules"], ours);
    let (status, _, message) = api
        .refused(
            "POST",
            &path,
            json!({ "corsRules": [{ "allowedOrigins": ["*"], "allowedMethods": ["get"] }] }),
        )
        .await;
    assert_eq!(status, 400);
    assert!(message.starts_with("CORS rule 1: `get` is not one of"), "{message}");
    assert_eq!(api.post(&path, json!({ "corsRules": [] })).await["corsRules"], json!([]));
}

#[actix_web::test]
async fn what_would_not_be_enforced_is_not_promised() {
    let api = Api::on_socket().await;
    let path = format!("/v2/UpdateBucket?id={}", bucket(&api, "photos").await);
    let nothing = json!({
        "quotas": { "maxSize": null, "maxObjects": null },
        "websiteAccess": { "enabled": false }
    });
    api.post(&path, nothing).await;
    for body in [
        json!({ "quotas": { "maxSize": 1000, "maxObjects": null } }),
        json!({ "websiteAccess": { "enabled": true, "indexDocument": "index.html" } }),
    ] {
        let (status, code, _) = api.refused("POST", &path, body).await;
        assert_eq!((status, code.as_str()), (501, "NotImplemented"));
    }
}

#[actix_web::test]
async fn half_a_request_is_refused_with_what_is_missing() {
    let api = Api::on_socket().await;
    let id = bucket(&api, "photos").await;
    let message = |refused: (u16, String, String)| (refused.0, refused.2);
    assert_eq!(
        message(api.refused("POST", "/v2/DeleteBucket", json!({})).await),
        (400, "`id` is missing".to_owned())
    );
    assert_eq!(
        message(api.refused("GET", "/v2/GetBucketInfo", json!({})).await),
        (400, "give exactly one of `id`, `globalAlias` and `search`".to_owned())
    );
    let half = json!({ "bucketId": id, "localAlias": "mine" });
    assert_eq!(
        message(api.refused("POST", "/v2/AddBucketAlias", half).await),
        (400, "give exactly one of `globalAlias`, and `localAlias` with `accessKeyId`".to_owned())
    );
    let (status, _, message) = api.refused("POST", "/v2/AddBucketAlias", json!([])).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("the body is not the JSON that this call takes: "), "{message}");
    let (status, body) = api.raw("POST", "/v2/CreateBucket", None, &"[".repeat(2 << 20)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("it has more than 1048576 bytes"), "{body}");
}
