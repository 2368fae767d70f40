//! The watch over this node's memory, and the shards that it is about.

use super::NodeError;
use super::rpc::Rpc;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::Rng;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use troupe_actors::control::Control;
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::incarnation::actor::{IncarnationParts, Opened};
use troupe_actors::incarnation::{self, Incarnation, Remembering, Standing};
use troupe_actors::layout::Layout;
use troupe_actors::membership::{MembershipService, Message};
use troupe_actors::shard::Shards;
use troupe_actors::store::ShardState;
use troupe_actors::store::journalled::NodeStore;

/// How often it is looked whether the layout gives this node other shards or other peers.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The watch at work.
pub(super) struct Memory {
    pub(super) watched: Watched,
    follower: JoinHandle<()>,
}

/// What the admin API sees of it.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) incarnation: Incarnation,
    shards: ShardsOfNode,
}

impl Watched {
    /// Why this node votes in no read, if there is a shard of which somebody else holds a replica.
    pub(super) fn warning(&self) -> Option<String> {
        let standing = self.incarnation.shown().standing;
        let shares_shards = || self.shards.other_replicas().iter().any(|others| !others.is_empty());
        (standing != Standing::Whole && shares_shards())
            .then(|| format!("this node {standing}; until then it votes in no read"))
    }
}

impl Memory {
    /// Writes down that this node asks its peers, before anything is committed.
    pub(super) fn open(home: &Path, rpc: &Rpc) -> Result<Opened, NodeError> {
        Ok(Opened::open(home, rpc.stores(), rpc.boot(), rand::rng().next_u64())?)
    }

    /// Asks, and from then on decides which of the shards vote.
    pub(super) async fn start(
        opened: Opened,
        rpc: &Rpc,
        service: &MembershipService,
        shards: ShardsOfNode,
    ) -> Memory {
        let (port, inbox) = incarnation::inbox();
        service.hand_on(port);
        let parts = IncarnationParts {
            peers: rpc.peers(),
            wrap: |message| Message::Incarnation(message).encode(),
            stores: rpc.watched_stores(),
            remembering: Arc::new(shards.clone()),
        };
        let incarnation = opened.start(inbox, parts);
        incarnation.set_replicas(shards.other_replicas()).await;
        let (votes, of) = (incarnation.clone(), shards.clone());
        let may_vote = move |shard| votes.may_vote() || of.holds_alone(shard);
        shards.shards.hold_votes(Arc::new(may_vote));
        let follower = actix_rt::spawn(keep_following(shards.clone(), incarnation.clone()));
        Memory { watched: Watched { incarnation, shards }, follower }
    }

    pub(super) fn stop(&self) {
        self.follower.abort();
    }
}

/// Tells the watch with whom this node shares shards.
async fn keep_following(shards: ShardsOfNode, incarnation: Incarnation) {
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    let mut seen = shards.control.snapshot();
    let mut told = shards.other_replicas();
    loop {
        interval.tick().await;
        let now = shards.control.snapshot();
        if Arc::ptr_eq(&seen, &now) {
            continue;
        }
        seen = now;
        let replicas = shards.other_replicas();
        if replicas != told {
            told.clone_from(&replicas);
            incarnation.set_replicas(replicas).await;
        }
    }
}

/// The shards that the layout gives this node.
#[derive(Clone)]
pub(super) struct ShardsOfNode {
    pub(super) node: NodeId,
    pub(super) control: Control,
    pub(super) shards: Shards<NodeStore>,
}

impl ShardsOfNode {
    /// For each shard here its other replicas, equal ones once.
    fn other_replicas(&self) -> BTreeSet<BTreeSet<NodeId>> {
        let snapshot = self.control.snapshot();
        held(self.node, &snapshot.layout).map(|(_, others)| others).collect()
    }

    /// Whether nobody could say what this node lost of a shard.
    fn holds_alone(&self, shard: ShardIndex) -> bool {
        let snapshot = self.control.snapshot();
        snapshot.layout.write_sets(shard).iter().all(|set| *set.nodes == [self.node])
    }
}

/// Every shard that a live version gives `node`, and who else holds it.
fn held(node: NodeId, layout: &Layout) -> impl Iterator<Item = (ShardIndex, BTreeSet<NodeId>)> + '_ {
    let mine = ShardIndex::all().filter(move |shard| layout.is_holder(node, *shard));
    mine.map(move |shard| (shard, layout.holders(shard).into_iter().filter(|other| *other != node).collect()))
}

impl Remembering for ShardsOfNode {
    fn peer_is_reborn(&self, peer: NodeId) -> BoxFuture<'static, ()> {
        let this = self.clone();
        async move {
            let snapshot = this.control.snapshot();
            for (shard, others) in held(this.node, &snapshot.layout) {
                if others.contains(&peer) {
                    // A shard that is stopping acknowledges nothing more.
                    let _ = this.shards.peer_is_reborn(shard, peer).await;
                }
            }
        }
        .boxed()
    }

    fn lost_memory(&self) -> BoxFuture<'static, ()> {
        let this = self.clone();
        async move {
            let snapshot = this.control.snapshot();
            for (shard, others) in held(this.node, &snapshot.layout) {
                if !others.is_empty() {
                    let _ = this.shards.set_state(shard, ShardState::Amnesiac).await;
                }
            }
        }
        .boxed()
    }

    fn stop_waiting(&self) -> BoxFuture<'static, ()> {
        let this = self.clone();
        async move {
            for shard in ShardIndex::all().filter(|shard| this.shards.is_amnesiac(*shard)) {
                let _ = this.shards.set_state(shard, ShardState::Live).await;
            }
        }
        .boxed()
    }

    fn is_complete(&self) -> bool {
        !ShardIndex::all().any(|shard| self.shards.is_amnesiac(shard))
    }
}
