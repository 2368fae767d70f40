//! Real processes. Whatever happens to a story, none of its processes outlives it.

use super::home::find;
use super::{Admin, Client, Connection, Credentials, Home, Request};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// Nothing that is waited for here takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test, in an environment that says nothing to it.
pub(crate) fn troupe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_troupe"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["TROUPE_", "GARAGE_", "AWS_", "K2V_", "RUST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// A process that is killed, by its id, when the story lets go of it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(mut command: Command, log: &Path) -> Process {
        let file = File::options().create(true).append(true).open(log).expect("the log is writable");
        let child = command.stdin(Stdio::null()).stderr(file).spawn().expect("the program under test starts");
        Process { child, log: log.to_owned() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let script = format!("kill -TERM {}", self.id());
        assert!(Command::new("sh").args(["-c", &script]).status().expect("there is a shell").success());
    }

    /// How it ended; it must have been asked to.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be asked")
    }

    /// Everything that it has logged, in this life and earlier ones in the same home.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A running node and what it takes to speak to it.
#[derive(Debug)]
pub(crate) struct Node {
    process: Process,
    pub(crate) home: Home,
    pub(crate) addr: SocketAddr,
    pub(crate) credentials: Credentials,
    pub(crate) bucket: String,
    /// What `dev` told its user to export.
    pub(crate) exports: BTreeMap<String, String>,
}

impl Node {
    /// `troupe dev` in an empty directory, on free ports.
    pub(crate) fn dev() -> Node {
        Node::dev_in(Home::new(), &[])
    }

    /// `troupe dev` in an existing directory, under these environment variables.
    pub(crate) fn dev_in(home: Home, environment: &[(&str, &str)]) -> Node {
        let mut command = dev_command(troupe(), &home);
        command.envs(environment.iter().copied());
        Node::dev_as(home, command)
    }

    /// `troupe dev` in an empty directory, under a limit that the shell's `ulimit` sets.
    pub(crate) fn dev_with_limit(limit: &str) -> Node {
        Node::dev_under(Home::new(), &format!("ulimit {limit}"))
    }

    /// `troupe dev` in an existing directory, after a command of the shell.
    pub(crate) fn dev_under(home: Home, first: &str) -> Node {
        let mut shell = Command::new("sh");
        let script = format!("{first}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_troupe")]);
        let command = dev_command(shell, &home);
        Node::dev_as(home, command)
    }

    fn dev_as(home: Home, mut command: Command) -> Node {
        command.stdout(Stdio::piped());
        let mut process = Process::start(command, &home.path().join("stderr.log"));
        let exports = read_exports(&mut process);
        let export = |name: &str| exports[name].clone();
        Node {
            addr: address_of(&exports["K2V_ENDPOINT"]),
            credentials: Credentials {
                key_id: export("AWS_ACCESS_KEY_ID"),
                secret: export("AWS_SECRET_ACCESS_KEY"),
                region: export("AWS_REGION"),
            },
            bucket: export("K2V_BUCKET"),
            process,
            home,
            exports,
        }
    }

    /// The bare process of [`Node::dev_in`], not waited for.
    pub(crate) fn dev_process(home: &Home) -> Process {
        let mut command = dev_command(troupe(), home);
        command.stdout(Stdio::null());
        Process::start(command, &home.path().join("stderr.log"))
    }

    /// `troupe -c FILE server` with this configuration file and these arguments, once it answers at `addr`. The story knows the bucket and the key.
    pub(crate) fn server(
        home: Home,
        config: &str,
        addr: SocketAddr,
        arguments: &[&str],
        credentials: Credentials,
        bucket: &str,
    ) -> Node {
        let file = home.write("troupe.toml", config);
        let mut command = troupe();
        command.arg("-c").arg(file).arg("server").args(arguments).stdout(Stdio::null());
        let mut process = Process::start(command, &home.path().join("stderr.log"));
        wait_until_it_answers(&mut process, addr);
        Node { process, home, addr, credentials, bucket: bucket.to_owned(), exports: BTreeMap::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The port of the admin API of a `dev` node.
    pub(crate) fn admin_addr(&self) -> SocketAddr {
        address_of(&self.exports["ADMIN_ENDPOINT"])
    }

    /// A client with its own connection, the node's key and the node's bucket.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr, self.credentials.clone(), &self.bucket)
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::at(find(self.home.path(), "admin.sock").expect("a running node has an admin socket"))
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.has_ended().is_none()
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// `kill -9`; what is on disk stays.
    pub(crate) fn kill(mut self) -> Home {
        self.process.kill();
        self.home
    }
}

fn dev_command(mut command: Command, home: &Home) -> Command {
    command.args(["dev", "--dir"]).arg(home.path().join("node"));
    for flag in ["--k2v-addr", "--admin-addr", "--rpc-addr"] {
        command.args([flag, "127.0.0.1:0"]);
    }
    command
}

/// A node that stories share. They keep to buckets and partitions of their own, see [`super::unique`].
pub(crate) fn shared_node() -> Arc<Node> {
    static SHARED: Mutex<Weak<Node>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let node = Arc::new(Node::dev());
        *shared = Arc::downgrade(&node);
        node
    })
}

