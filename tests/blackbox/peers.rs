//! Several processes that find each other.

use crate::harness::memory::{Watch, anonymous_kib};
use crate::harness::node::{free_address, run, troupe};
use crate::harness::{Credentials, Home, Node};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const SECRET: &str = "4425f5c26c5e11581d3223904324dcb5b5d5dfb14e5e7f35e38c595424f5f1e6";

/// A node of a story, and where others find it.
struct Member {
    node: Node,
    rpc: SocketAddr,
}

/// Starts a node that is told of these others.
fn start(home: Home, rpc: SocketAddr, secret: &str, peers: &[String]) -> Member {
    let k2v = free_address();
    let config = format!(
        "metadata_dir = \"{}\"\nreplication_factor = 3\nrpc_bind_addr = \"{rpc}\"\nrpc_secret = \"{secret}\"\n\
         bootstrap_peers = {peers:?}\n[k2v_api]\napi_bind_addr = \"{k2v}\"\n",
        home.path().join("node").display()
    );
    let credentials = Credentials {
        key_id: "GK0123456789abcdef01234567".to_owned(),
        secret: "ab".repeat(32),
        region: "garage".to_owned(),
    };
    Member { node: Node::server(home, &config, k2v, &[], credentials, "photos"), rpc }
}

impl Member {
    fn config(&self) -> PathBuf {
        self.node.home.path().join("troupe.toml")
    }

    /// What a command says to this node's operator, and whether it went well.
    fn says(&self, words: &[&str]) -> (bool, String) {
        let mut command = troupe();
        command.arg("-c").arg(self.config()).args(words);
        let output = run(command);
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn id(&self) -> String {
        let (_, named) = self.says(&["node", "id", "-q"]);
        named.split('@').next().expect("an id").to_owned()
    }

    /// Waits until `status` shows so many nodes as up.
    fn sees(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, status) = self.says(&["status"]);
            let up = status.lines().filter(|line| line.trim_end().ends_with(" up")).count();
            if up == count {
                return;
            }
            assert!(Instant::now() < deadline, "{count} nodes are expected:\n{status}\n{}", self.node.log());
            // Nothing announces to a command that a node came up: asking again is the only way to see it.
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn three_nodes_find_each_other_and_again_after_each_was_killed() {
    let addrs = [(); 3].map(|()| free_address());
    let a = start(Home::new(), addrs[0], SECRET, &[]);
    let named = format!("{}@{}", a.id(), addrs[0]);
    let b = start(Home::new(), addrs[1], SECRET, &[named]);
    // The third one knows but an address, and of the second one nothing.
    let c = start(Home::new(), addrs[2], SECRET, &[addrs[0].to_string()]);
    for member in [&a, &b, &c] {
        member.sees(3);
    }
    let (is_well, said) = c.says(&["node", "connect", &format!("{}@{}", b.id(), b.rpc)]);
    assert!(is_well && said.starts_with("Connected to"), "{said}");
    // Each comes back by what it and the others remember: the configuration names nobody any more.
    let mut members = [a, b, c];
    for rpc in addrs {
        let [first, second, third] = members;
        let home = first.node.kill();
        second.sees(2);
        members = [second, third, start(home, rpc, SECRET, &[])];
        members.iter().for_each(|member| member.sees(3));
    }
}

#[test]
fn nodes_with_different_secrets_do_not_connect_and_the_operator_is_told_why() {
    let a = start(Home::new(), free_address(), SECRET, &[]);
    let b = start(Home::new(), free_address(), "another secret", &[]);
    let (is_well, said) = b.says(&["node", "connect", &a.rpc.to_string()]);
    assert!(!is_well && said.contains("different values of `rpc_secret`"), "{said}");
    a.sees(1);
    b.sees(1);
}

#[test]
fn a_thousand_strangers_cost_no_memory_and_keep_no_peer_out() {
    let (a, b_addr) = (start(Home::new(), free_address(), SECRET, &[]), free_address());
    let before_kib = anonymous_kib(a.node.pid());
    let watch = Watch::begin(a.node.pid());
    // They connect, begin a handshake, and say no more.
    let mut strangers = Vec::new();
    for _ in 0..1000 {
        let mut stranger = TcpStream::connect(a.rpc).expect("the port is open");
        // It may have been let go already.
        let _ = stranger.write_all(&[0x16, 0x03, 0x01, 0x40, 0x00, 0x01]);
        strangers.push(stranger);
    }
    let b = start(Home::new(), b_addr, SECRET, &[a.rpc.to_string()]);
    a.sees(2);
    b.sees(2);
    for mut stranger in strangers {
        stranger.set_read_timeout(Some(Duration::from_secs(30))).expect("it is a socket");
        // Its end, or that it was reset.
        assert!(!matches!(stranger.read(&mut [0; 64]), Ok(1..)), "strangers are told nothing");
    }
    let peak_kib = watch.peak_kib();
    assert!(peak_kib < before_kib + (16 << 10), "{peak_kib} KiB at most, {before_kib} KiB before");
}

/// Each command goes to another node, and what it made is good at all of them within two seconds.
#[test]
fn what_one_node_is_told_all_nodes_know_and_any_of_them_serves() {
    let addrs = [(); 3].map(|()| free_address());
    let bootstrap = [addrs[0].to_string()];
    let members = addrs.map(|rpc| {
        let peers: &[String] = if rpc == addrs[0] { &[] } else { &bootstrap };
        start(Home::new(), rpc, SECRET, peers)
    });
    members.iter().for_each(|member| member.sees(3));
    let tell = |at: usize, words: &[&str]| {
        let (is_well, said) = members[at].says(words);
        assert!(is_well, "{words:?}: {said}\n{}", members[at].node.log());
        said
    };
    let ids: Vec<String> = members.iter().map(Member::id).collect();
    for id in &ids {
        tell(1, &["layout", "assign", id, "-z", "dc1", "-c", "1G"]);
    }
    tell(2, &["layout", "apply", "--version", "1"]);
    tell(0, &["bucket", "create", "photos"]);
    let made = tell(1, &["key", "create", "app"]);
    let told = |name: &str| {
        let line = made.lines().find(|line| line.starts_with(name)).expect("the key is shown");
        line.rsplit(' ').next().expect("a value").to_owned()
    };
    let key = Credentials {
        key_id: told("Key ID:"),
        secret: told("Secret key:"),
        region: members[0].node.credentials.region.clone(),
    };
    tell(2, &["bucket", "allow", "--read", "--write", "photos", "--key", "app"]);

    let clients = members.each_ref().map(|member| member.node.client().with_key(&key));
    for (number, client) in clients.iter().enumerate() {
        let deadline = Instant::now() + Duration::from_secs(2);
        let sort_key = number.to_string();
        while client.put("album", &sort_key, None, "a picture").status != 204 {
            assert!(Instant::now() < deadline, "node {number}: {}", members[number].node.log());
            // A node that has not heard of the key yet says no more than that.
            std::thread::sleep(Duration::from_millis(50));
        }
        for reader in &clients {
            assert_eq!(reader.get("album", &sort_key).status, 200);
        }
    }

    tell(0, &["key", "delete", "--yes", "app"]);
    let deadline = Instant::now() + Duration::from_secs(2);
    while clients.iter().any(|client| client.get("album", "0").status == 200) {
        assert!(Instant::now() < deadline, "a deleted key is refused everywhere");
        std::thread::sleep(Duration::from_millis(50));
    }
}
