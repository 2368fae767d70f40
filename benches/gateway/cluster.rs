//! Several durable nodes that form one store with three replicas of everything; the load goes to the first of them.

use crate::node::{Node, OWN};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BUCKET: &str = "bench";
const REPLICATION_FACTOR: usize = 3;
const RPC_SECRET: &str = "a59f1c0be2d34857f1e20b3c6d798a4bc5d6e7f8091a2b3c4d5e6f7a8b9cadbe";

/// How long anything may take on the way to a cluster that serves.
const PATIENCE: Duration = Duration::from_secs(60);

struct Member {
    config: PathBuf,
    id: String,
    k2v: SocketAddr,
    rpc: SocketAddr,
}

/// Starts so many nodes below `folder`, gives each of them a role, and makes a bucket and a key.
pub(crate) fn start(nodes: usize, folder: &Path) -> Node {
    let begun = Instant::now();
    let mut members: Vec<Member> = (0..nodes).map(|at| member(&folder.join(format!("node{at}")))).collect();
    let peers: Vec<String> =
        members.iter().map(|member| format!("\"{}@{}\"", member.id, member.rpc)).collect();
    members.iter_mut().for_each(|member| write_config(member, &peers.join(", ")));
    let mut processes: Vec<Child> = members.iter().map(|member| serve(&member.config)).collect();
    let first = &members[0].config;
    for (at, member) in members.iter().enumerate() {
        until(&format!("node {at} is linked"), || {
            let assigned = ["layout", "assign", "-z", &format!("zone{at}"), "-c", "10G", &member.id];
            try_troupe(first, &assigned)
        });
    }
    until("the layout is applied", || try_troupe(first, &["layout", "apply", "--version", "1"]));
    troupe(first, &["bucket", "create", BUCKET]);
    let (key_id, secret) = (format!("GK{}", "7".repeat(24)), "8".repeat(64));
    troupe(first, &["key", "import", "--yes", "-n", "bench", &key_id, &secret]);
    troupe(first, &["bucket", "allow", "--read", "--write", BUCKET, "--key", &key_id]);
    let process = processes.remove(0);
    Node {
        address: members[0].k2v,
        key_id,
        secret,
        region: "garage".to_owned(),
        bucket: BUCKET.to_owned(),
        ready_after: begun.elapsed(),
        process,
        others: processes,
    }
}

fn member(folder: &Path) -> Member {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let (k2v, rpc) = (free_address(), free_address());
    let mut member = Member { config: folder.join("troupe.toml"), id: String::new(), k2v, rpc };
    write_config(&mut member, "");
    let id = troupe(&member.config, &["node", "id", "-q"]);
    member.id = id.trim().split('@').next().expect("an id").to_owned();
    member
}

fn write_config(member: &mut Member, peers: &str) {
    let Member { config, k2v, rpc, .. } = member;
    let meta = config.with_file_name("meta");
    let text = format!(
        "metadata_dir = \"{meta}\"\nreplication_factor = {REPLICATION_FACTOR}\nrpc_secret = \"{RPC_SECRET}\"\n\
         rpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nbootstrap_peers = [{peers}]\n\
         [k2v_api]\napi_bind_addr = \"{k2v}\"\n",
        meta = meta.display(),
    );
    std::fs::write(config, text).expect("the configuration can be written");
}

fn serve(config: &Path) -> Child {
    Command::new(OWN)
        .arg("-c")
        .arg(config)
        .arg("server")
        .stdout(Stdio::null())
        .spawn()
        .expect("troupe starts")
}

/// Runs a command of the program, and gives what it prints.
fn troupe(config: &Path, arguments: &[&str]) -> String {
    try_troupe(config, arguments).unwrap_or_else(|said| panic!("{arguments:?}: {said}"))
}

fn try_troupe(config: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(OWN).arg("-c").arg(config).args(arguments).output().expect("troupe starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn until(what: &str, mut look: impl FnMut() -> Result<String, String>) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(said) = look() {
        assert!(Instant::now() < deadline, "not yet: {what}: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}
