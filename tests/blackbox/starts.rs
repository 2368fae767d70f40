//! Starts that find something unexpected: they say so, and harm nothing.

use crate::harness::node::{free_address, run, troupe};
use crate::harness::{Credentials, Home, Node};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const KEY_ID: &str = "GK31c2f218a2e44f485b94239e";
const SECRET: &str = "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835";

fn command(file: &Path, arguments: &[&str]) -> Output {
    let mut command = troupe();
    command.arg("-c").arg(file).args(arguments);
    run(command)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A node whose configuration begins with these lines, and the file.
fn server(home: Home, top: &str, arguments: &[&str]) -> (Node, PathBuf) {
    let addr = free_address();
    let config = format!(
        "metadata_dir = \"{}\"\n{top}\nrpc_bind_addr = \"{}\"\n[k2v_api]\napi_bind_addr = \"{addr}\"\n",
        home.path().join("meta").display(),
        free_address(),
    );
    let file = home.path().join("troupe.toml");
    let region = "garage".to_owned();
    let credentials = Credentials { key_id: KEY_ID.to_owned(), secret: SECRET.to_owned(), region };
    (Node::server(home, &config, addr, arguments, credentials, "data"), file)
}

/// Every plain file below a folder with its content, but the store's own and those that the running node itself goes on
/// writing: what it knows of its memory and of its peers.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(contents(&path));
        } else if path.is_file() && !is_written_by_the_node(&path) {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn is_written_by_the_node(path: &Path) -> bool {
    let is_of_the_node = |name: &str| ["incarnation", "peers"].contains(&name);
    path.extension().is_some_and(|extension| extension == "mdb")
        || path.file_stem().is_some_and(|name| name.to_str().is_some_and(is_of_the_node))
}

#[test]
fn a_second_dev_in_a_folder_in_use_changes_nothing_there() {
    let node = Node::dev();
    let folder = node.home.path().join("node");
    let before = contents(&folder);
    let mut second = troupe();
    second.args(["dev", "--dir"]).arg(&folder);
    for option in ["--k2v-addr", "--admin-addr", "--rpc-addr"] {
        second.args([option, "127.0.0.1:1"]);
    }
    let output = run(second);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("in use"), "{}", said(&output));
    assert_eq!(contents(&folder), before);
    assert!(command(&folder.join("troupe.toml"), &["status"]).status.success());
    node.client().put("pk", "sk", None, "x").expect(204);
}

#[test]
fn a_default_key_that_was_deleted_or_has_expired_stops_no_start() {
    let key = format!("{KEY_ID}:{SECRET}");
    let arguments = ["--single-node", "--default-bucket", "data", "--default-key", &key];
    let (node, file) = server(Home::new(), "replication_factor = 1", &arguments);
    node.client().put("pk", "sk", None, "x").expect(204);
    let expired = command(&file, &["key", "set", KEY_ID, "--expires", "2020-01-01T00:00:00Z"]);
    assert!(expired.status.success(), "{}", said(&expired));
    let (node, file) = server(node.kill(), "replication_factor = 1", &arguments);
    assert!(command(&file, &["status"]).status.success());
    assert!(node.log().contains("has expired"), "{}", node.log());
    assert!(command(&file, &["key", "delete", "--yes", KEY_ID]).status.success());

    let (node, file) = server(node.kill(), "replication_factor = 1", &arguments);
    assert!(command(&file, &["status"]).status.success());
    assert!(node.log().contains("was deleted"), "{}", node.log());
    assert_eq!(node.client().get("pk", "sk").status, 403);
}

