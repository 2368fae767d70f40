//! The composition root: everything that a running node is made of, in the order in which it starts and stops.
//!
//! ```text
//! start:  stores and lanes ─▶ identity ─▶ RPC port ─▶ control ─▶ shards ─▶ membership, links to other nodes ─▶ admin
//!         servers ─▶ K2V server
//! stop:   K2V server (drained) ─▶ admin servers ─▶ membership, links to other nodes ─▶ shards ─▶ lanes (drained) ─▶ stores (marked as
//!         cleanly closed)
//! ```

mod admin;
mod entropy;
mod error;
pub mod identity;
mod known_peers;
mod lanes;
mod memory;
mod metrics;
mod operator;
mod peers;
mod removed;
mod replicas;
mod rpc;
mod stop_signals;
mod variables;
mod view;
pub(crate) mod vital;
mod workers;

use crate::admin::health::missing_copies;
use crate::config::Config;
use crate::edge::Room;
use crate::http::server::{self, K2vParts, K2vStop};
use crate::metrics::CallMetrics;
use crate::watchdog::Beats;
use actix::Arbiter;
use actix_web::dev::Server;
use admin::{AdminParts, AdminServers};
use entropy::AntiEntropy;
use lanes::Lanes;
use memory::{Memory, ShardsOfNode};
use operator::OperatorService;
use rand::Rng;
use rpc::Rpc;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use stop_signals::StopSignals;
use tokio::sync::mpsc;
use troupe_actors::antientropy;
use troupe_actors::control::{Control, ControlOptions};
use troupe_actors::ids::NodeId;
use troupe_actors::layout::Incarnation;
use troupe_actors::membership::{self, Membership};
use troupe_actors::shard::{Holds, MergeServer, ShardLimits, Shards};
use troupe_actors::store::journalled::NodeStore;
use troupe_actors::store::lane::actor::OnBroken;
use troupe_actors::store::{CommitError, Snapshot, Store};
use troupe_actors::transport::{Peers, Services, Subsystem};
use variables::Variables;
use view::StoreView;

pub use error::NodeError;

/// Threads that run shard actors unless the configuration says otherwise. Shards do little per write; one thread keeps
/// the cores free for HTTP and for the lanes.
const SHARD_WORKERS_DEFAULT: usize = 1;

/// A running node.
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Where the K2V API listens; `None` for a Unix socket.
    pub k2v_addr: Option<SocketAddr>,
    /// The same for people, a Unix socket included.
    k2v_shown: String,
    /// Where other nodes connect.
    pub rpc_addr: SocketAddr,
    /// Where the admin API listens; `None` if the configuration names no port.
    pub admin_addr: Option<SocketAddr>,
    /// Buckets, keys, permissions, layout.
    pub control: Control,
    stop_signals: StopSignals,
    shards: Shards<NodeStore>,
    lanes: Lanes,
    shard_arbiters: Vec<Arbiter>,
    rpc: Rpc,
    membership: Membership,
    memory: Memory,
    entropy: AntiEntropy,
    admin: AdminServers,
    k2v: K2vStop,
    /// The K2V server, bound but not yet run.
    waiting: Option<Server>,
    broken: mpsc::UnboundedReceiver<CommitError>,
    beats: Beats,
    /// Set when the stop begins.
    is_leaving: Arc<AtomicBool>,
}

impl Node {
    /// Starts a node within the current actix system. It serves as soon as this returns.
    ///
    /// # Errors
    /// [`NodeError`] says what is wrong and where.
    pub async fn start(config: &Config) -> Result<Node, NodeError> {
        let mut node = Node::prepare(config).await?;
        node.serve();
        Ok(node)
    }

