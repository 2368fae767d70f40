//! What an operator does beside buckets and keys: find a node, give tokens, set CORS rules, make mistakes.

use crate::harness::node::{free_address, troupe};
use crate::harness::{Client, Connection, Credentials, Home, Node, Request};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

const ADMIN_TOKEN: &str = "an-admin-token-that-nobody-may-see";

fn run(file: &Path, arguments: &[&str]) -> Output {
    troupe().arg("-c").arg(file).args(arguments).output().unwrap()
}

/// What the command prints when it succeeds.
#[track_caller]
fn succeed(file: &Path, arguments: &[&str]) -> String {
    let output = run(file, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and message of a command that fails.
#[track_caller]
fn fail(file: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(file, arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && !said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), said)
}

fn dev() -> (Node, PathBuf) {
    let node = Node::dev();
    let file = node.home.path().join("node/troupe.toml");
    (node, file)
}

#[test]
fn a_dev_node_has_the_same_credentials_after_every_start_and_its_commands_find_it() {
    let (node, file) = dev();
    let before = (node.credentials.key_id.clone(), node.credentials.secret.clone(), node.bucket.clone());
    let id = succeed(&file, &["node", "id", "-q"]);
    assert!(succeed(&file, &["status"]).contains(&id[..16]));
    let mode = |name: &str| {
        let path = node.home.path().join("node").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("admin.sock"), mode("node_key")), (0o600, 0o600));
    assert!(!node.log().contains(&node.credentials.secret), "the log shows a secret");

    let node = Node::dev_in(node.kill(), &[]);
    let after = (node.credentials.key_id.clone(), node.credentials.secret.clone(), node.bucket.clone());
    assert_eq!(before, after);
    assert_eq!(succeed(&file, &["node", "id", "-q"]), id);
    assert_eq!(succeed(&file, &["layout", "history"]).lines().count(), 2, "a head and one version");
}

#[test]
fn a_node_that_never_ran_has_an_id_and_keeps_it() {
    let home = Home::new();
    let config = format!(
        "metadata_dir = \"{}\"\nreplication_factor = 1\nrpc_public_addr = \"192.0.2.7:3901\"\n",
        home.path().join("meta").display()
    );
    let file = home.write("troupe.toml", &config);
    let first = succeed(&file, &["node", "id", "-q"]);
    let (id, addr) = first.trim().split_once('@').unwrap();
    assert_eq!((id.len(), addr), (64, "192.0.2.7:3901"));
    assert_eq!(succeed(&file, &["node", "id"]), first);
    let (code, said) = fail(&file, &["status"]);
    assert_eq!(code, 3);
    assert!(said.contains("the node is not running") && said.contains("server"), "{said}");
}

#[test]
fn a_second_process_is_turned_away_and_takes_nothing_from_the_first() {
    let (node, file) = dev();
    let (code, said) = fail(&file, &["server", "--single-node"]);
    assert_eq!(code, 1);
    assert!(said.lines().count() <= 2, "{said}");
    succeed(&file, &["status"]);
    node.client().put("pk", "sk", None, "x").expect(204);
}