#[test]
fn a_default_key_may_come_from_a_file() {
    let home = Home::new();
    let secret = home.write("key", &format!("{KEY_ID}:{SECRET}\n"));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let arguments =
        ["--single-node", "--default-bucket", "data", "--default-key-file", secret.to_str().unwrap()];
    let (node, file) = server(home, "replication_factor = 1", &arguments);
    node.client().put("pk", "sk", None, "x").expect(204);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let home = node.kill();
    let output = command(&file, &["server", "--default-key-file", secret.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("chmod 600"), "{}", said(&output));
    drop(home);
}

#[test]
fn status_fails_until_every_shard_is_served() {
    let (node, file) = server(Home::new(), "replication_factor = 1", &[]);
    let output = command(&file, &["status"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("0 of 1024 shards served"));
    assert!(said(&output).contains("troupe layout assign"), "{}", said(&output));
    let (_node, file) = server(node.kill(), "replication_factor = 1", &["--single-node"]);
    assert!(command(&file, &["status"]).status.success());
}

#[test]
fn fewer_replicas_than_configured_are_said_in_the_log_and_in_status() {
    let (node, _) = server(Home::new(), "replication_factor = 1", &["--single-node"]);
    let (node, file) = server(node.kill(), "replication_factor = 3", &[]);
    let output = command(&file, &["status"]);
    let expected = "`replication_factor` is 3, but layout version 1 keeps 1 copy";
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains(expected), "{shown}");
    assert!(node.log().contains(expected), "{}", node.log());
}

#[test]
fn a_configuration_with_secrets_that_others_can_read_is_said() {
    let secret = "rpc_secret = \"4425f5c26c5e11581d3223904324dcb5b5d5dfb14e5e7f35e38c595424f5f1e6\"";
    let warning = "holds secrets (`rpc_secret`) and can be read by others";
    let top = format!("replication_factor = 1\n{secret}");
    let home = Home::new();
    let open = |home: &Home, mode: u32| {
        let file = home.write("troupe.toml", "");
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(&home, 0o644);
    let (node, _) = server(home, &top, &[]);
    assert!(node.log().contains(warning), "{}", node.log());
    assert!(!node.log().contains("4425f5"));
    for (mode, top) in [(0o640, top.clone()), (0o644, format!("{top}\nallow_world_readable_secrets = true"))]
    {
        let home = Home::new();
        open(&home, mode);
        let (node, _) = server(home, &top, &[]);
        assert!(!node.log().contains(warning), "{}", node.log());
    }
}

/// Neither a panic nor a half-started node, but a message that names the rule.
#[test]
fn what_no_node_can_run_with_is_refused_with_a_message() {
    let meta = |home: &Home| format!("metadata_dir = \"{}\"\n", home.path().join("meta").display());
    let k2v = "[k2v_api]\napi_bind_addr = \"127.0.0.1:0\"\n";
    for (name, wrong) in [
        ("metadata_dir", "metadata_dir = \"\"\nreplication_factor = 1\n".to_owned() + k2v),
        ("s3_region", format!("META{k2v}s3_region = \"\"\n")),
        ("http_workers", format!("META{k2v}[troupe]\nhttp_workers = 1000000\n")),
        ("shard_workers", format!("META{k2v}[troupe]\nshard_workers = 1000000\n")),
        ("lanes", format!("META{k2v}[troupe]\nlanes = 1000000\n")),
    ] {
        let home = Home::new();
        let text = wrong.replace("META", &format!("{}replication_factor = 1\n", meta(&home)));
        let output = command(&home.write("troupe.toml", &text), &["server", "--single-node"]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", said(&output));
        assert!(said(&output).contains(name) && !said(&output).contains("panicked"), "{}", said(&output));
        assert!(!home.path().join("meta").exists(), "{name}: nothing was written");
    }
}

#[test]
fn too_few_file_descriptors_are_refused_with_a_message() {
    for descriptors in [12, 40, 63] {
        let home = Home::new();
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        shell
            .args(["-c", &script, env!("CARGO_BIN_EXE_troupe"), "dev", "--dir"])
            .arg(home.path().join("node"));
        let output = run(shell);
        assert_eq!(output.status.code(), Some(1), "{descriptors}: {}", said(&output));
        let expected = format!("the limit of open files is {descriptors}");
        assert!(
            said(&output).contains(&expected) && !said(&output).contains("panicked"),
            "{}",
            said(&output)
        );
        assert!(!home.path().join("node/store").exists(), "nothing was started");
    }
}