/// Reads the lines that `dev` prints, until all of them are there.
fn read_exports(process: &mut Process) -> BTreeMap<String, String> {
    const NAMES: [&str; 5] =
        ["K2V_ENDPOINT", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "K2V_BUCKET"];
    let mut lines = BufReader::new(process.child.stdout.take().expect("its output is piped")).lines();
    let mut exports = BTreeMap::new();
    while !NAMES.iter().all(|name| exports.contains_key(*name)) {
        let Some(Ok(line)) = lines.next() else {
            panic!("`dev` ended before it said how to use it:\n{}", process.log());
        };
        if let Some(endpoint) = line.strip_prefix("# Admin API: ") {
            let endpoint = endpoint.split(' ').next().unwrap_or_default();
            exports.insert("ADMIN_ENDPOINT".to_owned(), endpoint.to_owned());
        }
        if let Some((name, value)) = line.strip_prefix("export ").and_then(|pair| pair.split_once('=')) {
            exports.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
        }
    }
    // Whatever else it prints must find a reader, or it would block.
    std::thread::spawn(move || lines.for_each(drop));
    exports
}

/// Waits until it answers: a socket that is bound takes connections before anybody reads from them.
fn wait_until_it_answers(process: &mut Process, addr: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    let question = Request::new("GET", "/", "").with("host", &addr.to_string());
    while Connection::open(addr).and_then(|mut connection| connection.call(&question)).is_err() {
        if let Some(status) = process.has_ended() {
            panic!("the server ended with {status}:\n{}", process.log());
        }
        assert!(Instant::now() < deadline, "nobody answers at {addr}:\n{}", process.log());
        // A socket that is about to be bound announces itself to nobody: asking again is the only way to see it.
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a command that ends by itself, and takes what it prints. One that does not end is killed, and fails the story.
pub(crate) fn run(mut command: Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program under test starts");
    let mut pipes = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
    let reader = std::thread::spawn(move || {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        // Commands say little: neither pipe fills up while the other is read.
        pipes
            .0
            .read_to_end(&mut stdout)
            .and_then(|_| pipes.1.read_to_end(&mut stderr))
            .expect("pipes can be read");
        (stdout, stderr)
    });
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the process can be asked") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().and_then(|()| child.wait()).expect("the process can be killed");
            let (stdout, stderr) = reader.join().expect("the pipes were read");
            panic!(
                "it does not end: {}{}",
                String::from_utf8_lossy(&stdout),
                String::from_utf8_lossy(&stderr)
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (stdout, stderr) = reader.join().expect("the pipes were read");
    Output { status, stdout, stderr }
}

/// The socket address of `http://host:port`.
pub(crate) fn address_of(endpoint: &str) -> SocketAddr {
    let host_and_port = endpoint.strip_prefix("http://").expect("an http endpoint").trim_end_matches('/');
    host_and_port.parse().expect("an address and a port")
}

/// An address where nobody listens, below the ports that the kernel gives to outgoing connections.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let first = 12_000 + u16::try_from(std::process::id() % 15_000).expect("below 15,000");
    loop {
        let addr = SocketAddr::from(([127, 0, 0, 1], first + *next));
        *next += 1;
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}
