//! A durable node in a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    /// From the start of the process to the last line that says how to use it.
    pub(crate) ready_after: Duration,
    pub(crate) process: Child,
    /// The other nodes of its cluster.
    pub(crate) others: Vec<Child>,
}

impl Node {
    /// The bytes of memory that belong to the process alone; the store's map is the kernel's page cache.
    pub(crate) fn anonymous_bytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon");
        let kib: f64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("KiB");
        kib * 1024.0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for process in std::iter::once(&mut self.process).chain(&mut self.others) {
            process.kill().expect("the node is running");
            process.wait().expect("the node ends");
        }
    }
}

/// The `troupe` that this benchmark was built with.
pub(crate) const OWN: &str = env!("CARGO_BIN_EXE_troupe");

/// Starts `troupe dev` in `folder` and reads what it prints.
pub(crate) fn start(troupe: &Path, folder: &Path) -> Node {
    let begun = Instant::now();
    let mut process = Command::new(troupe)
        .args([
            "dev",
            "--k2v-addr",
            "127.0.0.1:0",
            "--admin-addr",
            "127.0.0.1:0",
            "--rpc-addr",
            "127.0.0.1:0",
            "--dir",
        ])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("troupe starts");
    let lines = BufReader::new(process.stdout.take().expect("stdout is a pipe")).lines();
    let mut exports = BTreeMap::new();
    for line in lines.map_while(Result::ok) {
        if let Some((name, value)) = line.strip_prefix("export ").and_then(|pair| pair.split_once('=')) {
            exports.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
        }
        if exports.contains_key("K2V_BUCKET") && exports.contains_key("AWS_SECRET_ACCESS_KEY") {
            break;
        }
    }
    let take =
        |name: &str| exports.get(name).cloned().unwrap_or_else(|| panic!("troupe dev printed no {name}"));
    let address = take("K2V_ENDPOINT").trim_start_matches("http://").trim_end_matches('/').parse();
    Node {
        address: address.expect("K2V_ENDPOINT holds an address"),
        key_id: take("AWS_ACCESS_KEY_ID"),
        secret: take("AWS_SECRET_ACCESS_KEY"),
        region: take("AWS_REGION"),
        bucket: take("K2V_BUCKET"),
        ready_after: begun.elapsed(),
        process,
        others: Vec::new(),
    }
}
