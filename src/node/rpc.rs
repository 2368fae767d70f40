//! The node's links with others: the port, the secret, what it remembers of them, and who answers them.

use super::NodeError;
use super::identity::Identity;
use super::known_peers::{self, Remembered};
use super::removed::keep_apart;
use crate::admin::Gauge;
use crate::config::{Config, ListenAddr, RpcConfig, Secret};
use crate::metrics::CountedPeers;
use arc_swap::ArcSwap;
use rand::Rng;
use sha2::{Digest, Sha256};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use troupe_actors::clock::wall_now;
use troupe_actors::control::{Control, OnCluster};
use troupe_actors::ids::{ClusterId, NodeId};
use troupe_actors::membership::{self, About, MemberId, Membership, MembershipInbox};
use troupe_actors::store::journalled::NodeStore;
use troupe_actors::store::set::StoreSet;
use troupe_actors::transport::tcp::{KnownPeers, Tcp, TcpOptions};
use troupe_actors::transport::{Carry, ClusterSecret, Environment, PeerAddr, Peers, Services};

/// How often it is looked at what the stores have committed, and whether there is something new to remember.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The links, and the tasks around them.
pub(super) struct Rpc {
    /// Where the port is bound.
    pub(super) addr: SocketAddr,
    /// Where other nodes reach it, if that is known.
    public_addr: Option<String>,
    tcp: Arc<Tcp>,
    counted: Arc<CountedPeers>,
    has_secret: bool,
    environments: Arc<ArcSwap<Vec<Environment>>>,
    memory: Memory,
    tasks: Vec<JoinHandle<()>>,
}

impl Rpc {
    /// Binds the port. Who connects waits until [`Rpc::start`].
    pub(super) fn bind(
        config: &Config,
        identity: &Identity,
        cluster: Option<ClusterId>,
        stores: &StoreSet<NodeStore>,
    ) -> Result<Rpc, NodeError> {
        let (listener, addr) = listen(&config.rpc.bind_addr)?;
        let public_addr = public_addr(&config.rpc, addr);
        let (memory, remembered) = Memory::open(&config.metadata_dir)?;
        let boot = memory.boot;
        let environments = Arc::new(ArcSwap::from_pointee(look_at(stores)));
        let shown = Arc::clone(&environments);
        let options = TcpOptions {
            node: identity.node,
            key: identity.key,
            secret: cluster_secret(config.rpc.secret.as_ref()),
            cluster,
            boot,
            public_addr: public_addr.clone(),
            environments: Arc::new(move || shown.load().to_vec()),
            peers: config.rpc.bootstrap_peers.clone(),
            remembered: remembered.addrs.into_iter().map(at).collect(),
            removed: remembered.removed,
        };
        let tcp = Tcp::new(options, listener)?;
        let tasks = vec![actix_rt::spawn(keep_looking(stores.clone(), Arc::clone(&environments)))];
        let has_secret = config.rpc.secret.is_some();
        let counted = CountedPeers::new(tcp.clone());
        Ok(Rpc { addr, public_addr, tcp, counted, has_secret, environments, memory, tasks })
    }

    /// The number of this start.
    pub(super) fn boot(&self) -> u64 {
        self.memory.boot
    }

    /// What the stores had committed a moment ago.
    pub(super) fn stores(&self) -> Vec<Environment> {
        self.environments.load().to_vec()
    }

    /// The same, whenever it is asked.
    pub(super) fn watched_stores(&self) -> Arc<dyn Fn() -> Vec<Environment> + Send + Sync> {
        let environments = Arc::clone(&self.environments);
        Arc::new(move || environments.load().to_vec())
    }

    /// The way to the other nodes.
    pub(super) fn peers(&self) -> Peers {
        self.counted()
    }

    /// The same, for those who want to know what was asked.
    pub(super) fn counted(&self) -> Arc<CountedPeers> {
        Arc::clone(&self.counted)
    }

