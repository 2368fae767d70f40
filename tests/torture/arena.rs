//! A cluster of real processes, each in a namespace of its own, and what is known of its state.

use crate::caller::Findings;
use crate::harness::node::Process;
use crate::harness::node::{run, troupe};
use crate::harness::{Admin, Connection, Credentials, Request, Response};
use crate::network::{self, Network, PREFIX};
use crate::service::Service;
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const BUCKET: &str = "data";
pub(crate) const K2V_PORT: u16 = 3904;
const RPC_PORT: u16 = 3901;
pub(crate) const REPLICAS: usize = 3;

/// Longer than anything takes that a cluster does by itself, in an unoptimised build on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

const RPC_SECRET: &str = "51f0e0b3c2d4a5968778695a4b3c2d1e0f00112233445566778899aabbccdde6";

/// Where Debian's package libfaketime puts it.
const FAKETIME: [&str; 2] = ["x86_64-linux-gnu", "aarch64-linux-gnu"];

pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) addr: IpAddr,
    /// Holds `meta`, the log, and copies of `meta`.
    pub(crate) dir: PathBuf,
    pub(crate) process: Option<Process>,
    /// Whether it holds shards in the newest layout.
    pub(crate) has_role: bool,
    /// Faults that keep this node from doing its work, beside not running.
    pub(crate) hindrances: usize,
    /// It lost memory, and has not got it back.
    pub(crate) is_amnesiac: bool,
    /// A fault under which the process may end by itself.
    pub(crate) may_end: bool,
}

pub(crate) struct Arena {
    pub(crate) members: Vec<Member>,
    pub(crate) network: Network,
    pub(crate) credentials: Credentials,
    pub(crate) service: Arc<Service>,
    pub(crate) findings: Findings,
    pub(crate) allows_damage: bool,
    pub(crate) lost_memory: bool,
    /// More lines for each configuration file.
    pub(crate) extra: String,
    fakes_clocks: bool,
    begun: Instant,
    root: PathBuf,
}

/// What a cluster is made of.
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    pub(crate) seed: u64,
    /// Nodes whose folder is a small file system of its own.
    pub(crate) has_small_disks: bool,
    pub(crate) fakes_clocks: bool,
    pub(crate) extra: String,
}

impl Arena {
    /// So many nodes with a role in zones of their own, and one more without a role.
    pub(crate) fn start(plan: &Plan, service: Arc<Service>, findings: &Findings) -> Arena {
        let network = Network::new(plan.nodes + 1, plan.seed);
        let root = std::env::temp_dir().join(format!("{PREFIX}-{}", std::process::id()));
        let member = |at: usize| Member {
            id: String::new(),
            addr: network.address(at, 0).ip(),
            dir: root.join(at.to_string()),
            process: None,
            has_role: at < plan.nodes,
            hindrances: 0,
            is_amnesiac: false,
            may_end: false,
        };
        let mut arena = Arena {
            members: (0..=plan.nodes).map(member).collect(),
            network,
            credentials: Credentials {
                key_id: String::new(),
                secret: String::new(),
                region: "garage".to_owned(),
            },
            service,
            findings: findings.clone(),
            allows_damage: false,
            lost_memory: false,
            extra: plan.extra.clone(),
            fakes_clocks: plan.fakes_clocks,
            begun: Instant::now(),
            root,
        };
        arena.members.iter().for_each(|member| make_folder(&member.dir, plan.has_small_disks));
        (0..=plan.nodes).for_each(|at| arena.learn_id(at));
        (0..=plan.nodes).for_each(|at| arena.start_node(at).unwrap_or_else(|error| panic!("{error}")));
        arena.wait_until_linked().unwrap_or_else(|error| panic!("{error}"));
        for at in 0..plan.nodes {
            let zone = format!("zone{at}");
            arena.must(0, &["layout", "assign", "-z", &zone, "-c", "1G", &arena.members[at].id]);
        }
        arena.must(0, &["layout", "apply", "--version", "1"]);
        arena.wait_until_whole().unwrap_or_else(|error| panic!("{error}"));
        arena.credentials = arena.make_key();
        arena.wait_until_whole().unwrap_or_else(|error| panic!("{error}"));
        arena
    }

    /// The bucket, and a key that may do everything with it. Right after the first layout a node may not know yet how to reach
    /// a majority of those that have a role: it says so, and is asked again.
    fn make_key(&mut self) -> Credentials {
        let allow = |arena: &Arena, key: &str| {
            let flags = ["--read", "--write", "--owner", "--key", key];
            arena.command(0, &[&["bucket", "allow", BUCKET][..], &flags].concat()).map(drop)
        };
        let created = self.wait_until("a bucket can be made", |arena| {
            arena.command(0, &["bucket", "create", BUCKET]).map(drop)
        });
        created.unwrap_or_else(|error| panic!("{error}"));
        let key = self.admin(0).create_key("torture", "garage");
        let allowed = self.wait_until("a key can be allowed", |arena| allow(arena, &key.key_id));
        allowed.unwrap_or_else(|error| panic!("{error}"));
        key
    }

