//! Several nodes in one process, for tests: what is sent arrives, is late, or is lost, as the test says.
//!
//! ```text
//! MemoryNetwork ── per direction: lost? delay ──┐
//!   MemoryNode A ── request ────────────────────┴──▶ Services of B
//! ```

use super::{
    Carry, Environment, Link, LinkState, NotSent, Refusal, RequestError, Services, Subsystem, UnknownOutcome,
};
use crate::ids::NodeId;
use crate::limits::MESSAGE_BYTES_MAX;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The nodes and the ways between them. Clones are the same network.
#[derive(Clone)]
pub struct MemoryNetwork {
    inner: Arc<Mutex<Inner>>,
    runtime: Handle,
}

/// One node of a [`MemoryNetwork`].
pub struct MemoryNode {
    id: NodeId,
    network: MemoryNetwork,
}

#[derive(Default)]
struct Inner {
    nodes: BTreeMap<NodeId, Endpoint>,
    /// By sender and receiver. Ways that are not named deliver at once.
    ways: BTreeMap<(NodeId, NodeId), Way>,
    /// By the smaller id first. Pairs that are not named are up, in generation 0.
    pairs: BTreeMap<(NodeId, NodeId), Pair>,
}

struct Endpoint {
    services: Services,
    boot: u64,
    environments: Vec<Environment>,
}

#[derive(Clone, Copy, Default)]
struct Way {
    loses_all: bool,
    loses_next: usize,
    delay: Duration,
}

struct Pair {
    is_severed: bool,
    /// Ascends whenever the link goes down, so that requests notice.
    generation: watch::Sender<u64>,
}

impl Default for Pair {
    fn default() -> Pair {
        Pair { is_severed: false, generation: watch::Sender::new(0) }
    }
}

impl MemoryNetwork {
    /// A network without nodes, whose messages are carried by tasks of the present Tokio runtime.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new() -> MemoryNetwork {
        MemoryNetwork { inner: Arc::default(), runtime: Handle::current() }
    }

    /// Makes a node, which is reached once it was given its services with [`MemoryNetwork::start`].
    pub fn node(&self, id: NodeId) -> Arc<MemoryNode> {
        Arc::new(MemoryNode { id, network: self.clone() })
    }

    /// Starts the node `id` in its run number `boot`. A node that runs already is stopped first.
    pub fn start(&self, id: NodeId, boot: u64, services: Services) {
        self.stop(id);
        let mut inner = self.lock();
        inner.nodes.insert(id, Endpoint { services, boot, environments: Vec::new() });
        let up = inner.linked_with(id);
        drop(inner);
        up.iter().for_each(|end| end.services.link(end.peer, true));
    }

    /// Stops the node `id` as a crash does: its links go down.
    pub fn stop(&self, id: NodeId) {
        let mut inner = self.lock();
        let down = inner.linked_with(id);
        for end in &down {
            inner.pair(end.at, end.peer).generation.send_modify(|generation| *generation += 1);
        }
        let stopped = inner.nodes.remove(&id);
        drop(inner);
        // The stopped node hears of nothing any more.
        down.iter().filter(|end| end.at != id).for_each(|end| end.services.link(end.peer, false));
        drop(stopped);
    }

    /// Has the node `id` show these stores to its peers.
    pub fn show_environments(&self, id: NodeId, environments: Vec<Environment>) {
        if let Some(node) = self.lock().nodes.get_mut(&id) {
            node.environments = environments;
        }
    }

    /// Loses everything that `from` sends to `to` from now on; the link stays up.
    pub fn lose(&self, from: NodeId, to: NodeId) {
        self.lock().way(from, to).loses_all = true;
    }

    /// Loses the next `count` messages from `from` to `to`: requests, answers and tells.
    pub fn lose_next(&self, from: NodeId, to: NodeId, count: usize) {
        self.lock().way(from, to).loses_next = count;
    }

    /// Delays everything that `from` sends to `to` from now on. Later messages may overtake earlier ones when the delay is
    /// shortened.
    pub fn delay(&self, from: NodeId, to: NodeId, delay: Duration) {
        self.lock().way(from, to).delay = delay;
    }

    /// Loses everything between two nodes, both ways; the link stays up, as it does until its silence is noticed.
    pub fn cut(&self, a: NodeId, b: NodeId) {
        self.lose(a, b);
        self.lose(b, a);
    }

    /// Takes the link between two nodes down, and has both notice.
    pub fn sever(&self, a: NodeId, b: NodeId) {
        let mut inner = self.lock();
        let pair = inner.pair(a, b);
        if std::mem::replace(&mut pair.is_severed, true) {
            return;
        }
        pair.generation.send_modify(|generation| *generation += 1);
        let both = inner.ends(a, b);
        drop(inner);
        both.iter().for_each(|end| end.services.link(end.peer, false));
    }

    /// Has everything between two nodes arrive at once again, over the link that was there or a new one.
    pub fn heal(&self, a: NodeId, b: NodeId) {
        let mut inner = self.lock();
        *inner.way(a, b) = Way::default();
        *inner.way(b, a) = Way::default();
        let was_severed = std::mem::replace(&mut inner.pair(a, b).is_severed, false);
        let both = if was_severed { inner.ends(a, b) } else { Vec::new() };
        drop(inner);
        both.iter().for_each(|end| end.services.link(end.peer, true));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as the way takes; `None` if the message is lost.
    async fn travel(&self, from: NodeId, to: NodeId) -> Option<()> {
        let way = *self.lock().way(from, to);
        if !way.delay.is_zero() {
            tokio::time::sleep(way.delay).await;
        }
        let mut inner = self.lock();
        let way = inner.way(from, to);
        let is_lost = way.loses_all || way.loses_next > 0;
        way.loses_next = way.loses_next.saturating_sub(1);
        (!is_lost).then_some(())
    }

    fn services(&self, id: NodeId) -> Option<Services> {
        self.lock().nodes.get(&id).map(|node| node.services.clone())
    }

    /// The receiver's side of a request, and the way back.
    async fn deliver(&self, from: NodeId, to: NodeId, subsystem: Subsystem, body: Bytes) -> Option<Answer> {
        self.travel(from, to).await?;
        let services = self.services(to)?;
        let answer = match services.get(subsystem) {
            Some(serve) => serve.serve(from, body).await,
            None => Err(Refusal::NotServed),
        };
        self.travel(to, from).await?;
        Some(answer)
    }
}