#[test]
fn cors_rules_are_set_shown_and_cleared_and_browsers_see_them() {
    let (node, file) = dev();
    let rules = node.home.write(
        "rules.json",
        r#"{"CORSRules": [{"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET"]}]}"#,
    );
    let preflight = || {
        let path = format!("/{}/pk", node.bucket);
        let request = Request::new("OPTIONS", &path, "")
            .with("host", "node")
            .with("origin", "https://app.example")
            .with("access-control-request-method", "GET");
        Connection::open(node.addr).unwrap().call(&request).unwrap().status
    };
    assert_eq!(preflight(), 403);
    succeed(&file, &["bucket", "cors", &node.bucket, "--set", rules.to_str().unwrap()]);
    assert_eq!(preflight(), 200);
    let shown: Value =
        serde_json::from_str(&succeed(&file, &["bucket", "cors", &node.bucket, "--get"])).unwrap();
    assert_eq!(shown[0]["allowedOrigins"], json!(["https://*.example"]));
    let again = node.home.write("again.json", &shown.to_string());
    succeed(&file, &["bucket", "cors", &node.bucket, "--set", again.to_str().unwrap()]);
    succeed(&file, &["bucket", "cors", &node.bucket, "--clear"]);
    assert_eq!(preflight(), 403);

    let wrong = node.home.write("wrong.json", r#"[{"AllowedOrigin": ["*"]}]"#);
    let (code, said) = fail(&file, &["bucket", "cors", &node.bucket, "--set", wrong.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("wrong.json does not hold a list of CORS rules"), "{said}");
}

#[test]
fn a_key_calls_a_bucket_by_a_name_of_its_own() {
    let (node, file) = dev();
    let key = node.credentials.key_id.as_str();
    succeed(&file, &["bucket", "alias", "--local", key, &node.bucket, "mine"]);
    let client = Client::new(node.addr, node.credentials.clone(), "mine");
    client.put("pk", "sk", None, "x").expect(204);
    assert!(node.client().read("pk", "sk").holds(&[Some("x")]));
    assert!(succeed(&file, &["bucket", "info", &node.bucket]).contains("mine"));
    succeed(&file, &["bucket", "unalias", "--local", key, "mine"]);
    client.get("pk", "sk").expect(404);
    let (_, said) = fail(&file, &["bucket", "unalias", "--local", key, "mine"]);
    assert!(said.contains("has no name `mine` for any bucket"), "{said}");
}

/// Calls the admin API's port.
fn call(addr: SocketAddr, path: &str, token: Option<&str>) -> u16 {
    let mut request = Request::new("GET", path, "").with("host", "node");
    if let Some(token) = token {
        request = request.with("authorization", &format!("Bearer {token}"));
    }
    Connection::open(addr).unwrap().call(&request).unwrap().status
}

#[test]
fn the_admin_port_opens_to_tokens_and_their_scopes() {
    let (home, k2v, admin) = (Home::new(), free_address(), free_address());
    let config = format!(
        "metadata_dir = \"{}\"\nreplication_factor = 1\nrpc_bind_addr = \"{}\"\n[k2v_api]\napi_bind_addr = \
         \"{k2v}\"\n[admin]\napi_bind_addr = \"{admin}\"\nadmin_token = \"{ADMIN_TOKEN}\"\nmetrics_token = \"numbers\"\n",
        home.path().join("meta").display(),
        free_address(),
    );
    let credentials =
        Credentials { key_id: String::new(), secret: String::new(), region: "garage".to_owned() };
    let node = Node::server(home, &config, k2v, &["--single-node"], credentials, "none");
    let file = node.home.path().join("troupe.toml");
    assert_eq!(call(admin, "/v2/ListBuckets", Some(ADMIN_TOKEN)), 200);
    assert_eq!(call(admin, "/v2/ListBuckets", None), 403);
    assert_eq!(call(admin, "/v2/ListBuckets", Some("numbers")), 403);
    assert_eq!(call(admin, "/metrics", Some("numbers")), 200);
    assert_eq!(call(admin, "/health", None), 200);

    let token = succeed(&file, &["admin-token", "create", "ci", "--scope", "ListBuckets", "-q"]);
    assert_eq!(call(admin, "/v2/ListBuckets", Some(token.trim())), 200);
    assert_eq!(call(admin, "/v2/ListKeys", Some(token.trim())), 403);
    assert!(!succeed(&file, &["admin-token", "list"]).contains(token.trim()));
    succeed(&file, &["admin-token", "delete", "ci", "--yes"]);
    assert_eq!(call(admin, "/v2/ListBuckets", Some(token.trim())), 403);
    assert!(!node.log().contains(ADMIN_TOKEN) && !node.log().contains(token.trim()), "the log shows a token");
}

#[test]
fn a_mistake_in_the_configuration_names_the_line_and_what_was_meant() {
    let home = Home::new();
    let file = home.write("troupe.toml", "metadata_dir = \"/nowhere\"\nreplication_facto = 1\n");
    let (code, said) = fail(&file, &["server"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("troupe.toml:2: unknown key `replication_facto`, did you mean `replication_factor`?"),
        "{said}"
    );
}

#[test]
fn under_journald_a_line_carries_its_priority_and_no_time() {
    let home = Home::new();
    let file = home.write("stderr.log", "");
    let status = std::fs::metadata(file).unwrap();
    let stream = format!("{}:{}", status.dev(), status.ino());
    let node = Node::dev_in(home, &[("JOURNAL_STREAM", &stream)]);
    assert!(node.log().lines().all(|line| line.starts_with("<6>troupe")), "{}", node.log());
    // The variable is inherited by processes whose output goes elsewhere.
    let node = Node::dev_in(node.kill(), &[("JOURNAL_STREAM", "1:1")]);
    assert!(node.log().lines().last().unwrap().starts_with('['), "{}", node.log());
}
