use super::change;
use super::command::{Command, ControlError};
use super::entities::ClusterSecret;
use super::merge::{Merge, Stamp};
use super::rows::{Row, RowError};
use super::snapshot::ControlSnapshot;
use super::state::ControlState;
use crate::clock::WallMs;
use crate::ids::NodeId;
use crate::limits::CONTROL_QUEUE_MAX;
use crate::mutation::{Mutation, is_on};
use crate::store::lane::PersistError;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Identifies one command between the core and the caller that waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What happens to the control plane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The node starts. The key is freshly drawn, and used if the cluster has none yet.
    Start {
        /// 32 random bytes.
        token_key: [u8; 32],
    },
    /// Somebody asks for a change.
    Command {
        /// Whom to answer.
        request: RequestId,
        /// What they want.
        command: Command,
    },
    /// The rows of the last [`Effect::Persist`] are durable.
    Persisted,
    /// The rows of the last [`Effect::Persist`] are not known to be stored.
    PersistFailed(PersistError),
}

/// What the shell has to do, in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Make these rows durable in one transaction, then report [`Event::Persisted`] or [`Event::PersistFailed`].
    /// Until then there is no other `Persist`.
    Persist {
        /// The new rows, each in the place of the one under its key.
        rows: Vec<Row>,
        /// Whether a row is new, or longer than the one in its place: a full store refuses such a change, and no other.
        grows: bool,
    },
    /// Let every request from now on see this. Everything in it is durable.
    Publish(Arc<ControlSnapshot>),
    /// Answer the caller. What an `Ok` answers is durable and published.
    Answer {
        /// Whom to answer.
        request: RequestId,
        /// How it went.
        result: Result<(), ControlError>,
    },
}

/// A change on its way to disk.
#[derive(Debug)]
struct InFlight {
    delta: ControlState,
    /// `None` for what the node does by itself.
    request: Option<RequestId>,
}

/// The control plane of one node: makes changes one after the other, each durable before anybody sees it.
#[derive(Debug)]
pub struct ControlCore {
    node: NodeId,
    replication_factor: u8,
    state: ControlState,
    clock_ms: u64,
    in_flight: Option<InFlight>,
    waiting: VecDeque<(RequestId, Command)>,
    /// How long the durable rows are, by key.
    row_bytes: BTreeMap<Vec<u8>, usize>,
}

impl ControlCore {
    /// Takes up what was persisted.
    ///
    /// # Errors
    /// [`RowError`] if a row cannot be understood; the node must not start then.
    pub fn load(node: NodeId, replication_factor: u8, rows: &[Row]) -> Result<ControlCore, RowError> {
        let state = ControlState::from_rows(rows)?;
        let clock_ms = state.newest_ms();
        let row_bytes = rows.iter().map(|(key, value)| (key.clone(), value.len())).collect();
        let (in_flight, waiting) = (None, VecDeque::new());
        Ok(ControlCore { node, replication_factor, state, clock_ms, in_flight, waiting, row_bytes })
    }

    /// Takes one event in.
    pub fn step(&mut self, now: WallMs, event: Event) -> Vec<Effect> {
        match event {
            Event::Start { token_key } => self.start(now, token_key),
            Event::Command { request, command } => self.enqueue(now, request, command),
            Event::Persisted => self.finish(now),
            Event::PersistFailed(error) => self.give_up(now, error),
        }
    }

    fn start(&mut self, now: WallMs, token_key: [u8; 32]) -> Vec<Effect> {
        if let Some(snapshot) = ControlSnapshot::of(&self.state) {
            return vec![Effect::Publish(Arc::new(snapshot))];
        }
        let cluster_secret = Some(ClusterSecret { drawn: self.next_stamp(now), token_key });
        let delta = ControlState { cluster_secret, ..ControlState::default() };
        vec![self.persist(delta, None)]
    }

    fn enqueue(&mut self, now: WallMs, request: RequestId, command: Command) -> Vec<Effect> {
        if self.waiting.len() >= CONTROL_QUEUE_MAX {
            return vec![Effect::Answer { request, result: Err(ControlError::Busy) }];
        }
        self.waiting.push_back((request, command));
        self.advance(now)
    }

    fn finish(&mut self, now: WallMs) -> Vec<Effect> {
        let Some(InFlight { delta, request }) = self.in_flight.take() else { return Vec::new() };
        self.state.merge_with(&delta);
        self.row_bytes.extend(delta.to_rows().into_iter().map(|(key, value)| (key, value.len())));
        let mut effects = Vec::new();
        effects.extend(ControlSnapshot::of(&self.state).map(|snapshot| Effect::Publish(Arc::new(snapshot))));
        effects.extend(request.map(|request| Effect::Answer { request, result: Ok(()) }));
        effects.extend(self.advance(now));
        effects
    }

    fn give_up(&mut self, now: WallMs, error: PersistError) -> Vec<Effect> {
        if is_on(Mutation::RefusedChangeMade) {
            return self.finish(now);
        }
        let Some(InFlight { request, .. }) = self.in_flight.take() else { return Vec::new() };
        let result = Err(ControlError::from(error));
        let mut effects: Vec<_> =
            request.map(|request| Effect::Answer { request, result }).into_iter().collect();
        effects.extend(self.advance(now));
        effects
    }

    /// Answers waiting commands until one needs the disk.
    fn advance(&mut self, now: WallMs) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.in_flight.is_none()
            && let Some((request, command)) = self.waiting.pop_front()
        {
            let stamp = self.next_stamp(now);
            match change::delta_of(&self.state, stamp, self.replication_factor, command) {
                Ok(delta) if delta == ControlState::default() => {
                    effects.push(Effect::Answer { request, result: Ok(()) });
                }
                Ok(delta) if is_on(Mutation::PublishBeforePersist) => {
                    let persist = self.persist(delta, Some(request));
                    effects.extend(self.finish(now));
                    effects.insert(0, persist);
                }
                Ok(delta) => effects.push(self.persist(delta, Some(request))),
                Err(error) => effects.push(Effect::Answer { request, result: Err(error) }),
            }
        }
        effects
    }

    fn persist(&mut self, delta: ControlState, request: Option<RequestId>) -> Effect {
        let rows = delta.to_rows();
        let grows = rows.iter().any(|(key, value)| {
            self.row_bytes.get(key).is_none_or(|replaced_bytes| value.len() > *replaced_bytes)
        });
        self.in_flight = Some(InFlight { delta, request });
        Effect::Persist { rows, grows }
    }

    /// A stamp above every stamp seen so far, near the wall clock otherwise (a hybrid logical clock).
    fn next_stamp(&mut self, now: WallMs) -> Stamp {
        self.clock_ms = now.0.max(self.clock_ms.saturating_add(1));
        Stamp { time_ms: self.clock_ms, node: self.node }
    }
}
