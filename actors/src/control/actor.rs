use super::command::{Command, ControlError};
use super::core::{ControlCore, Effect, Event, RequestId};
use super::rows::{Row, RowError};
use super::snapshot::ControlSnapshot;
use crate::clock::wall_now;
use crate::ids::NodeId;
use crate::store::Write;
use crate::store::lane::{BatchId, LaneHandle, Owner, Persist, PersistError};
use actix::prelude::*;
use arc_swap::ArcSwapOption;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Runs a [`ControlCore`]: hands rows to the lane, publishes, answers.
struct ControlActor {
    core: ControlCore,
    lane: LaneHandle,
    next_batch: BatchId,
    shared: Arc<ArcSwapOption<ControlSnapshot>>,
    token_key: [u8; 32],
    /// The caller that starts the node, until the first snapshot is published.
    starter: Option<oneshot::Sender<Result<(), PersistError>>>,
    askers: BTreeMap<RequestId, oneshot::Sender<Result<(), ControlError>>>,
    next_request: u64,
}

/// The control plane of a running node. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    actor: Addr<ControlActor>,
    shared: Arc<ArcSwapOption<ControlSnapshot>>,
    /// What was published at the start, for the type's sake: `shared` is never empty afterwards.
    first: Arc<ControlSnapshot>,
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
        let core = ControlCore::load(options.node, options.replication_factor, rows)?;
        let shared = Arc::new(ArcSwapOption::empty());
        let (sender, receiver) = oneshot::channel();
        let actor = ControlActor {
            core,
            lane,
            next_batch: BatchId(0),
            shared: Arc::clone(&shared),
            token_key: options.token_key,
            starter: Some(sender),
            askers: BTreeMap::new(),
            next_request: 0,
        };
        let actor = actor.start();
        receiver.await.map_err(|_| StartError::Stopped)??;
        let first = shared.load_full().ok_or(StartError::Stopped)?;
        Ok(Control { actor, shared, first })
    }

    /// The newest snapshot. Hold it for one request, so that the request sees one state of affairs.
    pub fn snapshot(&self) -> Arc<ControlSnapshot> {
        self.shared.load_full().unwrap_or_else(|| Arc::clone(&self.first))
    }

    /// Asks for a change; on `Ok` it is durable and every later [`Control::snapshot`] has it.
    ///
    /// # Errors
    /// [`ControlError`] says why the change was not made.
    pub async fn change(&self, command: Command) -> Result<(), ControlError> {
        self.actor.send(Change(command)).await.unwrap_or(Err(ControlError::Stopped))
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

#[derive(Message)]
#[rtype(result = "Result<(), ControlError>")]
struct Change(Command);

impl Actor for ControlActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.run(Event::Start { token_key: self.token_key }, context);
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

impl ControlActor {
    fn run(&mut self, event: Event, context: &mut Context<Self>) {
        for effect in self.core.step(wall_now(), event) {
            match effect {
                Effect::Persist { rows, grows } => self.persist(rows, grows, context),
                Effect::Publish(snapshot) => {
                    self.shared.store(Some(snapshot));
                    self.report_start(Ok(()));
                }
                Effect::Answer { request, result } => {
                    // A caller that has hung up needs no answer.
                    let _ = self.askers.remove(&request).map(|asker| asker.send(result));
                }
            }
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
