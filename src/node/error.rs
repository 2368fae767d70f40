//! Why a node does not start or stop.

use super::identity::IdentityError;
use crate::admin::socket::SocketError;
use crate::edge::TooFewDescriptors;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use troupe_actors::control::StartError;
use troupe_actors::incarnation::actor::IncarnationError;
use troupe_actors::store::lmdb::OpenError;
use troupe_actors::store::{CommitError, StoreError};
use troupe_actors::transport::tcp::TcpError;

/// A node does not start, or does not stop as it should.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The system allows too few open files.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    /// The node's directory cannot be made.
    #[error("metadata_dir {}: {source}", path.display())]
    MetadataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The node has no key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A store cannot be opened or closed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is known of this node's memory cannot be read or written.
    #[error(transparent)]
    Incarnation(#[from] IncarnationError),
    /// The control plane does not start.
    #[error(transparent)]
    Control(#[from] StartError),
    /// More lanes than can be told apart.
    #[error("`lanes` = {lanes} is more than 65535")]
    TooManyLanes {
        /// As configured.
        lanes: NonZeroUsize,
    },
    /// More replicas than a layout can name.
    #[error("`replication_factor` is more than 255")]
    ReplicationFactor,
    /// An address cannot be bound.
    #[error("cannot listen on {addr} ({what}): {source}")]
    Bind {
        /// What was to listen there.
        what: &'static str,
        /// The address.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The commands' socket cannot be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The configuration names no address for the K2V API.
    #[error("no address for the K2V API is configured: set `api_bind_addr` in `[k2v_api]`")]
    NoK2vAddr,
    /// The node cannot speak with others.
    #[error(transparent)]
    Transport(#[from] TcpError),
    /// The RPC port is TCP.
    #[error("`rpc_bind_addr` must be a host and a port")]
    RpcAddr,
    /// The signals that stop a node cannot be heard.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A store failed while the node ran. What was acknowledged is safe on disk.
    #[error("the node stopped, and what it acknowledged is on disk: {0}")]
    StoreBroken(#[source] CommitError),
}
