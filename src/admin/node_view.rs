use super::local::{LocalAnswer, LocalCall};
use super::model::WorkerInfoResp;
use crate::metrics::Exposition;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::collections::BTreeMap;
use std::path::PathBuf;
use troupe_actors::ids::{BucketId, NodeId};
use troupe_actors::replication::handle::ReadError;
use troupe_actors::store::StoreError;
use troupe_actors::transport::PeerAddr;

/// What the admin API asks the node about itself. The node's composition root implements it.
pub trait NodeView: Send + Sync + 'static {
    /// The sums over a bucket's partitions, as a quorum of the replicas of each shard knows them: what this node lacks, or
    /// holds no replica of, counts too.
    ///
    /// # Errors
    /// [`UsageError`].
    fn bucket_usage(&self, bucket: BucketId) -> LocalBoxFuture<'static, Result<BucketUsage, UsageError>>;

    /// What goes on in the node right now.
    fn gauges(&self) -> Vec<Gauge>;

    /// What is counted beside the gauges.
    fn write_metrics(&self, out: &mut Exposition);

    /// The other nodes that it knows.
    fn peers(&self) -> BTreeMap<NodeId, Peer>;

    /// Why the node votes in no read of its shards, for a person; nothing if it does.
    fn memory_warning(&self) -> Option<String>;

    /// Has the node vote again, whatever it lost.
    fn accept_data_loss(&self) -> BoxFuture<'static, ()>;

    /// Why the node serves no requests, or will soon serve none; nothing if it does.
    fn not_serving(&self) -> Option<&'static str>;

    /// What runs in the background.
    fn workers(&self) -> Vec<WorkerInfoResp>;

    /// What can be changed of it while the node runs, by name.
    fn variables(&self) -> BTreeMap<&'static str, String>;

    /// Changes one, now and for later starts. Its value as it is shown.
    ///
    /// # Errors
    /// [`VariableError`]; nothing is changed.
    fn set_variable(&self, name: &str, value: &str) -> Result<String, VariableError>;

    /// What another node answers, or why it does not.
    fn ask(&self, node: NodeId, call: LocalCall) -> BoxFuture<'static, LocalAnswer>;

    /// Connects to another node, and stays connected. Gives its id, or the reason why there is no link yet, for a person.
    fn connect(&self, peer: PeerAddr) -> BoxFuture<'static, Result<NodeId, String>>;
}

/// Nobody knows what a bucket holds.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UsageError {
    /// This node's store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too few replicas answer.
    #[error(transparent)]
    Replicas(#[from] ReadError),
    /// The node is going away.
    #[error("the node is stopping")]
    Stopping,
}

/// Why a variable is not changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum VariableError {
    /// There is none of that name.
    #[error("no variable is called `{name}`; `troupe worker get` lists them")]
    Unknown {
        /// What it was called.
        name: String,
    },
    /// It cannot have that value.
    #[error("`{value}` is not a value of `{name}`: give {expected}")]
    Value {
        /// Which one.
        name: String,
        /// What it was to become.
        value: String,
        /// What it can become.
        expected: &'static str,
    },
    /// It could not be written down for later starts.
    #[error("the change cannot be written down, so it was not made: {0}")]
    NotKept(#[from] std::io::Error),
}

/// How another node is, as this one sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerState {
    /// Connected.
    Up,
    /// Connected, and somebody had no answer from it lately.
    Suspected,
    /// Others say that it runs, and there is no connection to it from here.
    NotConnected,
    /// It does not run, or nobody reaches it.
    Down,
}

impl PeerState {
    /// Whether requests are sent to it.
    pub fn is_up(self) -> bool {
        matches!(self, PeerState::Up | PeerState::Suspected)
    }

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            PeerState::Up => "up",
            PeerState::Suspected => "suspected",
            PeerState::NotConnected => "not connected",
            PeerState::Down => "down",
        }
    }
}

/// Another node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// How it is.
    pub state: PeerState,
    /// For how many seconds; `None` if it was never heard of since the start.
    pub since_s: Option<u64>,
    /// Where it is reached.
    pub addr: Option<String>,
    /// The program that it runs.
    pub version: Option<String>,
    /// What its machine is called.
    pub hostname: Option<String>,
    /// How far its clock is ahead of this node's.
    pub clock_ahead_ms: Option<i64>,
}

/// How much a bucket holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BucketUsage {
    /// Partitions with at least one entry.
    pub partitions: u64,
    /// Items that are not only tombstones.
    pub entries: u64,
    /// Total length of their values.
    pub bytes: u64,
}

/// A number that goes up and down.
#[derive(Clone, PartialEq, Debug)]
pub struct Gauge {
    /// As Prometheus spells it, without the leading `troupe_`: small letters and underscores, unit last.
    pub name: &'static str,
    /// What it counts, in one line.
    pub help: &'static str,
    /// How many there are.
    pub value: f64,
}

/// What does not change while the node runs.
#[derive(Clone, Debug)]
pub struct NodeIdentity {
    /// Its id.
    pub node: NodeId,
    /// Where other nodes reach it.
    pub rpc_addr: String,
    /// Where it keeps everything.
    pub metadata_dir: PathBuf,
    /// As configured; named in errors.
    pub region: String,
    /// As configured.
    pub replication_factor: u8,
}
