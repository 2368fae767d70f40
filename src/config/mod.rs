//! The configuration: one TOML file, each key of which an environment variable may override.
//!
//! An existing `garage.toml` works unchanged. What only concerns objects, blocks and websites is ignored and named in
//! one log line; any other unknown key is an error, as it is most often a spelling mistake that would
//! otherwise go unnoticed.
//!
//! ```text
//! file ──▶ settings (what was written, and where) ──▶ shape (serde: keys and types) ──▶ Config
//! environment ──▲
//! ```

#[cfg(test)]
mod documentation;
mod error;
mod keys;
mod listen;
mod load;
mod secret;
mod settings;
mod shape;
mod size;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, Origin};
pub use listen::{ListenAddr, NotAListenAddr};
pub use secret::{Secret, SecretFileError};
pub use size::{Bytes, NotBytes};

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use troupe_actors::limits;
use troupe_actors::transport::PeerAddr;

/// Variables that begin like ours and are read elsewhere: by the command line and by the logger.
const OTHER_VARIABLES: [&str; 7] = [
    "TROUPE_CONFIG_FILE",
    "TROUPE_LOG",
    "TROUPE_DEFAULT_BUCKET",
    "TROUPE_DEFAULT_KEY",
    "TROUPE_DEFAULT_KEY_FILE",
    "TROUPE_DEFAULT_ACCESS_KEY",
    "TROUPE_DEFAULT_SECRET_KEY",
];

/// Where the configuration is looked for when no file is named, in this order.
pub const DEFAULT_FILES: [&str; 2] = ["/etc/troupe.toml", "/etc/garage.toml"];

/// Everything a node is told before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's own directory: its key, its admin socket, its store.
    pub metadata_dir: PathBuf,
    /// On how many nodes each item is kept.
    pub replication_factor: NonZeroUsize,
    /// How many of them a read or write waits for.
    pub consistency_mode: ConsistencyMode,
    /// Whether files of secrets may be readable by others.
    pub allow_world_readable_secrets: bool,
    /// What the nodes of a cluster need to find and to trust each other.
    pub rpc: RpcConfig,
    /// The layout of a new cluster, made without an operator.
    pub bootstrap: BootstrapConfig,
    /// The K2V API.
    pub k2v: K2vConfig,
    /// The admin API's port. The commands use a Unix socket in `metadata_dir` instead.
    pub admin: AdminConfig,
    /// How items are kept.
    pub store: StoreConfig,
    /// What clients may send.
    pub requests: RequestConfig,
    /// Threads that speak HTTP; by default one per core.
    pub http_workers: Option<NonZeroUsize>,
    /// Connections of K2V clients; by default as many as there are file descriptors for, up to a bound.
    pub connections_max: Option<NonZeroUsize>,
    /// Threads that run shard actors; by default chosen by the node.
    pub shard_workers: Option<NonZeroUsize>,
    /// What the log should say about the configuration, one line each: keys that are ignored, engines that are not used.
    pub notices: Vec<String>,
}

/// How many replicas a request waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsistencyMode {
    /// A majority for reads and for writes: a read sees every acknowledged write.
    Consistent,
    /// A majority for writes, one replica for reads.
    Degraded,
    /// One replica for either.
    Dangerous,
}

/// The ports and secrets of the cluster.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Where other nodes connect.
    pub bind_addr: ListenAddr,
    /// The address that other nodes are told, a host and a port.
    pub public_addr: Option<String>,
    /// What a node must know to join: 64 hex digits, if well chosen.
    pub secret: Option<Secret>,
    /// Nodes to connect to at first.
    pub bootstrap_peers: Vec<PeerAddr>,
}

/// How a new cluster gets its first layout by itself.
#[derive(Clone, Default, Debug)]
pub struct BootstrapConfig {
    /// How many nodes must have found each other and offered a role; without it an operator makes the first layout.
    pub expect: Option<NonZeroUsize>,
    /// The zone of this node's role.
    pub zone: Option<String>,
    /// What this node offers, in bytes; by default the size of its disk.
    pub capacity_bytes: Option<u64>,
}

/// The K2V API.
#[derive(Clone, Debug)]
pub struct K2vConfig {
    /// Where clients connect. A node that serves needs it.
    pub bind_addr: Option<ListenAddr>,
    /// The region in the scope of every signature.
    pub region: String,
}

/// The admin API's port.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Where it listens; without it there is only the Unix socket.
    pub bind_addr: Option<ListenAddr>,
    /// The bearer token that may do everything.
    pub admin_token: Option<Secret>,
    /// The bearer token that may read `/metrics`.
    pub metrics_token: Option<Secret>,
    /// Whether `/metrics` needs a token even if none is configured here.
    pub metrics_require_token: bool,
}

