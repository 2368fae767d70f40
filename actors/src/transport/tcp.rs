//! Nodes linked over TCP: TLS 1.3, a request and a bulk connection to each peer, all on one thread.
//!
//! ```text
//! any thread ── request ─▶ outbox of the link ─▶ ┌──────────────────────────┐
//!                                                │ link task: read, serve,  │ ═ TLS ═ peer
//! subsystem  ◀── serve, told, link ────────────  │ write; one per link      │
//!                                                └──────────────────────────┘
//! listen, dial ── TLS, hellos ─▶ link task
//! ```

mod buffers;
mod handle;
mod handshake;
mod hub;
mod link;
mod run;
mod served;
#[cfg(test)]
mod tests;
mod tls;
mod traffic;

pub use traffic::Traffic;

use super::outbox::Outgoing;
use super::{
    Carry, ClusterSecret, Environment, Link, LinkState, NotSent, PeerAddr, RequestError, Services, Subsystem,
    UnknownOutcome,
};
use crate::clock;
use crate::ids::{ClusterId, NodeId};
use crate::limits::REQUEST_DEADLINE_MS_MAX;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use handshake::Handshake;
use hub::Hub;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tls::Tls;
use tokio::sync::{oneshot, watch};

/// What a node has to say and to know before it speaks to others.
pub struct TcpOptions {
    /// Its id.
    pub node: NodeId,
    /// The secret key to it.
    pub key: [u8; 32],
    /// What every node of the cluster knows.
    pub secret: ClusterSecret,
    /// The cluster, once there is one. Nodes of other clusters are turned away.
    pub cluster: Option<ClusterId>,
    /// The number of this run: higher than that of every earlier one.
    pub boot: u64,
    /// Where other nodes reach it, as `host:port`, if it was told.
    pub public_addr: Option<String>,
    /// Shows its stores, in this moment. Called for every ping.
    pub environments: Arc<dyn Fn() -> Vec<Environment> + Send + Sync>,
    /// Whom to connect to. Where an id is given, nobody else is taken there.
    pub peers: Vec<PeerAddr>,
    /// Whom it was connected to earlier.
    pub remembered: Vec<PeerAddr>,
    /// With whom it does not speak.
    pub removed: BTreeSet<NodeId>,
}

/// The transport does not start.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// The node's key is not an Ed25519 key.
    #[error("the node's key is not an Ed25519 key")]
    Key,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The port or the thread cannot be used.
    #[error("the transport between nodes cannot be started: {0}")]
    Io(#[from] io::Error),
}

/// Whom a node knows: what it has to remember to find the others again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownPeers {
    /// Nodes and where they were found.
    pub addrs: Vec<(NodeId, String)>,
    /// Nodes that were removed.
    pub removed: BTreeSet<NodeId>,
}

/// The links of one node.
pub struct Tcp {
    hub: Arc<Hub>,
    /// Until it is started.
    port: Mutex<Option<(Tls, TcpListener)>>,
    stopped: watch::Sender<bool>,
}

impl Tcp {
    /// Listens, and speaks to nobody until [`Tcp::start`].
    ///
    /// # Errors
    /// [`TcpError`] says what is wrong.
    pub fn new(options: TcpOptions, listener: TcpListener) -> Result<Arc<Tcp>, TcpError> {
        listener.set_nonblocking(true)?;
        let tls = Tls::new(options.node, &options.key)?;
        let port = Mutex::new(Some((tls, listener)));
        Ok(Arc::new(Tcp { hub: Arc::new(Hub::new(options)), port, stopped: watch::Sender::new(true) }))
    }

