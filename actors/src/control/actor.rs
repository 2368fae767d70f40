use super::command::{Command, ControlError};
use super::core::ControlCore;
use super::event::{Effect, Event, RequestId};
use super::message::Envelope;
use super::rows::{Row, RowError};
use super::snapshot::ControlSnapshot;
use super::status::{ControlStatus, Standing};
use crate::clock::{monotonic_now, wall_now};
use crate::ids::{ClusterId, NodeId};
use crate::layout::{Held, Incarnation, LayoutUse, ShardSet};
use crate::limits::{CONTROL_INBOX_MAX, CONTROL_TICK_MS};
use crate::store::Write;
use crate::store::lane::{BatchId, LaneHandle, Owner, Persist, PersistError};
use crate::transport::{Peers, Refusal, Serve, Subsystem};
use actix::prelude::*;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Runs a [`ControlCore`]: hands rows to the lane, publishes, answers, speaks with peers.
struct ControlActor {
    core: ControlCore,
    lane: LaneHandle,
    next_batch: BatchId,
    shared: Arc<Shared>,
    start: Option<Event>,
    /// The caller that starts the node, until the first snapshot is published.
    starter: Option<oneshot::Sender<Result<(), PersistError>>>,
    askers: BTreeMap<RequestId, oneshot::Sender<Result<(), ControlError>>>,
    next_request: u64,
    peers: Option<Peers>,
    on_cluster: Option<OnCluster>,
    linked: BTreeSet<NodeId>,
    /// The layout that is published, and earlier ones that requests may hold.
    layouts: Vec<LayoutUse>,
    held: Held,
}

/// What every handle reads.
struct Shared {
    snapshot: ArcSwap<ControlSnapshot>,
    status: ArcSwap<ControlStatus>,
    started: Instant,
}

/// Is told the cluster's identity as soon as there is one.
pub type OnCluster = Box<dyn Fn(ClusterId) + Send>;

/// The control plane of a running node. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    actor: Addr<ControlActor>,
    shared: Arc<Shared>,
}

/// The control plane cannot start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A row cannot be understood.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The cluster's secret could not be made durable.
    #[error("the cluster's secret could not be made durable: {0}")]
    Persist(#[from] PersistError),
    /// The system is stopping.
    #[error("the node is stopping")]
    Stopped,
}

/// The node that the control plane runs on.
#[derive(Clone, Copy, Debug)]
pub struct ControlOptions {
    /// This node.
    pub node: NodeId,
    /// As configured; a layout is applied under it.
    pub replication_factor: u8,
    /// Freshly drawn; becomes the cluster's token key if there is none yet.
    pub token_key: [u8; 32],
    /// What the node's disks are.
    pub incarnation: Incarnation,
    /// Whether there are others to ask before a new node believes that there is no cluster yet.
    pub has_peers: bool,
}

impl Control {
    /// Starts the actor on the current arbiter. `rows` are what the store holds, and `lane` commits to that store: as a
    /// batch among those of the shards, in one transaction with them.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        rows: &[Row],
        lane: LaneHandle,
        options: ControlOptions,
    ) -> Result<Control, StartError> {
        let ControlOptions { node, replication_factor, token_key, incarnation, has_peers } = options;
        let core = ControlCore::load(node, replication_factor, rows)?;
        let status = ControlStatus {
            standing: Standing::Joining,
            clocks_off: BTreeMap::new(),
            foreign: BTreeSet::new(),
        };
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(ControlSnapshot::empty(&token_key)),
            status: ArcSwap::from_pointee(status),
            started: monotonic_now(),
        });
        let (sender, receiver) = oneshot::channel();
        let actor = ControlActor {
            core,
            lane,
            next_batch: BatchId(0),
            shared: Arc::clone(&shared),
            start: Some(Event::Start { token_key, incarnation, has_peers }),
            starter: Some(sender),
            askers: BTreeMap::new(),
            next_request: 0,
            peers: None,
            on_cluster: None,
            linked: BTreeSet::new(),
            layouts: Vec::new(),
            held: Held::NOTHING,
        };
        let actor = actor.start();
        receiver.await.map_err(|_| StartError::Stopped)??;
        Ok(Control { actor, shared })
    }

    /// The newest snapshot. Hold it for one request, so that the request sees one state of affairs, and no longer: a change
    /// of the layout waits for requests that hold an older one.
    pub fn snapshot(&self) -> Arc<ControlSnapshot> {
        self.shared.snapshot.load_full()
    }

    /// How this node stands, and what is wrong with its peers.
    pub fn status(&self) -> Arc<ControlStatus> {
        self.shared.status.load_full()
    }

    /// Whether requests may be served: this node knows the cluster, and heard of a majority of it lately.
    pub fn serves(&self) -> bool {
        self.shared.status.load().standing.serves(self.shared.uptime_ms())
    }

    /// Asks for a change; on `Ok` it is durable, every later [`Control::snapshot`] has it, and a majority of the nodes with a
    /// role hold it.
    ///
    /// # Errors
    /// [`ControlError`] says why the change was not made, or who does not hold it.
    pub async fn change(&self, command: Command) -> Result<(), ControlError> {
        self.actor.send(Change(command)).await.unwrap_or(Err(ControlError::Stopped))
    }

    /// Says that this node holds everything of `shards` that replicas of older layout versions hold, compared for the
    /// version that the layout's `sync_version` named.
    pub async fn synced(&self, version: u64, shards: ShardSet) {
        // A node that stops compares again after its next start.
        let _ = self.actor.send(Happened(Event::Synced { version, shards })).await;
    }

    /// What peers reach the control plane by: to be served as [`Subsystem::Control`].
    pub fn service(&self) -> Arc<dyn Serve> {
        Arc::new(Service { actor: self.actor.clone() })
    }

    /// Has it speak to peers from now on.
    pub async fn connect(&self, peers: Peers, on_cluster: OnCluster) {
        // A node that stops needs no peers.
        let _ = self.actor.send(Connect { peers, on_cluster }).await;
    }
}