    /// Has nodes of other clusters turned away once this one has a name.
    pub(super) fn on_cluster(&self) -> OnCluster {
        let tcp = Arc::clone(&self.tcp);
        Box::new(move |cluster| tcp.set_cluster(cluster))
    }

    /// Watches which nodes are up, and connects to those that others tell of.
    pub(super) fn start_membership(&mut self, node: NodeId, inbox: MembershipInbox) -> Membership {
        let addr = self.public_addr.as_deref().and_then(|addr| membership::PeerAddr::new(addr).ok());
        let own = MemberId::new(node, self.memory.boot, addr);
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let about = About { version: concat!("troupe ", env!("CARGO_PKG_VERSION")).to_owned(), hostname };
        let membership = Membership::start(inbox, self.peers(), own, about, rand::rng().next_u64());
        self.tasks.push(actix_rt::spawn(keep_following(membership.clone(), Arc::clone(&self.tcp))));
        membership
    }

    /// Cuts nodes off that are removed from the layout.
    pub(super) fn follow_layout(&mut self, own: NodeId, control: Control) {
        self.tasks.push(actix_rt::spawn(keep_apart(own, control, Arc::clone(&self.tcp))));
    }

    /// Has `services` answer other nodes, and connects to them.
    pub(super) fn start(&mut self, services: Services) -> Result<(), NodeError> {
        self.tcp.start(services).map_err(NodeError::Thread)?;
        let (tcp, memory) = (Arc::clone(&self.tcp), self.memory.clone());
        self.tasks.push(actix_rt::spawn(keep_remembering(tcp, memory)));
        Ok(())
    }

    /// For the admin API.
    pub(super) fn peering(&self) -> Peering {
        Peering { tcp: Arc::clone(&self.tcp), has_secret: self.has_secret }
    }

    /// Sends the answers that are under way, and ends all links.
    pub(super) async fn stop(self) {
        self.tcp.stop().await;
        self.tasks.iter().for_each(JoinHandle::abort);
        self.memory.keep(&self.tcp).await;
    }
}

/// What an operator may ask of the links.
#[derive(Clone)]
pub(super) struct Peering {
    pub(super) tcp: Arc<Tcp>,
    has_secret: bool,
}

impl Peering {
    /// What goes on between this node and others.
    pub(super) fn gauges(&self, gauges: &mut Vec<Gauge>) {
        let links = self.tcp.links();
        let up = links.values().filter(|link| link.is_up).count();
        let traffic = self.tcp.traffic();
        let mut gauge = |name, help, value: u64| gauges.push(Gauge { name, help, value: value as f64 });
        gauge("peers_known", "Other nodes that this one has heard of.", links.len() as u64);
        gauge("peers_connected", "Other nodes that it is connected to.", up as u64);
        gauge("rpc_frames_sent", "Messages to other nodes, in pieces if long.", traffic.frames_sent);
        gauge("rpc_bytes_sent", "Bytes of messages to other nodes.", traffic.bytes_sent);
        gauge("rpc_writes", "Writes that messages to other nodes went out in.", traffic.writes);
        gauge("rpc_frames_received", "Messages of other nodes, in pieces if long.", traffic.frames_received);
        gauge("rpc_bytes_received", "Bytes of messages of other nodes.", traffic.bytes_received);
    }

    /// Connects to a peer. Its id, or why there is no link yet.
    pub(super) async fn connect(self, peer: PeerAddr) -> Result<NodeId, String> {
        if !self.has_secret {
            return Err("this node has no `rpc_secret`: give all nodes the same one in their configurations"
                .to_owned());
        }
        self.tcp.connect(&peer).await
    }
}

fn at((node, addr): (NodeId, String)) -> PeerAddr {
    PeerAddr { node: Some(node), addr }
}

