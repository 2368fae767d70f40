//! The configuration of Garage's own K2V guide works as it is printed there.

use crate::harness::node::{Process, free_address, troupe};
use crate::harness::{Client, Credentials, Home, check_error};
use std::net::TcpStream;
use std::process::Stdio;

/// As the guide has it.
const GUIDE: &str = r#"
metadata_dir = "/var/lib/garage/meta"
data_dir = "/var/lib/garage/data"
db_engine = "lmdb"

replication_factor = 3
rpc_secret = "your-rpc-secret"

# S3 API configuration
[s3_api]
api_bind_addr = "[::]:3900"
s3_region = "garage"

# K2V API configuration
[k2v_api]
api_bind_addr = "[::]:3902"
"#;

#[test]
fn the_file_of_the_guide_starts_a_node_that_names_what_it_ignores() {
    let home = Home::new();
    let addr = free_address();
    let file = home.write("garage.toml", GUIDE);
    let mut command = troupe();
    // The file stays as it is. Its directory and its ports belong to a machine that this one is not.
    command
        .env("TROUPE_METADATA_DIR", home.path().join("meta"))
        .env("TROUPE_K2V_API__API_BIND_ADDR", addr.to_string())
        .env("TROUPE_RPC_BIND_ADDR", free_address().to_string())
        .arg("-c")
        .arg(&file)
        .arg("server")
        .stdout(Stdio::null());
    let mut process = Process::start(command, &home.path().join("stderr.log"));
    while TcpStream::connect(addr).is_err() {
        assert!(process.has_ended().is_none(), "{}", process.log());
        // A listening socket announces itself to nobody.
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let log = process.log();
    assert!(log.contains("data_dir") && log.contains("s3_api.api_bind_addr"), "{log}");
    assert!(!log.contains("your-rpc-secret"), "{log}");
    let nobody = Credentials {
        key_id: "GK000000000000000000000000".to_owned(),
        secret: "0".repeat(64),
        region: "garage".to_owned(),
    };
    let client = Client::new(addr, nobody, "my-bucket");
    check_error(&client.get("partition1", "sort-key1"), 403, "AccessDenied");
}
