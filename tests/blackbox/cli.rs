//! The command line against a running node, in the words that operators know.

use crate::harness::node::{free_address, run, troupe};
use crate::harness::{Client, Credentials, Home, Node, check_error};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;

const KEY_ID: &str = "GK31c2f218a2e44f485b94239e";
const SECRET: &str = "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835";

fn credentials() -> Credentials {
    Credentials { key_id: KEY_ID.to_owned(), secret: SECRET.to_owned(), region: "garage".to_owned() }
}

fn config(home: &Home, k2v: SocketAddr) -> String {
    format!(
        "metadata_dir = \"{}\"\nreplication_factor = 1\nrpc_bind_addr = \"{}\"\nrpc_secret = \"{}\"\n\n[k2v_api]\napi_bind_addr = \"{k2v}\"\n",
        home.path().join("meta").display(),
        free_address(),
        "5e".repeat(32),
    )
}

/// The command with this configuration file.
fn run_with(file: &Path, arguments: &[&str]) -> Output {
    let mut command = troupe();
    command.arg("-c").arg(file).args(arguments);
    run(command)
}

/// A configured node and the commands for it.
struct Operated {
    node: Node,
    file: PathBuf,
}

impl Operated {
    fn start(home: Home, arguments: &[&str]) -> Operated {
        let addr = free_address();
        let config = config(&home, addr);
        let node = Node::server(home, &config, addr, arguments, credentials(), "first");
        let file = node.home.path().join("troupe.toml");
        Operated { node, file }
    }

    /// Without a role in a layout a node stores nothing: the two commands that every operator starts with.
    fn with_layout() -> Operated {
        let operated = Operated::start(Home::new(), &[]);
        let id = operated.run(&["node", "id", "-q"]);
        let id = id.trim().split('@').next().unwrap().to_owned();
        assert_eq!(id.len(), 64, "{id}");
        operated.run(&["layout", "assign", &id, "-z", "dc1", "-c", "1G"]);
        let shown = operated.run(&["layout", "show"]);
        assert!(shown.contains("dc1"), "{shown}");
        operated.run(&["layout", "apply", "--version", "1"]);
        operated
    }

    fn output(&self, arguments: &[&str]) -> Output {
        run_with(&self.file, arguments)
    }

    /// What the command prints when it succeeds.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {stdout}{stderr}");
        stdout.into_owned()
    }

    /// What it says when it fails.
    #[track_caller]
    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.trim().is_empty() && !said.contains("panicked"), "{said}");
        said
    }

    fn client(&self, credentials: &Credentials, bucket: &str) -> Client {
        Client::new(self.node.addr, credentials.clone(), bucket)
    }
}

