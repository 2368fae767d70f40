//! Mistakes in the configuration are found before anything starts, and are said with their place.

use crate::harness::node::{free_address, run, troupe};
use crate::harness::{Credentials, Home, Node, check_error};

#[track_caller]
fn check_refused(text: &str, expected: &[&str]) {
    let home = Home::new();
    let file = home.write("troupe.toml", text);
    let mut command = troupe();
    command.arg("-c").arg(&file).arg("server");
    let output = run(command);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[test]
fn a_mistake_is_named_with_its_file_its_line_and_what_was_meant() {
    let text = "metadata_dir = \"/tmp/never\"\nreplication_facto = 1\n";
    check_refused(text, &["replication_facto", "troupe.toml:2", "replication_factor"]);
    check_refused("metadata_dir = \"/tmp/never\"\n", &["replication_factor"]);
    check_refused("metadata_dir = ", &["troupe.toml:1"]);
    let text =
        "metadata_dir = \"/tmp/never\"\nreplication_factor = 1\n[k2v_api]\napi_bind_addr = \"nowhere\"\n";
    check_refused(text, &["api_bind_addr", "troupe.toml:4"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mut command = troupe();
    command.args(["-c", "/nowhere/troupe.toml", "server"]);
    let output = run(command);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/troupe.toml"));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let home = Home::new();
    let mut command = troupe();
    command.args(["dev", "--dir"]).arg(home.path().join("node"));
    command.args([
        "--k2v-addr",
        &addr.to_string(),
        "--admin-addr",
        "127.0.0.1:0",
        "--rpc-addr",
        "127.0.0.1:0",
    ]);
    let output = run(command);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&addr.to_string()), "{said}");
}

#[test]
fn the_region_of_the_s3_section_is_the_one_to_sign_for() {
    let (home, addr) = (Home::new(), free_address());
    let config = format!(
        "metadata_dir = \"{}\"\nreplication_factor = 1\nrpc_bind_addr = \"{}\"\n[s3_api]\ns3_region = \"elsewhere\"\n[k2v_api]\napi_bind_addr = \"{addr}\"\n",
        home.path().join("meta").display(),
        free_address(),
    );
    let credentials = Credentials {
        key_id: "GK31c2f218a2e44f485b94239e".to_owned(),
        secret: "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835".to_owned(),
        region: "elsewhere".to_owned(),
    };
    let key = format!("{}:{}", credentials.key_id, credentials.secret);
    let arguments = ["--single-node", "--default-bucket", "bucket", "--default-key", &key];
    let node = Node::server(home, &config, addr, &arguments, credentials.clone(), "bucket");
    let client = node.client();
    client.put("pk", "sk", None, "x").expect(204);
    let garage = Credentials { region: "garage".to_owned(), ..credentials };
    let answer = client.with_key(&garage).get("pk", "sk");
    let message = check_error(&answer, 400, "AuthorizationHeaderMalformed");
    assert!(message.contains("elsewhere"), "{message}");
    assert_eq!(answer.json()["region"], "elsewhere");
}
