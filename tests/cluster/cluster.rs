//! Several nodes that form one store.

use crate::harness::home::find;
use crate::harness::node::{free_address, run, troupe};
use crate::harness::{Admin, Client, Credentials, Home, Node, Response};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

pub(crate) const BUCKET: &str = "data";

/// How long a cluster may take to do what it does by itself, and longer than it ever should.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const RPC_SECRET: &str = "6c1f0e0b3c2d4a5968778695a4b3c2d1e0f00112233445566778899aabbccdde";

/// One member: running, or a folder and addresses to start it again.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) k2v_addr: SocketAddr,
    pub(crate) rpc_addr: SocketAddr,
    node: Option<Node>,
    home: Option<Home>,
}

/// A cluster whose nodes are all in the layout, with one bucket and one key that may do everything.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    pub(crate) credentials: Credentials,
    replication_factor: usize,
    extra: String,
}

impl Cluster {
    /// So many nodes in zones of their own, three replicas of everything.
    pub(crate) fn start(nodes: usize) -> Cluster {
        Cluster::start_with(nodes, "")
    }

    /// The same, with more lines at the end of each configuration file.
    pub(crate) fn start_with(nodes: usize, extra: &str) -> Cluster {
        let unknown =
            Credentials { key_id: String::new(), secret: String::new(), region: "garage".to_owned() };
        let mut cluster = Cluster {
            members: (0..nodes).map(|_| Member::new()).collect(),
            credentials: unknown,
            replication_factor: 3,
            extra: extra.to_owned(),
        };
        cluster.members.iter_mut().for_each(Member::learn_id);
        (0..nodes).for_each(|at| cluster.start_node(at));
        cluster.wait_until_all_are_linked();
        let assigned: Vec<usize> = (0..nodes).collect();
        cluster.assign(&assigned);
        let admin = cluster.admin(0);
        let bucket = admin.create_bucket(BUCKET);
        cluster.credentials = admin.create_key("stories", "garage");
        admin.allow(&bucket, &cluster.credentials, &["read", "write", "owner"]);
        (0..nodes).for_each(|at| cluster.wait_until_served(at));
        cluster
    }

    /// One more process that knows the others; it has no role yet.
    pub(crate) fn add_node(&mut self) -> usize {
        let mut member = Member::new();
        member.learn_id();
        self.members.push(member);
        let at = self.members.len() - 1;
        self.start_node(at);
        self.wait_until_all_are_linked();
        at
    }

    /// Gives nodes a role in a zone of their own, in one new layout version.
    pub(crate) fn assign(&self, nodes: &[usize]) {
        for &at in nodes {
            let zone = format!("zone{at}");
            self.command(0, &["layout", "assign", "-z", &zone, "-c", "1G", &self.members[at].id]);
        }
        self.apply();
    }

    /// Applies what is staged.
    pub(crate) fn apply(&self) {
        let version = self.layout_version() + 1;
        self.command(0, &["layout", "apply", "--version", &version.to_string()]);
    }

    /// The newest layout version that the first node knows.
    pub(crate) fn layout_version(&self) -> u64 {
        let layout = self.admin(0).get("/v2/GetClusterLayout", &[]).expect(200).json();
        layout["version"].as_u64().expect("a version")
    }

    /// Starts a node, or starts it again, on what its folder holds.
    pub(crate) fn start_node(&mut self, at: usize) {
        let config = self.config(at);
        let credentials = self.credentials.clone();
        let member = &mut self.members[at];
        let home = member.home.take().expect("the node is not running");
        member.node = Some(Node::server(home, &config, member.k2v_addr, &[], credentials, BUCKET));
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, at: usize) {
        let member = &mut self.members[at];
        member.home = Some(member.node.take().expect("the node is running").kill());
    }

    /// Asks the node to stop, and waits until it has.
    pub(crate) fn stop(&mut self, at: usize) {
        let node = self.members[at].node.as_mut().expect("the node is running");
        node.process().terminate();
        let status = node.process().wait();
        assert!(status.success(), "{status}: {}", node.log());
        self.kill(at);
    }

    /// Sends the node's process a signal of that name.
    pub(crate) fn signal(&self, at: usize, name: &str) {
        let pid = self.node(at).pid();
        let script = format!("kill -{name} {pid}");
        let status = std::process::Command::new("sh").args(["-c", &script]).status();
        assert!(status.expect("there is a shell").success());
    }

    pub(crate) fn node(&self, at: usize) -> &Node {
        self.members[at].node.as_ref().expect("the node is running")
    }

    pub(crate) fn is_running(&self, at: usize) -> bool {
        self.members[at].node.is_some()
    }

    /// The folder of a node that is not running.
    pub(crate) fn home(&self, at: usize) -> &Home {
        self.members[at].home.as_ref().expect("the node is not running")
    }

    /// A client of one node.
    pub(crate) fn client(&self, at: usize) -> Client {
        Client::new(self.members[at].k2v_addr, self.credentials.clone(), BUCKET)
    }