    /// A line of what happens, for whoever reads the output of a run.
    pub(crate) fn say(&self, what: &str) {
        println!("{:8.2} {what}", self.begun.elapsed().as_secs_f64());
    }

    pub(crate) fn addrs(&self) -> Vec<IpAddr> {
        self.members.iter().map(|member| member.addr).collect()
    }

    pub(crate) fn meta(&self, at: usize) -> PathBuf {
        self.members[at].dir.join("meta")
    }

    /// Nodes that have a role.
    pub(crate) fn replicas(&self) -> Vec<usize> {
        (0..self.members.len()).filter(|&at| self.members[at].has_role).collect()
    }

    pub(crate) fn is_running(&self, at: usize) -> bool {
        self.members[at].process.is_some()
    }

    /// Starts a node on what its folder holds, and waits until it answers.
    pub(crate) fn start_node(&mut self, at: usize) -> Result<(), String> {
        if self.is_running(at) {
            return Ok(());
        }
        self.write_config(at);
        let mut command = self.program(at);
        command.arg("server").stdout(Stdio::null());
        let process = Process::start(command, &self.members[at].dir.join("stderr.log"));
        self.members[at].process = Some(process);
        let addr = self.network.address(at, K2V_PORT);
        let question = Request::new("GET", "/", "").with("host", &addr.to_string());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1));
            let answer = stream.map(Connection::of).and_then(|mut connection| {
                connection.set_patience(Duration::from_secs(5))?;
                connection.call(&question)
            });
            if answer.is_ok() {
                self.look();
                return Ok(());
            }
            let process = self.members[at].process.as_mut().expect("it was started");
            if let Some(status) = process.has_ended() {
                let log = self.log_tail(at);
                self.members[at].process = None;
                return Err(format!("node {at} did not start: {status}: {log}"));
            }
            if Instant::now() > deadline {
                return Err(format!("node {at} does not answer: {}", self.log_tail(at)));
            }
            // A socket that is about to be bound announces itself to nobody.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, at: usize) {
        if let Some(mut process) = self.members[at].process.take() {
            process.kill();
        }
        self.look();
    }

    /// Asks nodes to stop, all at once, and waits until they have.
    pub(crate) fn stop(&mut self, nodes: &[usize]) {
        for &at in nodes {
            if let Some(process) = &self.members[at].process {
                process.terminate();
            }
        }
        for &at in nodes {
            if let Some(mut process) = self.members[at].process.take() {
                self.look();
                let status = process.wait();
                if !status.success() {
                    self.findings.add(format!("node {at} was asked to stop, and ended with {status}"));
                }
            }
        }
        self.look();
    }

    pub(crate) fn pid(&self, at: usize) -> Option<u32> {
        self.members[at].process.as_ref().map(Process::id)
    }

    pub(crate) fn signal(&self, at: usize, name: &str) {
        if let Some(pid) = self.pid(at) {
            // It may have ended by itself, which is found by whoever looks for that.
            let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
        }
    }

    /// Starts what ended by itself; that it did is a finding, unless a fault may end processes.
    pub(crate) fn look_after_processes(&mut self) {
        for at in 0..self.members.len() {
            let ended = self.members[at].process.as_mut().and_then(Process::has_ended);
            if let Some(status) = ended {
                self.members[at].process = None;
                self.look();
                self.say(&format!("node {at} ended by itself: {status}"));
                if !self.members[at].may_end {
                    let log = self.log_tail(at);
                    self.findings.add(format!("node {at} ended by itself with {status}: {log}"));
                }
                if let Err(error) = self.start_node(at) {
                    self.say(&error);
                }
            }
        }
    }

    /// Tells the service whether it can be expected: of each three replicas, two are connected and at work.
    pub(crate) fn look(&self) {
        let replicas = self.replicas();
        let works = |at: usize| {
            let member = &self.members[at];
            member.process.is_some() && member.hindrances == 0 && !member.is_amnesiac
        };
        let linked =
            |one: usize, other: usize| works(one) && works(other) && self.network.are_linked(one, other);
        let mut serves = replicas.len() >= REPLICAS;
        for (i, &a) in replicas.iter().enumerate() {
            for (j, &b) in replicas.iter().enumerate().skip(i + 1) {
                for &c in &replicas[j + 1..] {
                    serves &= linked(a, b) || linked(b, c) || linked(a, c);
                }
            }
        }
        self.service.expect(serves, Instant::now());
    }

    pub(crate) fn hinder(&mut self, at: usize) {
        self.members[at].hindrances += 1;
        self.look();
    }

    pub(crate) fn unhinder(&mut self, at: usize) {
        self.members[at].hindrances = self.members[at].hindrances.saturating_sub(1);
        self.look();
    }

    pub(crate) fn admin(&self, at: usize) -> Admin {
        Admin::at(self.meta(at).join("admin.sock"))
    }

    /// What the admin API of a node says that may not be there, or hang.
    pub(crate) fn ask(&self, at: usize, path: &str) -> std::io::Result<Response> {
        self.admin(at).try_call(Request::new("GET", path, ""))
    }

    /// Every number among a node's metrics.
    pub(crate) fn gauges(&self, at: usize) -> BTreeMap<String, f64> {
        let Ok(answer) = self.ask(at, "/metrics") else { return BTreeMap::new() };
        let number = |line: &str| {
            let (name, value) = line.split_once(' ')?;
            Some((name.strip_prefix("troupe_")?.to_owned(), value.trim().parse().ok()?))
        };
        answer.text().lines().filter_map(number).collect()
    }

    /// Runs a command of the program at a node, and gives what it prints.
    pub(crate) fn command(&self, at: usize, arguments: &[&str]) -> Result<String, String> {
        let mut command = troupe();
        command.arg("-c").arg(self.members[at].dir.join("troupe.toml")).args(arguments);
        let output = run(command);
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    fn must(&self, at: usize, arguments: &[&str]) {
        self.command(at, arguments).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Everything that a node has logged.
    pub(crate) fn log(&self, at: usize) -> String {
        fs::read_to_string(self.members[at].dir.join("stderr.log")).unwrap_or_default()
    }

    fn log_tail(&self, at: usize) -> String {
        let log = self.log(at);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(6)..].join("\n")
    }

    fn program(&self, at: usize) -> Command {
        let inner = troupe();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.network.namespace(at)]);
        command.args(["setpriv", "--pdeathsig", "KILL"]);
        if self.fakes_clocks {
            let offset = self.members[at].dir.join("clock");
            command
                .arg("env")
                .arg(format!("LD_PRELOAD={}", faketime().expect("it was looked for").display()));
            command.arg(format!("FAKETIME_TIMESTAMP_FILE={}", offset.display()));
            command.args(["DONT_FAKE_MONOTONIC=1", "FAKETIME_NO_CACHE=1"]);
        }
        command.arg(inner.get_program());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.arg("-c").arg(self.members[at].dir.join("troupe.toml"));
        command
    }

    fn write_config(&self, at: usize) {
        let others = self.members.iter().filter(|other| other.addr != self.members[at].addr);
        let peers: Vec<String> = others
            .filter(|other| !other.id.is_empty())
            .map(|other| format!("\"{}@{}:{RPC_PORT}\"", other.id, other.addr))
            .collect();
        let config = format!(
            "metadata_dir = \"{meta}\"\nreplication_factor = {REPLICAS}\nrpc_bind_addr = \"{rpc}\"\n\
             rpc_public_addr = \"{rpc}\"\nrpc_secret = \"{RPC_SECRET}\"\nbootstrap_peers = [{peers}]\n{extra}\n\
             [k2v_api]\napi_bind_addr = \"{k2v}\"\n",
            meta = self.meta(at).display(),
            rpc = self.network.address(at, RPC_PORT),
            k2v = self.network.address(at, K2V_PORT),
            peers = peers.join(", "),
            extra = self.extra,
        );
        fs::write(self.members[at].dir.join("troupe.toml"), config).expect("the folder is writable");
    }

    /// The node's id, made before its first start.
    fn learn_id(&mut self, at: usize) {
        self.write_config(at);
        let text = self.command(at, &["node", "id", "-q"]).unwrap_or_else(|error| panic!("{error}"));
        self.members[at].id = text.trim().split('@').next().expect("an id").to_owned();
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.members.iter_mut().for_each(|member| drop(member.process.take()));
        network::remove_folder(&self.root);
    }
}

/// The library that fakes clocks, if it is installed.
pub(crate) fn faketime() -> Option<PathBuf> {
    let places = FAKETIME.map(|machine| format!("/usr/lib/{machine}/faketime/libfaketime.so.1"));
    places.iter().map(PathBuf::from).find(|path| path.exists())
}

fn make_folder(dir: &Path, is_small: bool) {
    fs::create_dir_all(dir.join("meta")).expect("a temporary folder");
    fs::write(dir.join("clock"), "+0").expect("a temporary folder");
    if is_small {
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=384m", PREFIX])
            .arg(dir.join("meta"))
            .status();
        assert!(status.is_ok_and(|status| status.success()), "a small file system can be mounted");
    }
}