/// The value of a line `Name: value`.
fn field(output: &str, name: &str) -> String {
    let line =
        output.lines().find_map(|line| line.trim_start().strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no line '{name}:' in {output}")).trim().to_owned()
}

#[test]
fn a_bucket_and_a_key_are_made_allowed_and_taken_back() {
    let operated = Operated::with_layout();
    let made = operated.run(&["key", "create", "my-app"]);
    let key = Credentials {
        key_id: field(&made, "Key ID"),
        secret: field(&made, "Secret key"),
        region: "garage".to_owned(),
    };
    assert!(key.key_id.starts_with("GK") && key.key_id.len() == 26, "{made}");
    assert_eq!(key.secret.len(), 64, "{made}");
    operated.run(&["bucket", "create", "photos"]);
    let client = operated.client(&key, "photos");
    check_error(&client.put("pk", "sk", None, "x"), 403, "AccessDenied");
    operated.run(&["bucket", "allow", "photos", "--read", "--write", "--owner", "--key", "my-app"]);
    client.put("pk", "sk", None, "x").expect(204);
    assert!(operated.run(&["bucket", "list"]).contains("photos"));
    assert!(operated.run(&["bucket", "info", "photos"]).contains(&key.key_id));
    assert!(operated.run(&["key", "list"]).contains(&key.key_id));
    let info = operated.run(&["key", "info", "my-app"]);
    assert!(info.contains("photos") && !info.contains(&key.secret), "{info}");
    assert!(operated.run(&["key", "info", "my-app", "--show-secret"]).contains(&key.secret));
    operated.run(&["bucket", "alias", "photos", "pictures"]);
    assert!(operated.client(&key, "pictures").read("pk", "sk").holds(&[Some("x")]));
    operated.run(&["bucket", "unalias", "photos"]);
    check_error(&client.get("pk", "sk"), 404, "NoSuchBucket");
    operated.run(&["bucket", "deny", "pictures", "--write", "--key", &key.key_id]);
    let client = operated.client(&key, "pictures");
    check_error(&client.put("pk", "sk", None, "y"), 403, "AccessDenied");
    client.get("pk", "sk").expect(200);
    operated.run(&["key", "rename", "my-app", "renamed"]);
    assert!(operated.run(&["key", "info", "renamed"]).contains(&key.key_id));
    operated.run(&["key", "delete", "renamed", "--yes"]);
    check_error(&client.get("pk", "sk"), 403, "AccessDenied");
}

#[test]
fn a_key_is_imported_and_a_bucket_with_items_is_not_deleted() {
    let operated = Operated::with_layout();
    operated.run(&["key", "import", KEY_ID, SECRET, "-n", "imported", "--yes"]);
    operated.run(&["bucket", "create", "full"]);
    operated.run(&["bucket", "allow", "full", "--read", "--write", "--key", "imported"]);
    let client = operated.client(&credentials(), "full");
    let written = client.write("pk", "sk", None, "x");
    let refusal = operated.fail(&["bucket", "delete", "full", "--yes"]);
    assert!(refusal.contains("empty"), "{refusal}");
    client.delete("pk", "sk", Some(&written.token)).expect(204);
    operated.run(&["bucket", "delete", "full", "--yes"]);
    check_error(&client.get("pk", "sk"), 404, "NoSuchBucket");
}

#[test]
fn mistakes_are_explained() {
    let operated = Operated::start(Home::new(), &["--single-node"]);
    operated.run(&["status"]);
    assert!(operated.fail(&["bucket", "info", "missing"]).contains("missing"));
    operated.run(&["bucket", "create", "taken"]);
    assert!(operated.fail(&["bucket", "create", "taken"]).contains("taken"));
    operated.fail(&["bucket", "create", "Not A Name!"]);
    operated.fail(&["bucket", "allow", "taken", "--read", "--key", "nobody"]);
    operated.fail(&["layout", "apply", "--version", "99"]);
    operated.fail(&["no-such-command"]);
    let Operated { node, file } = operated;
    let home = node.kill();
    let output = run_with(&file, &["bucket", "list"]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("running") || said.contains("connect"), "{said}");
    drop(home);
}

#[test]
fn a_single_node_with_a_default_bucket_and_key_is_the_same_after_every_start() {
    let key = format!("{KEY_ID}:{SECRET}");
    let arguments = ["--single-node", "--default-bucket", "first", "--default-key", &key];
    let mut home = Home::new();
    for round in 0..3 {
        let operated = Operated::start(home, &arguments);
        let client = operated.node.client();
        client.put("pk", &format!("round-{round}"), None, "x").expect(204);
        assert_eq!(client.list(&serde_json::json!({ "partitionKey": "pk" })).len(), round + 1);
        let keys = operated.run(&["key", "list"]);
        assert_eq!(keys.matches(KEY_ID).count(), 1, "{keys}");
        assert_eq!(operated.run(&["bucket", "list"]).matches("first").count(), 1);
        home = operated.node.kill();
    }
}

#[test]
fn a_default_key_with_another_secret_is_an_error_and_not_a_new_secret() {
    let key = format!("{KEY_ID}:{SECRET}");
    let operated =
        Operated::start(Home::new(), &["--single-node", "--default-bucket", "first", "--default-key", &key]);
    let file = operated.file.clone();
    // Connections wait for the key to be made: only an answer says that it is there.
    operated.node.client().put("pk", "sk", None, "x").expect(204);
    let home = operated.node.kill();
    let other = format!("{KEY_ID}:{}", "0".repeat(64));
    let output =
        run_with(&file, &["server", "--single-node", "--default-bucket", "first", "--default-key", &other]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(KEY_ID) && !said.contains(&"0".repeat(64)) && !said.contains(SECRET), "{said}");
    drop(home);
}

#[test]
fn the_layout_is_needed_before_anything_is_stored() {
    let operated = Operated::start(Home::new(), &[]);
    operated.run(&["key", "import", KEY_ID, SECRET, "-n", "k", "--yes"]);
    operated.run(&["bucket", "create", "early"]);
    operated.run(&["bucket", "allow", "early", "--read", "--write", "--key", "k"]);
    let client = operated.client(&credentials(), "early");
    let message = check_error(&client.put("pk", "sk", None, "x"), 503, "ServiceUnavailable");
    assert!(message.contains("layout"), "{message}");
    let id = operated.run(&["node", "id", "-q"]);
    let id = id.trim().split('@').next().unwrap().to_owned();
    operated.run(&["layout", "assign", &id, "-z", "dc1", "-c", "1G"]);
    operated.run(&["layout", "apply", "--version", "1"]);
    client.put("pk", "sk", None, "x").expect(204);
}
