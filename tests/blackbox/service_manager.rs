//! What systemd is told, by its protocol of datagrams.

use crate::harness::node::{Process, free_address, troupe};
use crate::harness::{Connection, Home, Request};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

/// Longer than anything takes that is waited for here.
const PATIENCE: Duration = Duration::from_secs(60);

fn receive(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = manager.recv(&mut buffer).expect("nothing comes");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn systemd_hears_when_requests_are_served_that_the_node_works_and_when_it_stops() {
    let home = Home::new();
    let place = home.path().join("manager");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let (k2v, rpc) = (free_address(), free_address());
    let file = home.write(
        "troupe.toml",
        &format!(
            "metadata_dir = \"{}\"\nreplication_factor = 1\nrpc_bind_addr = \"{rpc}\"\n[k2v_api]\napi_bind_addr = \"{k2v}\"\n",
            home.path().join("meta").display()
        ),
    );
    let mut command = troupe();
    command.arg("-c").arg(&file).args(["server", "--single-node"]).stdout(Stdio::null());
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "2000000");
    let mut process = Process::start(command, &home.path().join("stderr.log"));

    assert!(receive(&manager).starts_with("READY=1"), "{}", process.log());
    let question = Request::new("GET", "/", "").with("host", &k2v.to_string());
    let answer = Connection::open(k2v).and_then(|mut connection| connection.call(&question)).unwrap();
    assert_eq!(answer.status, 403, "it is up, and asks for a signature: {answer}");
    for _ in 0..3 {
        assert_eq!(receive(&manager), "WATCHDOG=1", "{}", process.log());
    }
    process.terminate();
    let last = std::iter::repeat_with(|| receive(&manager)).find(|said| said != "WATCHDOG=1").unwrap();
    assert!(last.starts_with("STOPPING=1"), "{last}");
    assert!(process.wait().success(), "{}", process.log());
}