    /// Serves peers with `services` and connects to them, on a thread of its own. A second call changes nothing.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(self: &Arc<Self>, services: Services) -> io::Result<()> {
        let port = self.port.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((tls, listener)) = port else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handshake = Handshake { hub: Arc::clone(&self.hub), services, tls };
        self.stopped.send_replace(false);
        let stopped = Stopped(Arc::clone(self));
        std::thread::Builder::new().name("transport".to_owned()).spawn(move || {
            // Last of all, and after a panic, too.
            let _stopped = stopped;
            if let Err(error) = runtime.block_on(run::run(handshake, listener)) {
                log::error!("the transport between nodes stopped: {error}");
            }
            // Ends what is left of the links.
            drop(runtime);
        })?;
        Ok(())
    }

    /// Connects to a peer and stays connected, also to one that was removed. Returns once there is a link.
    ///
    /// # Errors
    /// Why the first attempt failed, for a person to read. It is repeated all the same.
    pub async fn connect(&self, peer: &PeerAddr) -> Result<NodeId, String> {
        let mut changes = self.hub.changes.subscribe();
        {
            let mut roster = self.hub.roster();
            if let Some(node) = peer.node {
                roster.take_in(node);
            }
            roster.learn(clock::monotonic_now(), &peer.addr, peer.node);
            if let Some(node) = peer.node {
                roster.pin(&peer.addr, node);
            }
            roster.try_again(clock::monotonic_now(), &peer.addr);
        }
        self.hub.changed();
        self.hub.wanted.notify_one();
        loop {
            if let Some(outcome) = self.hub.roster().outcome(&peer.addr) {
                return outcome;
            }
            if changes.changed().await.is_err() {
                return Err("this node is stopping".to_owned());
            }
        }
    }

    /// Tries to stay connected to `node` at `addr`, where somebody says that it is.
    pub fn learn(&self, node: NodeId, addr: &str) {
        if self.hub.roster().learn(clock::monotonic_now(), addr, Some(node)) {
            self.hub.changed();
            self.hub.wanted.notify_one();
        }
    }

    /// Cuts `node` off: ends its links, forgets its addresses and turns it away from now on.
    pub fn forget(&self, node: NodeId) {
        let serials = self.hub.roster().remove(node);
        self.hub.end(serials, node);
        self.hub.publish_soon();
        self.hub.changed();
    }

    /// Speaks with `node` again, if it was cut off.
    pub fn take_in(&self, node: NodeId) {
        self.hub.roster().take_in(node);
        self.hub.changed();
        self.hub.wanted.notify_one();
    }

    /// Nodes of other clusters are turned away from now on.
    pub fn set_cluster(&self, cluster: ClusterId) {
        self.hub.set_cluster(cluster);
    }

    /// What has to be remembered.
    pub fn known(&self) -> KnownPeers {
        let roster = self.hub.roster();
        KnownPeers { addrs: roster.addrs(), removed: roster.removed().clone() }
    }

    /// What went over the links since the start.
    pub fn traffic(&self) -> Traffic {
        self.hub.traffic.so_far()
    }

    /// Is changed whenever [`Tcp::known`] may have, and more often.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.hub.changes.subscribe()
    }

    /// Takes no more requests, sends the answers to those that it took, and ends all links.
    pub async fn stop(&self) {
        self.hub.stop();
        // The port is closed with the listener, if nothing was started.
        drop(self.port.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut stopped = self.stopped.subscribe();
        // An error means that nobody is left to stop.
        let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
    }
}

/// Tells, when it is dropped, that the transport's thread has ended.
struct Stopped(Arc<Tcp>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.stopped.send_replace(true);
    }
}

impl Carry for Tcp {
    fn request(
        &self,
        to: NodeId,
        link: Link,
        subsystem: Subsystem,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let (asker, outcome) = oneshot::channel();
        let until = clock::monotonic_now() + deadline.min(Duration::from_millis(REQUEST_DEADLINE_MS_MAX));
        let request = Outgoing::Request { subsystem: subsystem as u8, body, until, asker };
        let sent = self.hub.route(to, link).and_then(|handle| handle.send(request));
        match sent {
            Err(why) => ready(Err(why.into())).boxed(),
            // A link tells everybody who asked over it, unless it breaks down itself.
            Ok(()) => outcome.map(|outcome| outcome.unwrap_or(Err(UnknownOutcome::LinkLost.into()))).boxed(),
        }
    }

    fn tell(&self, to: NodeId, subsystem: Subsystem, body: Bytes) -> Result<(), NotSent> {
        let message = Outgoing::Tell { subsystem: subsystem as u8, body };
        self.hub.route(to, Link::Request)?.send(message)
    }

    fn links(&self) -> Arc<BTreeMap<NodeId, LinkState>> {
        self.hub.states()
    }
}