    /// Starts a node but for its K2V server: who connects waits until [`Node::serve`]. In between the node is given what
    /// its first clients will ask for.
    ///
    /// # Errors
    /// [`NodeError`] says what is wrong and where.
    pub async fn prepare(config: &Config) -> Result<Node, NodeError> {
        let (stop_signals, beats) = (StopSignals::listen()?, Beats::default());
        let k2v_addr = config.k2v.bind_addr.as_ref().ok_or(NodeError::NoK2vAddr)?;
        let room = Room::make(config.connections_max, more_threads(config))?;
        let dir = &config.metadata_dir;
        std::fs::create_dir_all(dir)
            .map_err(|source| NodeError::MetadataDir { path: dir.clone(), source })?;
        let (broken_sender, broken) = mpsc::unbounded_channel();
        let on_broken = || {
            let sender = broken_sender.clone();
            // Without a receiver the node is stopping already.
            Box::new(move |failure: &CommitError| _ = sender.send(failure.clone())) as OnBroken
        };
        let lanes = Lanes::open(dir, &config.store, &beats, on_broken)?;
        // After the stores, whose locks keep a second process out of the directory.
        let identity = identity::read_or_create(dir)?;
        let id = identity.node;
        let mut rpc = Rpc::bind(config, &identity, None, &lanes.stores)?;
        let opened = Memory::open(dir, &rpc)?;
        let control = start_control(config, id, &lanes).await?;
        if let Some(warning) =
            missing_copies(control.snapshot().layout.version(), replication_factor(config)?)
        {
            log::warn!("{warning}");
        }
        let (shards, shard_arbiters) = start_shards(config, id, &rpc.peers(), &lanes, &beats)?;
        let (membership_service, inbox) = membership::inbox();
        let membership = rpc.start_membership(id, inbox);
        rpc.follow_layout(id, control.clone());
        let of_node = ShardsOfNode { node: id, control: control.clone(), shards: shards.clone() };
        let memory = Memory::start(opened, &rpc, &membership_service, of_node).await;
        let (replicas, replica_service) = replicas::start(config, id, &shards, &control, rpc.peers());
        let (entropy_service, entropy_inbox) = antientropy::inbox();
        let operator = OperatorService::default();
        let services = Services::default()
            .with(Subsystem::Control, control.service())
            .with(Subsystem::Replication, Arc::new(replica_service))
            .with(Subsystem::Membership, membership_service)
            .with(Subsystem::Merge, Arc::new(MergeServer::new(shards.clone(), holds(id, control.clone()))))
            .with(Subsystem::AntiEntropy, Arc::new(entropy_service))
            .with(Subsystem::Operator, Arc::new(operator.clone()));
        rpc.start(services)?;
        control.connect(rpc.peers(), rpc.on_cluster()).await;

        let watched = memory.watched.clone();
        let of_node = ShardsOfNode { node: id, control: control.clone(), shards: shards.clone() };
        let entropy =
            AntiEntropy::start(entropy_inbox, of_node, rpc.peers(), watched.incarnation.clone(), &beats)?;

        let (is_leaving, metrics) = (Arc::new(AtomicBool::new(false)), Arc::new(CallMetrics::default()));
        let (stores, peering) = (lanes.stores.clone(), rpc.peering());
        let (membership_seen, entropy_seen) = (membership.clone(), entropy.handle.clone());
        let view = Arc::new(StoreView {
            stores,
            shards: shards.clone(),
            replicas: replicas.clone(),
            control: control.clone(),
            peering,
            membership: membership_seen,
            memory: watched,
            variables: Variables::start(dir, entropy_seen.clone()),
            entropy: entropy_seen,
            is_leaving: Arc::clone(&is_leaving),
            calls: Arc::clone(&metrics),
            rpc: rpc.counted(),
        });
        operator.show(id, view.clone());
        let parts = AdminParts { node: id, rpc_addr: rpc.addr, control: control.clone(), view };
        let admin = AdminServers::start(config, parts, room)?;

        let capacity = room.k2v();
        let parts = K2vParts {
            shards: shards.clone(),
            replicas,
            control: control.clone(),
            capacity,
            beats: beats.clone(),
            metrics,
        };
        let k2v = server::bind(k2v_addr, config, parts).map_err(|source| NodeError::Bind {
            what: "K2V API",
            addr: k2v_addr.to_string(),
            source,
        })?;
        let (rpc_addr, admin_addr, bound) = (rpc.addr, admin.addr, k2v.addrs.first().copied());
        let k2v_shown = bound.map_or_else(|| k2v_addr.to_string(), |addr| addr.to_string());
        let (k2v, waiting) = (k2v.stop, Some(k2v.server));
        Ok(Node {
            id,
            k2v_addr: bound,
            k2v_shown,
            rpc_addr,
            admin_addr,
            control,
            stop_signals,
            shards,
            lanes,
            shard_arbiters,
            rpc,
            membership,
            memory,
            entropy,
            admin,
            k2v,
            waiting,
            broken,
            beats,
            is_leaving,
        })
    }

    /// Runs the K2V server.
    pub fn serve(&mut self) {
        if let Some(server) = self.waiting.take() {
            actix_rt::spawn(server);
            let Node { id, k2v_shown, rpc_addr, .. } = self;
            log::info!("node {id} started: K2V API on {k2v_shown}, RPC on {rpc_addr}");
        }
    }

    /// Where the node's threads show that they make progress.
    pub(crate) fn beats(&self) -> Beats {
        self.beats.clone()
    }

    /// How many polls are waiting.
    pub fn poller_count(&self) -> usize {
        self.shards.poller_count()
    }