impl Shared {
    fn uptime_ms(&self) -> u64 {
        let uptime = monotonic_now().saturating_duration_since(self.started);
        u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// The side that peers talk to. What does not fit in the mailbox is lost: the next exchange makes up for it.
struct Service {
    actor: Addr<ControlActor>,
}

impl Serve for Service {
    fn serve(&self, _: NodeId, _: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        ready(Err(Refusal::NotServed)).boxed()
    }

    fn told(&self, from: NodeId, body: Bytes) {
        if let Some(envelope) = Envelope::decode(&body) {
            let _ = self.actor.try_send(Happened(Event::Received { from, envelope }));
        }
    }

    fn link(&self, _: NodeId, _: bool) {
        let _ = self.actor.try_send(LooksAtLinks);
    }
}

#[derive(Message)]
#[rtype(result = "Result<(), ControlError>")]
struct Change(Command);

#[derive(Message)]
#[rtype(result = "()")]
struct Happened(Event);

#[derive(Message)]
#[rtype(result = "()")]
struct LooksAtLinks;

#[derive(Message)]
#[rtype(result = "()")]
struct Connect {
    peers: Peers,
    on_cluster: OnCluster,
}

impl Actor for ControlActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.set_mailbox_capacity(CONTROL_INBOX_MAX);
        if let Some(start) = self.start.take() {
            self.run(start, context);
        }
        context.run_interval(Duration::from_millis(CONTROL_TICK_MS), |actor, context| {
            actor.look_at_links(context);
            actor.look_at_layouts(context);
            let uptime_ms = actor.shared.uptime_ms();
            actor.run(Event::Tick { uptime_ms }, context);
        });
    }
}

impl Handler<Change> for ControlActor {
    type Result = ResponseFuture<Result<(), ControlError>>;

    fn handle(&mut self, Change(command): Change, context: &mut Context<Self>) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.askers.insert(request, sender);
        self.run(Event::Command { request, command }, context);
        Box::pin(async { receiver.await.unwrap_or(Err(ControlError::Stopped)) })
    }
}

impl Handler<Happened> for ControlActor {
    type Result = ();

    fn handle(&mut self, Happened(event): Happened, context: &mut Context<Self>) {
        self.run(event, context);
    }
}

impl Handler<LooksAtLinks> for ControlActor {
    type Result = ();

    fn handle(&mut self, _: LooksAtLinks, context: &mut Context<Self>) {
        self.look_at_links(context);
    }
}

impl Handler<Connect> for ControlActor {
    type Result = ();

    fn handle(&mut self, Connect { peers, on_cluster }: Connect, context: &mut Context<Self>) {
        if let Some(cluster) = self.shared.snapshot.load().cluster {
            on_cluster(cluster);
        } else {
            self.on_cluster = Some(on_cluster);
        }
        self.peers = Some(peers);
        self.look_at_links(context);
    }
}

