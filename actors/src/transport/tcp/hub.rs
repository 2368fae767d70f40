//! What the threads of a transport share: who the peers are, and the way to each.

use super::TcpOptions;
use super::handle::Handle;
use super::traffic::Counters;
use crate::clock;
use crate::ids::{ClusterId, NodeId};
use crate::transport::hello::{Goodbye, Hello, Side, WIRE_VERSIONS};
use crate::transport::roster::{Roster, Up};
use crate::transport::{ClusterSecret, Environment, Link, LinkState, NotSent, Services};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The links to one peer, by [`Link`].
type Route = [Option<Arc<Handle>>; 2];

/// Everything shared.
pub(super) struct Hub {
    pub(super) own: NodeId,
    pub(super) secret: ClusterSecret,
    public_addr: Option<String>,
    boot: u64,
    environments: Arc<dyn Fn() -> Vec<Environment> + Send + Sync>,
    cluster: Mutex<Option<ClusterId>>,
    roster: Mutex<Roster>,
    routes: ArcSwap<BTreeMap<NodeId, Route>>,
    states: ArcSwap<BTreeMap<NodeId, LinkState>>,
    /// Whether `states` lags behind the roster.
    is_stale: AtomicBool,
    last_serial: AtomicU64,
    /// There may be something to connect to.
    pub(super) wanted: Notify,
    pub(super) traffic: Counters,
    /// The roster changed: ascends.
    pub(super) changes: watch::Sender<u64>,
    pub(super) stopping: watch::Sender<bool>,
    is_stopping: AtomicBool,
}

impl Hub {
    pub(super) fn new(options: TcpOptions) -> Hub {
        let now = clock::monotonic_now();
        let mut roster = Roster::new(options.node, options.removed);
        for peer in options.remembered {
            roster.learn(now, &peer.addr, peer.node);
        }
        for peer in options.peers {
            roster.learn(now, &peer.addr, peer.node);
            if let Some(node) = peer.node {
                roster.pin(&peer.addr, node);
            }
        }
        let states = roster.states();
        Hub {
            own: options.node,
            secret: options.secret,
            public_addr: options.public_addr,
            boot: options.boot,
            environments: options.environments,
            cluster: Mutex::new(options.cluster),
            roster: Mutex::new(roster),
            routes: ArcSwap::default(),
            states: ArcSwap::from_pointee(states),
            is_stale: AtomicBool::new(false),
            last_serial: AtomicU64::new(0),
            wanted: Notify::new(),
            traffic: Counters::default(),
            changes: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            is_stopping: AtomicBool::new(false),
        }
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cluster(&self) -> Option<ClusterId> {
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_cluster(&self, cluster: ClusterId) {
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner) = Some(cluster);
    }

    pub(super) fn environments(&self) -> Vec<Environment> {
        (self.environments)()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.stopping.send_replace(true);
        self.all_handles().iter().for_each(|handle| handle.wake());
    }

    pub(super) fn all_handles(&self) -> Vec<Arc<Handle>> {
        self.routes.load().values().flatten().flatten().cloned().collect()
    }

    /// Tells those who look at the roster that it changed.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// This node's hello in a session.
    pub(super) fn hello(&self, side: Side, session: &[u8; 32], link: Link) -> Hello {
        Hello {
            version_oldest: *WIRE_VERSIONS.start(),
            version_newest: *WIRE_VERSIONS.end(),
            proof: self.secret.prove(side, session),
            cluster: self.cluster(),
            boot: self.boot,
            link,
            public_addr: self.public_addr.clone(),
            environments: self.environments(),
        }
    }

    /// The link to `peer`.
    pub(super) fn route(&self, peer: NodeId, link: Link) -> Result<Arc<Handle>, NotSent> {
        let routes = self.routes.load();
        let handle = routes.get(&peer).and_then(|route| route[link as usize].clone());
        handle.ok_or_else(|| if self.is_stopping() { NotSent::Stopping } else { NotSent::NoLink })
    }

    pub(super) fn states(&self) -> Arc<BTreeMap<NodeId, LinkState>> {
        self.states.load_full()
    }

    /// Takes a link that has said its hellos. Called on the transport's thread only, as is all that follows from it.
    pub(super) fn link_up(
        &self,
        services: &Services,
        peer: NodeId,
        side: Side,
        hello: &Hello,
    ) -> Result<Arc<Handle>, Goodbye> {
        if self.is_stopping() {
            return Err(Goodbye::Stopping);
        }
        let serial = self.last_serial.fetch_add(1, Ordering::Relaxed) + 1;
        let dialer = match side {
            Side::Dialer => self.own,
            Side::Listener => peer,
        };
        let link = hello.link;
        let handle = Arc::new(Handle::new(serial));
        let mut roster = self.roster();
        let replaced = roster.link_up(peer, link, Up { serial, dialer, boot: hello.boot })?;
        roster.note(peer, |state| {
            state.boot = hello.boot;
            state.environments.clone_from(&hello.environments);
            if let Some(addr) = &hello.public_addr {
                state.addr = Some(addr.clone());
            }
        });
        if let Some(addr) = &hello.public_addr {
            roster.learn(clock::monotonic_now(), addr, Some(peer));
        }
        self.end(replaced, peer);
        // Under the roster's lock, so that routes change in the order in which links do.
        self.routes.rcu(|routes| {
            let mut routes = BTreeMap::clone(routes);
            routes.entry(peer).or_default()[link as usize] = Some(Arc::clone(&handle));
            routes
        });
        self.publish(&roster);
        drop(roster);
        self.changed();
        self.wanted.notify_one();
        if link == Link::Request {
            if replaced.is_some() {
                services.link(peer, false);
            }
            services.link(peer, true);
        }
        Ok(handle)
    }

    /// A link is over.
    pub(super) fn link_down(&self, services: &Services, peer: NodeId, link: Link, serial: u64) {
        let mut roster = self.roster();
        let was_present = roster.link_down(clock::monotonic_now(), peer, link, serial);
        if was_present {
            self.routes.rcu(|routes| {
                let mut routes = BTreeMap::clone(routes);
                if let Some(route) = routes.get_mut(&peer) {
                    route[link as usize] = None;
                }
                routes
            });
        }
        self.publish(&roster);
        drop(roster);
        self.changed();
        self.wanted.notify_one();
        if was_present && link == Link::Request {
            services.link(peer, false);
        }
    }

    /// Has links to `peer` end.
    pub(super) fn end(&self, serials: impl IntoIterator<Item = u64>, peer: NodeId) {
        let serials: Vec<u64> = serials.into_iter().collect();
        let routes = self.routes.load();
        for handle in routes.get(&peer).into_iter().flatten().flatten() {
            if serials.contains(&handle.serial()) {
                handle.end();
            }
        }
    }

    /// Shows soon what the roster says.
    pub(super) fn publish_soon(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }

    /// Shows what the roster says, if that has changed.
    pub(super) fn publish_if_stale(&self) {
        if self.is_stale.swap(false, Ordering::Relaxed) {
            self.publish(&self.roster());
        }
    }

    pub(super) fn publish(&self, roster: &Roster) {
        self.states.store(Arc::new(roster.states()));
    }
}