    /// Serves until SIGTERM or SIGINT, then stops: nothing new is accepted, waiting polls are answered, requests in
    /// progress finish, what was accepted is durable, stores are closed. `on_stop` is called when the stop begins.
    ///
    /// # Errors
    /// [`NodeError::StoreBroken`] if a store failed first; [`NodeError::Open`] if one could not be closed cleanly.
    pub async fn run_until_signal(mut self, on_stop: impl FnOnce()) -> Result<(), NodeError> {
        let name = tokio::select! {
            name = self.stop_signals.wait() => name,
            Some(failure) = self.broken.recv() => {
                self.k2v.stop().await;
                return Err(NodeError::StoreBroken(failure));
            }
        };
        log::info!("node {} stops: {name}", self.id);
        on_stop();
        self.stop().await
    }

    /// Stops the node as [`Node::run_until_signal`] does.
    ///
    /// # Errors
    /// [`NodeError::Open`] if a store could not be closed cleanly; nothing is lost then either.
    pub async fn stop(self) -> Result<(), NodeError> {
        let Node {
            id,
            lanes,
            shard_arbiters,
            rpc,
            membership,
            memory,
            entropy,
            admin,
            k2v,
            waiting,
            mut broken,
            shards,
            is_leaving,
            ..
        } = self;
        // Before the port is closed: `/readyz` says so to whoever sends requests here.
        is_leaving.store(true, Ordering::Relaxed);
        match waiting {
            // A server that never ran cannot be asked to stop.
            Some(server) => drop(server),
            None => {
                k2v.take_leave().await;
                k2v.stop().await;
            }
        }
        admin.stop().await;
        membership.leave().await;
        memory.stop();
        rpc.stop().await;
        entropy.stop().await;
        // What the shards have minted is in the lanes' queues once they answered, and no shard mints any more after.
        lanes.drain().await;
        drop(shards);
        lanes::stop_and_join(shard_arbiters).await;
        let stores = lanes.stop().await;
        if let Ok(failure) = broken.try_recv() {
            return Err(NodeError::StoreBroken(failure));
        }
        stores.close_clean()?;
        log::info!("node {id} stopped");
        Ok(())
    }
}

/// Workers and lanes beyond the first of each kind.
fn more_threads(config: &Config) -> usize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let (http, shards) = (config.http_workers.unwrap_or(cores).get(), config.shard_workers);
    let (shards, lanes) = (shards.map_or(SHARD_WORKERS_DEFAULT, NonZeroUsize::get), config.store.lanes);
    http + shards + lanes.map_or(1, NonZeroUsize::get) - 3
}

fn replication_factor(config: &Config) -> Result<u8, NodeError> {
    u8::try_from(config.replication_factor.get()).map_err(|_| NodeError::ReplicationFactor)
}

async fn start_control(config: &Config, node: NodeId, lanes: &Lanes) -> Result<Control, NodeError> {
    let mut token_key = [0; 32];
    rand::rng().fill_bytes(&mut token_key);
    let replication_factor = replication_factor(config)?;
    let rows = lanes.stores.control().snapshot()?.control()?;
    let options = ControlOptions {
        node,
        replication_factor,
        token_key,
        incarnation: incarnation(lanes),
        has_peers: !config.rpc.bootstrap_peers.is_empty(),
    };
    Ok(Control::start(&rows, lanes.control(), options).await?)
}

/// Names the node's stores: one that was made anew makes another incarnation of the node.
fn incarnation(lanes: &Lanes) -> Incarnation {
    let mut hasher = Sha256::new();
    lanes.stores.iter().for_each(|store| hasher.update(store.environment_number().to_be_bytes()));
    let mut number = [0; 8];
    number.copy_from_slice(&hasher.finalize()[..8]);
    Incarnation(u64::from_be_bytes(number))
}

/// Which shards the node holds, by every live layout version.
fn holds(node: NodeId, control: Control) -> Holds {
    Arc::new(move |shard| {
        let layout = &control.snapshot().layout;
        layout.write_sets(shard).iter().any(|set| set.nodes.contains(&node))
    })
}

fn start_shards(
    config: &Config,
    node: NodeId,
    peers: &Peers,
    lanes: &Lanes,
    beats: &Beats,
) -> Result<(Shards<NodeStore>, Vec<Arbiter>), NodeError> {
    let workers = config.shard_workers.map_or(SHARD_WORKERS_DEFAULT, NonZeroUsize::get);
    let arbiters: Vec<Arbiter> = (0..workers).map(|_| vital::arbiter(beats, "shards")).collect();
    let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
    let lanes: Vec<_> = lanes.iter().map(|(store, lane)| (Arc::clone(store), lane.clone())).collect();
    let limits = ShardLimits {
        concurrent_values_max: config.requests.concurrent_values_max,
        item_bytes_max: config.requests.item_bytes_max,
        ..ShardLimits::default()
    };
    let shards = Shards::start(node, peers, limits, &mut rand::rng(), &lanes, &handles)?;
    Ok((shards, arbiters))
}