/// How items are kept.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// When a write counts as durable.
    pub durability: Durability,
    /// How large an LMDB map may grow, in bytes.
    pub map_size_bytes: u64,
    /// How many LMDB environments the shards are spread over; by default chosen by the node. Fixed once the store
    /// has been created.
    pub lanes: Option<NonZeroUsize>,
}

/// When a write counts as durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// After an fsync, one per group of writes.
    Commit,
    /// After the write; a power cut may take the last moments with it, but never corrupts.
    Relaxed,
}

/// What clients may send.
#[derive(Clone, Debug)]
pub struct RequestConfig {
    /// Longest value.
    pub value_bytes_max: usize,
    /// Longest request body.
    pub body_bytes_max: usize,
    /// Most concurrent values of one item before a write needs a causality token.
    pub concurrent_values_max: usize,
    /// Most bytes of concurrent values of one item before a write needs a causality token.
    pub item_bytes_max: usize,
    /// How far a signature's date may be from this node's clock, either way.
    pub clock_window: Duration,
    /// A request that takes longer is logged.
    pub slow_request: Duration,
}

/// LMDB reserves address space, not memory or disk: a map may be larger than the disk it lies on.
pub const MAP_SIZE_BYTES_DEFAULT: u64 = 1 << 40;

const REGION_DEFAULT: &str = "garage";
const RPC_ADDR_DEFAULT: &str = "[::]:3901";
const CLOCK_WINDOW_DEFAULT: Duration = Duration::from_secs(15 * 60);
const SLOW_REQUEST_DEFAULT: Duration = Duration::from_secs(1);

impl Config {
    /// Reads `file`, or else the first of [`DEFAULT_FILES`] that exists, under this process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the file, the line, and what to do.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let chosen = match file {
            Some(file) => file.to_owned(),
            None => find_default_file()?,
        };
        let (text, mode) =
            read_with_mode(&chosen).map_err(|source| ConfigError::Read { path: chosen.clone(), source })?;
        let settings = settings::Settings::read(&chosen, &text, &environment())?;
        load::config_of(&settings, Some(mode))
    }

    /// Makes a configuration of a file's `text` and of `environment`. `file` is only named in messages.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the file, the line, and what to do.
    pub fn parse(
        file: &Path,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Config, ConfigError> {
        load::config_of(&settings::Settings::read(file, text, environment)?, None)
    }

    /// One node by itself in `metadata_dir`, everything at its default, no address to listen on.
    pub fn single_node(metadata_dir: PathBuf) -> Config {
        Config {
            metadata_dir,
            replication_factor: NonZeroUsize::MIN,
            consistency_mode: ConsistencyMode::Consistent,
            allow_world_readable_secrets: false,
            rpc: RpcConfig {
                bind_addr: ListenAddr::Tcp(RPC_ADDR_DEFAULT.to_owned()),
                public_addr: None,
                secret: None,
                bootstrap_peers: Vec::new(),
            },
            bootstrap: BootstrapConfig::default(),
            k2v: K2vConfig { bind_addr: None, region: REGION_DEFAULT.to_owned() },
            admin: AdminConfig {
                bind_addr: None,
                admin_token: None,
                metrics_token: None,
                metrics_require_token: false,
            },
            store: StoreConfig {
                durability: Durability::Commit,
                map_size_bytes: MAP_SIZE_BYTES_DEFAULT,
                lanes: None,
            },
            requests: RequestConfig {
                value_bytes_max: limits::VALUE_BYTES_MAX_DEFAULT,
                body_bytes_max: limits::BODY_BYTES_MAX_DEFAULT,
                concurrent_values_max: limits::CONCURRENT_VALUES_MAX_DEFAULT,
                item_bytes_max: limits::ITEM_BYTES_MAX_DEFAULT,
                clock_window: CLOCK_WINDOW_DEFAULT,
                slow_request: SLOW_REQUEST_DEFAULT,
            },
            http_workers: None,
            connections_max: None,
            shard_workers: None,
            notices: Vec::new(),
        }
    }

    /// The Unix socket over which the commands reach the running node.
    pub fn admin_socket(&self) -> PathBuf {
        self.metadata_dir.join("admin.sock")
    }
}

/// The variables of this process that are text.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn read_with_mode(path: &Path) -> io::Result<(String, u32)> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((text, mode))
}

fn find_default_file() -> Result<PathBuf, ConfigError> {
    DEFAULT_FILES
        .iter()
        .map(PathBuf::from)
        .find(|file| file.exists())
        .ok_or_else(|| ConfigError::Missing { searched: PathBuf::from(DEFAULT_FILES[0]) })
}