    pub(crate) fn admin(&self, at: usize) -> Admin {
        let home = self.node(at).home.path();
        Admin::at(find(home, "admin.sock").expect("a running node has an admin socket"))
    }

    /// A whole number among the node's metrics.
    pub(crate) fn gauge(&self, at: usize, name: &str) -> u64 {
        let metrics = self.admin(at).get("/metrics", &[]).expect(200);
        let start = format!("troupe_{name} ");
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(&start)).map(str::trim);
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} among {metrics}"))
    }

    /// Runs a command of the program at a node, and gives what it prints. It must succeed.
    #[track_caller]
    pub(crate) fn command(&self, at: usize, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.try_command(at, arguments);
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{arguments:?}: {stderr}");
        String::from_utf8_lossy(&stdout).into_owned()
    }

    pub(crate) fn try_command(&self, at: usize, arguments: &[&str]) -> Output {
        let home = self.members[at].home.as_ref().unwrap_or_else(|| &self.node(at).home);
        let mut command = troupe();
        command.arg("-c").arg(home.path().join("troupe.toml")).args(arguments);
        run(command)
    }

    /// Waits until the node answers a read of this bucket as somebody who is not in doubt would.
    pub(crate) fn wait_until_served(&self, at: usize) {
        let client = self.client(at);
        wait_until(&format!("node {at} serves"), || {
            let answers = ["a", "m", "z"].map(|pk| client.get(pk, "nobody wrote this"));
            match answers.iter().all(|answer| answer.status == 404 || answer.status == 200) {
                true => Ok(()),
                false => Err(answers.map(|answer: Response| answer.to_string()).join(", ")),
            }
        });
    }

    /// Waits until each running node is linked with every other one.
    pub(crate) fn wait_until_all_are_linked(&self) {
        let running: Vec<usize> = (0..self.members.len()).filter(|&at| self.is_running(at)).collect();
        for &at in &running {
            let admin = self.admin(at);
            wait_until(&format!("node {at} sees the others"), || {
                let status = admin.get("/v2/GetClusterStatus", &[]).expect(200).json();
                let up = |id: &str| {
                    let nodes = status["nodes"].as_array().into_iter().flatten();
                    nodes.clone().any(|node| node["id"] == id && node["isUp"] == true)
                };
                match running.iter().all(|&other| up(&self.members[other].id)) {
                    true => Ok(()),
                    false => Err(status.to_string()),
                }
            });
        }
    }

    fn config(&self, at: usize) -> String {
        let member = &self.members[at];
        let others = self.members.iter().filter(|other| other.id != member.id);
        let peers: Vec<String> = others.map(|other| format!("\"{}@{}\"", other.id, other.rpc_addr)).collect();
        format!(
            "{head}rpc_secret = \"{RPC_SECRET}\"\nbootstrap_peers = [{peers}]\n{extra}\n\
             [k2v_api]\napi_bind_addr = \"{k2v}\"\n",
            head = member.config_head(self.replication_factor),
            peers = peers.join(", "),
            extra = self.extra,
            k2v = member.k2v_addr,
        )
    }
}

impl Member {
    fn new() -> Member {
        Member {
            id: String::new(),
            k2v_addr: free_address(),
            rpc_addr: free_address(),
            node: None,
            home: Some(Home::new()),
        }
    }

    fn config_head(&self, replication_factor: usize) -> String {
        let home = self.home.as_ref().unwrap_or_else(|| &self.node.as_ref().expect("it has a folder").home);
        let meta: PathBuf = home.path().join("meta");
        format!(
            "metadata_dir = \"{}\"\nreplication_factor = {replication_factor}\nrpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\n",
            meta.display(),
            rpc = self.rpc_addr,
        )
    }

    /// The node's id, made before its first start.
    fn learn_id(&mut self) {
        let home = self.home.as_ref().expect("the node is not running");
        let config = format!("{}[k2v_api]\napi_bind_addr = \"{}\"\n", self.config_head(3), self.k2v_addr);
        let file = home.write("troupe.toml", &config);
        let mut command = troupe();
        command.arg("-c").arg(file).args(["node", "id", "-q"]);
        let output = run(command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        self.id = text.trim().split('@').next().expect("an id").to_owned();
    }
}

/// Waits until `look` is content. What it looks at announces itself to nobody, so it is asked again and again.
#[track_caller]
pub(crate) fn wait_until(what: &str, look: impl FnMut() -> Result<(), String>) {
    wait_within(PATIENCE, what, look);
}

/// The same, with patience of its own.
#[track_caller]
pub(crate) fn wait_within(patience: Duration, what: &str, mut look: impl FnMut() -> Result<(), String>) {
    let deadline = Instant::now() + patience;
    while let Err(seen) = look() {
        assert!(Instant::now() < deadline, "not yet, and never: {what}. Last seen: {seen}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