impl ControlActor {
    fn run(&mut self, event: Event, context: &mut Context<Self>) {
        for effect in self.core.step(wall_now(), event) {
            match effect {
                Effect::Persist { rows, grows } => self.persist(rows, grows, context),
                Effect::Publish(snapshot) => self.publish(snapshot),
                Effect::Answer { request, result } => {
                    // A caller that has hung up needs no answer.
                    let _ = self.askers.remove(&request).map(|asker| asker.send(result));
                }
                Effect::Send { to, envelope } => {
                    // What is not sent is found by the next exchange.
                    let send = |peers: &Peers| peers.tell(to, Subsystem::Control, envelope.encode());
                    let _ = self.peers.as_ref().map(send);
                }
                Effect::Report(status) => self.report(status),
            }
        }
    }

    fn publish(&mut self, snapshot: Arc<ControlSnapshot>) {
        let layout = snapshot.layout.watch();
        if self.layouts.last().is_none_or(|newest| !newest.is_same(&layout)) {
            self.layouts.push(layout);
        }
        if let Some(cluster) = snapshot.cluster
            && let Some(on_cluster) = self.on_cluster.take()
        {
            on_cluster(cluster);
        }
        self.shared.snapshot.store(snapshot);
        self.report_start(Ok(()));
    }

    fn report(&self, status: ControlStatus) {
        let before = self.shared.status.load_full();
        for (peer, ahead_ms) in &status.clocks_off {
            if before.clocks_off.get(peer) != Some(ahead_ms) {
                log::warn!("control: the clock of node {peer} is about {} s ahead", ahead_ms / 1000);
            }
        }
        for peer in status.foreign.difference(&before.foreign) {
            log::warn!("control: node {peer} belongs to another cluster: nothing of it is taken in");
        }
        let is_joining = |status: &ControlStatus| status.standing == Standing::Joining;
        if is_joining(&before) && !is_joining(&status) {
            log::info!("control: this node knows the cluster and serves");
        }
        self.shared.status.store(Arc::new(status));
    }

    /// Link events may get lost in a full mailbox; the links themselves do not.
    fn look_at_links(&mut self, context: &mut Context<Self>) {
        let Some(peers) = &self.peers else { return };
        let links = peers.links();
        let up: BTreeSet<NodeId> =
            links.iter().filter(|(_, link)| link.is_up).map(|(peer, _)| *peer).collect();
        let before = std::mem::replace(&mut self.linked, up.clone());
        for peer in before.difference(&up) {
            self.run(Event::Link { peer: *peer, is_up: false }, context);
        }
        for peer in up.difference(&before) {
            self.run(Event::Link { peer: *peer, is_up: true }, context);
        }
    }

    fn look_at_layouts(&mut self, context: &mut Context<Self>) {
        let newest = self.layouts.pop();
        self.layouts.retain(LayoutUse::is_held);
        let held =
            self.layouts.iter().fold(Held::NOTHING, |held, layout| held.with(layout.newest, layout.reads_by));
        self.layouts.extend(newest);
        if held != self.held {
            self.held = held;
            self.run(Event::Held(held), context);
        }
    }

    fn persist(&mut self, rows: Vec<Row>, grows: bool, context: &mut Context<Self>) {
        let batch = self.next_batch;
        self.next_batch = BatchId(batch.0 + 1);
        let row = |(key, value)| Write::PutControl { key, value, grows };
        let writes: Vec<Write> = rows.into_iter().map(row).collect();
        let (done, mut answered) = mpsc::unbounded_channel();
        let lane = self.lane.clone();
        // A change of the control plane waits for its turn where a client is told that the node is overloaded.
        let room = lane.reserve_next(writes.iter().map(Write::bytes).sum());
        let outcome = async move {
            let room = room.await.map_err(|_| PersistError::Stopping)?;
            // A fence of its own: the batch was made after the one before was answered, and does not build on a
            // refused one.
            let (owner, fence) = (Owner::Control, lane.fresh_fence());
            let persist = Persist { owner, fence, batch, writes, room, done };
            lane.send(persist).map_err(|_| PersistError::Stopping)?;
            answered.recv().await.map_or(Err(PersistError::Stopping), |persisted| persisted.outcome)
        };
        context.spawn(outcome.into_actor(self).map(|outcome, actor, context| {
            if let Err(error) = &outcome {
                log::error!("control: a change could not be made durable: {error}");
                actor.report_start(Err(error.clone()));
            }
            actor.run(outcome.map_or_else(Event::PersistFailed, |()| Event::Persisted), context);
        }));
    }

    fn report_start(&mut self, result: Result<(), PersistError>) {
        // The caller that started the node may have given up waiting.
        let _ = self.starter.take().map(|starter| starter.send(result));
    }
}
