//! The nodes of a test, over either transport.

use crate::echo::{Echo, Heard};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use troupe_actors::ids::{ClusterId, NodeId};
use troupe_actors::transport::memory::MemoryNetwork;
use troupe_actors::transport::tcp::{Tcp, TcpOptions};
use troupe_actors::transport::{
    Carry, ClusterSecret, Environment, Link, PeerAddr, Peers, RequestError, Services, Subsystem,
};

/// Longer than anything here takes that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A node and what its subsystem hears.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) peers: Peers,
    pub(crate) echo: Arc<Echo>,
    pub(crate) heard: UnboundedReceiver<Heard>,
}

pub(crate) type Outcome = Result<Bytes, RequestError>;

impl Node {
    pub(crate) fn ask(&self, to: NodeId, body: &'static str) -> impl Future<Output = Outcome> + use<> {
        let body = Bytes::from_static(body.as_bytes());
        self.peers.request(to, Link::Request, Subsystem::Merge, body, PATIENCE)
    }

    /// What is heard next, other than of links.
    pub(crate) async fn hears(&mut self) -> Heard {
        loop {
            match self.next().await {
                Heard::Link(..) => {}
                heard => return heard,
            }
        }
    }

    /// Waits until the link to `peer` has come up or gone down.
    pub(crate) async fn sees(&mut self, peer: NodeId, is_up: bool) {
        while self.next().await != Heard::Link(peer, is_up) {}
    }

    async fn next(&mut self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        heard.expect("it is heard of in time").expect("the node lives")
    }
}

/// What the nodes are linked by.
pub(crate) trait World {
    /// Starts node `number` in its run `boot`, linked with all that run.
    async fn start(&mut self, number: u8, boot: u64) -> Node;
    /// Stops the node.
    async fn stop(&mut self, node: &Node);
}

pub(crate) struct InMemory(MemoryNetwork);

impl InMemory {
    pub(crate) fn new() -> InMemory {
        InMemory(MemoryNetwork::new())
    }
}

impl World for InMemory {
    async fn start(&mut self, number: u8, boot: u64) -> Node {
        let id = NodeId([number; 32]);
        let (echo, heard) = Echo::new();
        let peers = self.0.node(id);
        self.0.start(id, boot, Services::default().with(Subsystem::Merge, echo.clone()));
        self.0.show_environments(id, stores_of(number));
        Node { id, peers, echo, heard }
    }

    async fn stop(&mut self, node: &Node) {
        self.0.stop(node.id);
    }
}

/// The stores that node `number` shows.
pub(crate) fn stores_of(number: u8) -> Vec<Environment> {
    vec![Environment { id: number.into(), sequence: 7 }]
}

/// What makes a node of a test special.
pub(crate) struct Nature {
    pub(crate) number: u8,
    pub(crate) boot: u64,
    pub(crate) secret: u8,
    pub(crate) cluster: Option<u8>,
    pub(crate) tells_its_addr: bool,
    pub(crate) peers: Vec<PeerAddr>,
}

impl Nature {
    pub(crate) fn of(number: u8) -> Nature {
        let tells_its_addr = true;
        Nature { number, boot: 1, secret: 9, cluster: None, tells_its_addr, peers: Vec::new() }
    }
}

/// A node over TCP.
pub(crate) struct TcpNode {
    pub(crate) node: Node,
    pub(crate) tcp: Arc<Tcp>,
    pub(crate) addr: String,
}

/// The id of node `number`: the public key to 32 times its number.
pub(crate) fn id_of(number: u8) -> NodeId {
    NodeId(ed25519_dalek::SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes())
}

impl TcpNode {
    pub(crate) fn start(nature: Nature) -> TcpNode {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        TcpNode::start_at(nature, listener)
    }

    pub(crate) fn start_at(nature: Nature, listener: TcpListener) -> TcpNode {
        let addr = listener.local_addr().expect("it is bound").to_string();
        let number = nature.number;
        let options = TcpOptions {
            node: id_of(number),
            key: [number; 32],
            secret: ClusterSecret::new([nature.secret; 32]),
            cluster: nature.cluster.map(|cluster| ClusterId([cluster; 32])),
            boot: nature.boot,
            public_addr: nature.tells_its_addr.then(|| addr.clone()),
            environments: Arc::new(move || stores_of(number)),
            peers: nature.peers,
            remembered: Vec::new(),
            removed: BTreeSet::new(),
        };
        let tcp = Tcp::new(options, listener).expect("the key is one");
        let (echo, heard) = Echo::new();
        tcp.start(Services::default().with(Subsystem::Merge, echo.clone())).expect("a thread is free");
        let node = Node { id: id_of(number), peers: tcp.clone(), echo, heard };
        TcpNode { node, tcp, addr }
    }

    pub(crate) fn at(&self) -> PeerAddr {
        PeerAddr { node: Some(self.node.id), addr: self.addr.clone() }
    }

    /// Waits until a request gets through to `peer`, over either link.
    pub(crate) async fn reaches(&self, peer: NodeId) {
        for link in Link::ALL {
            let mut changes = self.tcp.changes();
            let ask = || self.tcp.request(peer, link, Subsystem::Merge, Bytes::new(), PATIENCE);
            while matches!(ask().await, Err(RequestError::NotSent(_))) {
                let changed = tokio::time::timeout(PATIENCE, changes.changed()).await;
                changed.expect("it is linked in time").expect("the node lives");
            }
        }
    }
}

/// Nodes that know each other's addresses.
#[derive(Default)]
pub(crate) struct OverTcp {
    running: BTreeMap<NodeId, (Arc<Tcp>, PeerAddr)>,
}

impl World for OverTcp {
    async fn start(&mut self, number: u8, boot: u64) -> Node {
        let peers: Vec<PeerAddr> = self.running.values().map(|(_, at)| at.clone()).collect();
        let started = TcpNode::start(Nature { boot, peers: peers.clone(), ..Nature::of(number) });
        for peer in peers {
            started.reaches(peer.node.expect("it was given")).await;
        }
        let mut node = started.node;
        while node.heard.try_recv().is_ok_and(|heard| !matches!(heard, Heard::Link(..))) {}
        self.running.insert(node.id, (started.tcp, PeerAddr { node: Some(node.id), addr: started.addr }));
        node
    }

    async fn stop(&mut self, node: &Node) {
        let (tcp, _) = self.running.remove(&node.id).expect("it runs");
        tcp.stop().await;
    }
}
