use crate::ids::NodeId;
use crate::incarnation::actor::{IncarnationParts, Opened};
use crate::incarnation::{Incarnation, IncarnationPort, Loss, Message, Remembering, Standing, inbox};
use crate::transport::memory::MemoryNetwork;
use crate::transport::{Environment, Refusal, Serve, Services, Subsystem};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

const A: NodeId = NodeId([1; 32]);
const B: NodeId = NodeId([2; 32]);

/// Shards that are compared as soon as they are asked.
#[derive(Default)]
struct Shards {
    reborn: AtomicUsize,
    lost: AtomicUsize,
}

impl Remembering for Shards {
    fn peer_is_reborn(&self, _: NodeId) -> BoxFuture<'static, ()> {
        self.reborn.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn lost_memory(&self) -> BoxFuture<'static, ()> {
        self.lost.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn stop_waiting(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn is_complete(&self) -> bool {
        true
    }
}

struct Port(IncarnationPort);

impl Serve for Port {
    fn serve(&self, _: NodeId, _: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        Box::pin(std::future::ready(Err(Refusal::NotServed)))
    }

    fn told(&self, from: NodeId, body: Bytes) {
        self.0.told(from, postcard::from_bytes(&body).unwrap());
    }

    fn link(&self, peer: NodeId, is_up: bool) {
        self.0.link(peer, is_up);
    }
}

fn encode(message: &Message) -> Bytes {
    postcard::to_allocvec(message).unwrap().into()
}

struct Node {
    incarnation: Incarnation,
    sequence: Arc<AtomicU64>,
    shards: Arc<Shards>,
}

async fn start(network: &MemoryNetwork, home: &Path, id: NodeId, boot: u64, sequence: u64) -> Node {
    let (port, inbox) = inbox();
    let node = network.node(id);
    network.start(id, boot, Services::default().with(Subsystem::Membership, Arc::new(Port(port))));
    let sequence = Arc::new(AtomicU64::new(sequence));
    let shown = Arc::clone(&sequence);
    let stores = move || vec![Environment { id: 1, sequence: shown.load(Ordering::SeqCst) }];
    let opened = Opened::open(home, stores(), boot, boot).unwrap();
    let shards = Arc::new(Shards::default());
    let parts = IncarnationParts {
        peers: node,
        wrap: |message| encode(&message),
        stores: Arc::new(stores),
        remembering: shards.clone(),
    };
    let incarnation = opened.start(inbox, parts);
    let peer = if id == A { B } else { A };
    incarnation.set_replicas(BTreeSet::from([BTreeSet::from([peer])])).await;
    Node { incarnation, sequence, shards }
}

async fn until(node: &Node, holds: impl Fn(Standing) -> bool) {
    while !holds(node.incarnation.shown().standing) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[actix::test]
async fn an_older_image_of_a_running_node_is_noticed_and_is_whole_once_it_was_compared() {
    let (a_home, b_home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let network = MemoryNetwork::new();
    let a = start(&network, a_home.path(), A, 1, 5).await;
    assert!(!a.incarnation.may_vote(), "nobody has answered");
    let b = start(&network, b_home.path(), B, 1, 5).await;
    until(&a, |standing| standing == Standing::Whole).await;
    until(&b, |standing| standing == Standing::Whole).await;
    let life = b.incarnation.shown().life;
    b.sequence.store(9, Ordering::SeqCst);
    // A hears of it, and B is put back.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    network.stop(B);
    drop(b);
    let told = a.shards.reborn.load(Ordering::SeqCst);
    let b = start(&network, b_home.path(), B, 2, 7).await;
    until(&b, |standing| standing == Standing::Lost(Loss::RolledBack { heard: 9, mine: 7 })).await;
    assert!(a.shards.reborn.load(Ordering::SeqCst) > told, "shards of A knew before B was answered");
    until(&b, |standing| standing == Standing::Whole).await;
    assert_eq!(b.shards.lost.load(Ordering::SeqCst), 1);
    assert_ne!(b.incarnation.shown().life, life);
    assert_eq!(b.incarnation.shown().answered, BTreeSet::from([A]));
}

#[actix::test]
async fn a_damaged_file_keeps_a_node_from_starting() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("incarnation"), b"TRPI").unwrap();
    let refused = Opened::open(home.path(), Vec::new(), 1, 1).unwrap_err();
    assert!(refused.to_string().ends_with("until its data was compared with its peers'"));
}