impl Default for MemoryNetwork {
    fn default() -> MemoryNetwork {
        MemoryNetwork::new()
    }
}

type Answer = Result<Bytes, Refusal>;

/// One end of a link.
struct End {
    at: NodeId,
    services: Services,
    peer: NodeId,
}

impl Inner {
    fn way(&mut self, from: NodeId, to: NodeId) -> &mut Way {
        self.ways.entry((from, to)).or_default()
    }

    fn pair(&mut self, a: NodeId, b: NodeId) -> &mut Pair {
        self.pairs.entry((a.min(b), a.max(b))).or_default()
    }

    fn is_up(&self, a: NodeId, b: NodeId) -> bool {
        let is_severed = self.pairs.get(&(a.min(b), a.max(b))).is_some_and(|pair| pair.is_severed);
        a != b && !is_severed && self.nodes.contains_key(&a) && self.nodes.contains_key(&b)
    }

    /// Both ends of a link between running nodes.
    fn ends(&self, a: NodeId, b: NodeId) -> Vec<End> {
        let (Some(at_a), Some(at_b)) = (self.nodes.get(&a), self.nodes.get(&b)) else { return Vec::new() };
        let end = |at, node: &Endpoint, peer| End { at, services: node.services.clone(), peer };
        vec![end(a, at_a, b), end(b, at_b, a)]
    }

    /// Both ends of every link of `id` that is up.
    fn linked_with(&self, id: NodeId) -> Vec<End> {
        let peers = self.nodes.keys().filter(|peer| self.is_up(id, **peer));
        peers.flat_map(|peer| self.ends(id, *peer)).collect()
    }
}

impl MemoryNode {
    /// What the link is at this moment, to notice that it went down.
    fn link_to(&self, to: NodeId, body: &Bytes) -> Result<watch::Receiver<u64>, NotSent> {
        if body.len() > MESSAGE_BYTES_MAX {
            return Err(NotSent::TooLong);
        }
        let mut inner = self.network.lock();
        if !inner.nodes.contains_key(&self.id) {
            return Err(NotSent::Stopping);
        }
        if !inner.is_up(self.id, to) {
            return Err(NotSent::NoLink);
        }
        Ok(inner.pair(self.id, to).generation.subscribe())
    }
}

impl Carry for MemoryNode {
    fn request(
        &self,
        to: NodeId,
        _: Link,
        subsystem: Subsystem,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let mut link = match self.link_to(to, &body) {
            Ok(link) => link,
            Err(error) => return Box::pin(std::future::ready(Err(error.into()))),
        };
        let (network, from) = (self.network.clone(), self.id);
        // A task of its own: the peer works on, whatever becomes of the link or of the asker.
        let carried = self.network.runtime.spawn(async move {
            let delivered = async {
                match network.deliver(from, to, subsystem, body).await {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            };
            tokio::time::timeout(deadline, delivered).await
        });
        Box::pin(async move {
            tokio::select! {
                biased;
                _ = link.changed() => Err(UnknownOutcome::LinkLost.into()),
                outcome = carried => match outcome {
                    Ok(Ok(answer)) => answer.map_err(RequestError::Refused),
                    Ok(Err(_)) | Err(_) => Err(UnknownOutcome::Deadline.into()),
                },
            }
        })
    }

    fn tell(&self, to: NodeId, subsystem: Subsystem, body: Bytes) -> Result<(), NotSent> {
        self.link_to(to, &body)?;
        let (network, from) = (self.network.clone(), self.id);
        self.network.runtime.spawn(async move {
            network.travel(from, to).await?;
            let services = network.services(to)?;
            services.get(subsystem)?.told(from, body);
            Some(())
        });
        Ok(())
    }

    fn links(&self) -> Arc<BTreeMap<NodeId, LinkState>> {
        let inner = self.network.lock();
        let others = inner.nodes.iter().filter(|(id, _)| **id != self.id);
        let states = others.map(|(id, node)| {
            let state = LinkState {
                is_up: inner.is_up(self.id, *id),
                addr: Some("memory:0".to_owned()),
                round_trip_us: Some(1),
                answer_p95_us: Some(1),
                boot: node.boot,
                environments: node.environments.clone(),
            };
            (*id, state)
        });
        Arc::new(states.collect())
    }
}