fn listen(addr: &ListenAddr) -> Result<(TcpListener, SocketAddr), NodeError> {
    let ListenAddr::Tcp(addr) = addr else { return Err(NodeError::RpcAddr) };
    let cannot = |source| NodeError::Bind { what: "RPC", addr: addr.clone(), source };
    let listener = TcpListener::bind(addr).map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}

/// As configured, or the address that is bound, unless that stands for all of the machine's.
fn public_addr(config: &RpcConfig, bound: SocketAddr) -> Option<String> {
    let is_one_address = !bound.ip().is_unspecified();
    config.public_addr.clone().or_else(|| is_one_address.then(|| bound.to_string()))
}

/// 64 hex digits are 32 bytes; any other text is hashed. Without one the node has a secret that nobody else knows: it speaks
/// to nobody.
fn cluster_secret(secret: Option<&Secret>) -> ClusterSecret {
    let mut bytes = [0; 32];
    match secret {
        None => rand::rng().fill_bytes(&mut bytes),
        Some(secret) => {
            if hex::decode_to_slice(secret.reveal(), &mut bytes).is_err() {
                bytes = Sha256::digest(secret.reveal().as_bytes()).into();
            }
        }
    }
    ClusterSecret::new(bytes)
}

fn look_at(stores: &StoreSet<NodeStore>) -> Vec<Environment> {
    let look = |store: &Arc<NodeStore>| Environment {
        id: store.environment_number(),
        sequence: store.last_commit().sequence,
    };
    stores.iter().map(look).collect()
}

/// A store is asked for its latest commit away from the links: it may have to finish one first.
async fn keep_looking(stores: StoreSet<NodeStore>, environments: Arc<ArcSwap<Vec<Environment>>>) {
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    loop {
        interval.tick().await;
        let stores = stores.clone();
        if let Ok(seen) = actix_rt::task::spawn_blocking(move || look_at(&stores)).await {
            environments.store(Arc::new(seen));
        }
    }
}

/// Whom one node is connected to, all others hear of.
async fn keep_following(membership: Membership, tcp: Arc<Tcp>) {
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    loop {
        interval.tick().await;
        for (node, member) in membership.members().iter() {
            if let Some(addr) = &member.addr {
                tcp.learn(node, addr.as_str());
            }
        }
    }
}

/// Writes down what is new, at most once in an interval.
async fn keep_remembering(tcp: Arc<Tcp>, memory: Memory) {
    let mut changes = tcp.changes();
    while changes.changed().await.is_ok() {
        memory.keep(&tcp).await;
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The file of known peers.
#[derive(Clone)]
struct Memory {
    metadata_dir: PathBuf,
    boot: u64,
}

impl Memory {
    /// Begins a run. What is remembered of earlier ones.
    fn open(metadata_dir: &Path) -> Result<(Memory, KnownPeers), NodeError> {
        let failed = |source| NodeError::MetadataDir { path: metadata_dir.to_owned(), source };
        let mut remembered = known_peers::read(metadata_dir).map_err(failed)?;
        // By the clock, so that a node whose file was lost comes back with a higher number, too.
        remembered.boot = wall_now().0.max(remembered.boot + 1);
        known_peers::write(metadata_dir, &remembered).map_err(failed)?;
        let memory = Memory { metadata_dir: metadata_dir.to_owned(), boot: remembered.boot };
        Ok((memory, remembered.peers))
    }

    async fn keep(&self, tcp: &Tcp) {
        let (this, peers) = (self.clone(), tcp.known());
        let kept = actix_rt::task::spawn_blocking(move || this.write(&Remembered { boot: this.boot, peers }));
        match kept.await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => {
                log::warn!(
                    "the addresses of other nodes cannot be written down, for the next start: {error}"
                );
            }
        }
    }

    fn write(&self, remembered: &Remembered) -> std::io::Result<()> {
        if known_peers::read(&self.metadata_dir)? == *remembered {
            return Ok(());
        }
        known_peers::write(&self.metadata_dir, remembered)
    }
}
