mod applying;
mod confirm;
mod exchange;
mod heard;

use super::change;
use super::command::{Command, ControlError};
use super::digests::Digests;
use super::entities::{ClusterSecret, Secrets};
use super::event::{Effect, Event, RequestId};
use super::merge::{Latest, Merge, Stamp};
use super::message::{ControlMessage, Envelope};
use super::rows::{Row, RowError, acceptor_row, read_acceptor};
use super::snapshot::ControlSnapshot;
use super::state::ControlState;
use crate::clock::WallMs;
use crate::ids::NodeId;
use crate::layout::decree::{Acceptor, DecreeMessage};
use crate::layout::{Held, Incarnation, Layout, ShardSet, Tracker};
use crate::limits::{CLOCK_PULL_MAX_MS, CONTROL_INBOX_MAX, CONTROL_QUEUE_MAX};
use crate::mutation::{Mutation, is_on};
use crate::store::lane::PersistError;
use applying::Applying;
use confirm::Confirming;
use exchange::Summaries;
use heard::Heard;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What waits for the disk.
#[derive(Debug)]
enum Job {
    Command {
        request: RequestId,
        command: Command,
    },
    /// Rows of a peer.
    Take {
        from: NodeId,
        change: Option<u64>,
        state: Box<ControlState>,
    },
    /// A question of a proposer to this node's acceptor.
    Ask {
        from: NodeId,
        question: DecreeMessage,
    },
    /// A change that the node makes by itself.
    Own(Own),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Secret,
    Incarnation,
    Progress,
    Synced { version: u64, shards: ShardSet },
    Passed,
}

/// A change on its way to disk.
#[derive(Debug)]
struct InFlight {
    delta: ControlState,
    acceptor: Option<Acceptor>,
    then: Then,
}

/// What follows once a change is durable.
#[derive(Debug)]
enum Then {
    /// Tell the others, and the caller once enough of them have it.
    Confirm { request: RequestId, by_all: bool },
    /// Tell the others.
    Spread,
    /// Tell who sent it.
    Hold { to: NodeId, change: Option<u64> },
    /// Answer a proposer.
    Say { to: NodeId, answer: DecreeMessage },
}

/// The control plane of one node: makes changes one after the other, each durable before anybody sees it, and keeps the
/// same state as its peers.
#[derive(Debug)]
pub struct ControlCore {
    node: NodeId,
    replication_factor: u8,
    state: ControlState,
    layout: Layout,
    digests: Digests,
    /// How long the durable rows are, by key.
    row_bytes: BTreeMap<Vec<u8>, usize>,
    acceptor: Acceptor,
    clock_ms: u64,
    uptime_ms: u64,
    token_key: [u8; 32],
    incarnation: Incarnation,
    /// Whether the state may be believed to be the cluster's: a node that joins has to ask first.
    has_joined: bool,
    held: Held,
    in_flight: Option<InFlight>,
    waiting: VecDeque<Job>,
    linked: BTreeSet<NodeId>,
    confirming: Confirming,
    applying: Option<Applying>,
    heard: Heard,
    /// The peer that the last exchange was begun with, and when.
    exchanged: (NodeId, u64),
    summaries: Summaries,
}

impl ControlCore {
    /// Takes up what was persisted.
    ///
    /// # Errors
    /// [`RowError`] if a row cannot be understood; the node must not start then.
    pub fn load(node: NodeId, replication_factor: u8, rows: &[Row]) -> Result<ControlCore, RowError> {
        let state = ControlState::from_rows(rows)?;
        Ok(ControlCore {
            node,
            replication_factor,
            layout: state.layout(),
            digests: Digests::of(&state.to_rows()),
            row_bytes: rows.iter().map(|(key, value)| (key.clone(), value.len())).collect(),
            acceptor: read_acceptor(rows)?,
            clock_ms: state.newest_ms(),
            state,
            uptime_ms: 0,
            token_key: [0; 32],
            incarnation: Incarnation(0),
            has_joined: true,
            held: Held::NOTHING,
            in_flight: None,
            waiting: VecDeque::new(),
            linked: BTreeSet::new(),
            confirming: Confirming::default(),
            applying: None,
            heard: Heard::default(),
            exchanged: (node, 0),
            summaries: Summaries::default(),
        })
    }

    /// Takes one event in.
    pub fn step(&mut self, now: WallMs, event: Event) -> Vec<Effect> {
        let mut effects = match event {
            Event::Start { token_key, incarnation, has_peers } => {
                self.start(now, token_key, incarnation, has_peers)
            }
            Event::Command { request, command } => self.enqueue(request, command),
            Event::Persisted => self.finish(now),
            Event::PersistFailed(error) => self.give_up(now, error),
            Event::Received { from, envelope } => self.receive(now, from, envelope),
            Event::Link { peer, is_up } => self.link(now, peer, is_up),
            Event::Tick { uptime_ms } => self.tick(now, uptime_ms),
            Event::Held(held) => {
                self.held = held;
                self.wait_for_own(Own::Progress)
            }
            Event::Synced { version, shards } => self.wait_for_own(Own::Synced { version, shards }),
        };
        effects.extend(self.advance(now));
        effects.extend(self.report());
        effects
    }

    fn start(
        &mut self,
        now: WallMs,
        token_key: [u8; 32],
        incarnation: Incarnation,
        has_peers: bool,
    ) -> Vec<Effect> {
        self.clock_ms = self.clock_ms.min(now.0.saturating_add(CLOCK_PULL_MAX_MS));
        self.token_key = token_key;
        self.incarnation = incarnation;
        let is_new = self.state.secrets.oldest().is_none();
        self.has_joined = !is_new || !has_peers;
        if is_new && self.has_joined {
            return self.wait_for_own(Own::Secret);
        }
        let mut effects = vec![self.publish()];
        effects.extend(self.wait_for_own(Own::Incarnation));
        effects
    }

    fn enqueue(&mut self, request: RequestId, command: Command) -> Vec<Effect> {
        let commands = self.waiting.iter().filter(|job| matches!(job, Job::Command { .. })).count();
        if commands >= CONTROL_QUEUE_MAX {
            return vec![Effect::Answer { request, result: Err(ControlError::Busy) }];
        }
        self.waiting.push_back(Job::Command { request, command });
        Vec::new()
    }

    fn wait_for_own(&mut self, own: Own) -> Vec<Effect> {
        let is_waiting = self.waiting.iter().any(|job| matches!(job, Job::Own(waiting) if *waiting == own));
        if !is_waiting {
            self.waiting.push_back(Job::Own(own));
        }
        Vec::new()
    }

    /// Has what a peer sent wait for the disk, unless too much does.
    fn wait_for_peer(&mut self, job: Job) {
        if self.waiting.len() < CONTROL_INBOX_MAX {
            self.waiting.push_back(job);
        }
    }

    fn finish(&mut self, now: WallMs) -> Vec<Effect> {
        let Some(InFlight { delta, acceptor, then }) = self.in_flight.take() else { return Vec::new() };
        let mut effects = Vec::new();
        let rows = delta.to_rows();
        self.row_bytes.extend(rows.iter().map(|(key, value)| (key.clone(), value.len())));
        if let Some(acceptor) = acceptor {
            let (key, value) = acceptor_row(&acceptor);
            self.row_bytes.insert(key, value.len());
            self.acceptor = acceptor;
        }
        if delta != ControlState::default() {
            self.pull_clock(now, delta.newest_ms());
            self.state.merge_with(&delta);
            self.digests.put(&rows);
            if !(delta.layouts.is_empty()
                && delta.trackers.is_empty()
                && delta.incarnations.is_empty()
                && delta.skipped.is_empty())
            {
                self.layout = self.state.layout();
                effects.extend(self.wait_for_own(Own::Progress));
            }
            effects.push(self.publish());
            effects.extend(self.yield_to_passed(now));
        }
        effects.extend(self.follow(now, then, rows));
        effects
    }

    fn follow(&mut self, now: WallMs, then: Then, rows: Vec<Row>) -> Vec<Effect> {
        match then {
            Then::Confirm { request, by_all } => self.confirm(now, request, by_all, rows),
            Then::Spread => self.spread(now, None, &rows),
            Then::Hold { to, change: Some(change) } => {
                vec![self.send(now, to, ControlMessage::Held { change })]
            }
            Then::Hold { to, change: None } => self.summarise_paced(now, to),
            Then::Say { to, answer } => self.say(now, to, answer),
        }
    }

    fn give_up(&mut self, now: WallMs, error: PersistError) -> Vec<Effect> {
        if is_on(Mutation::RefusedChangeMade) {
            return self.finish(now);
        }
        let Some(InFlight { then, .. }) = self.in_flight.take() else { return Vec::new() };
        match then {
            Then::Confirm { request, .. } => {
                vec![Effect::Answer { request, result: Err(ControlError::from(error)) }]
            }
            // Nobody waits for these: they come again.
            Then::Spread | Then::Hold { .. } | Then::Say { .. } => Vec::new(),
        }
    }

    /// Works off what waits until something needs the disk.
    fn advance(&mut self, now: WallMs) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.in_flight.is_none()
            && let Some(job) = self.waiting.pop_front()
        {
            match job {
                Job::Command { request, command } => effects.extend(self.carry_out(now, request, command)),
                Job::Take { from, change, state } => {
                    effects.extend(self.persist(&state, Then::Hold { to: from, change }, now));
                }
                Job::Ask { from, question } => effects.extend(self.ask_acceptor(now, from, question)),
                Job::Own(own) => {
                    let delta = self.own_delta(now, own);
                    effects.extend(self.persist(&delta, Then::Spread, now));
                }
            }
        }
        effects
    }

    fn carry_out(&mut self, now: WallMs, request: RequestId, command: Command) -> Vec<Effect> {
        let stamp = self.next_stamp(now);
        let by_all = matches!(command, Command::CloseBucket { .. });
        if let Command::ApplyLayout { version } = command {
            return self.apply(now, stamp, request, version);
        }
        match change::delta_of(&self.state, stamp, command) {
            Ok(delta) => {
                let mut effects = self.persist(&delta, Then::Confirm { request, by_all }, now);
                if is_on(Mutation::PublishBeforePersist) && self.in_flight.is_some() {
                    effects.extend(self.finish(now));
                }
                effects
            }
            Err(error) => vec![Effect::Answer { request, result: Err(error) }],
        }
    }

    /// Persists what `delta` changes. Without a change, what follows follows at once.
    fn persist(&mut self, delta: &ControlState, then: Then, now: WallMs) -> Vec<Effect> {
        let delta = self.state.gain(delta);
        let rows = delta.to_rows();
        if rows.is_empty() {
            return match then {
                Then::Confirm { request, .. } => vec![Effect::Answer { request, result: Ok(()) }],
                Then::Spread => Vec::new(),
                then @ (Then::Hold { .. } | Then::Say { .. }) => self.follow(now, then, rows),
            };
        }
        self.in_flight = Some(InFlight { delta, acceptor: None, then });
        vec![self.persist_effect(rows)]
    }

    fn persist_effect(&self, rows: Vec<Row>) -> Effect {
        let grows =
            rows.iter().any(|(key, value)| self.row_bytes.get(key).is_none_or(|bytes| value.len() > *bytes));
        Effect::Persist { rows, grows }
    }

    /// What the node changes by itself, by what it knows now.
    fn own_delta(&mut self, now: WallMs, own: Own) -> ControlState {
        let mut delta = ControlState::default();
        match own {
            Own::Secret => {
                let secret = ClusterSecret { drawn: self.next_stamp(now), token_key: self.token_key };
                if self.state.secrets.oldest().is_none() {
                    delta.secrets = Secrets::from_iter([secret]);
                }
            }
            Own::Incarnation => {}
            Own::Progress => {
                let tracker = self.layout.to_say(self.node, self.held);
                if tracker != Tracker::default() {
                    delta.trackers.insert((self.node, self.incarnation), tracker);
                }
            }
            Own::Synced { version, shards } if self.layout.sync_version() == Some(version) => {
                let synced = BTreeMap::from([(version, shards)]);
                delta
                    .trackers
                    .insert((self.node, self.incarnation), Tracker { synced, ..Tracker::default() });
            }
            // The layout went on meanwhile: the comparison is made again for the version of now.
            Own::Synced { .. } => {}
            Own::Passed => delta = self.take_passed(now),
        }
        let current = self.state.incarnations.get(&self.node).cloned();
        let is_new = current.as_ref().is_none_or(|current| *current.get() != self.incarnation);
        if is_new && self.has_joined && (own_needs_incarnation(&delta) || self.layout.has_role(self.node)) {
            let stamp = self.next_stamp(now);
            delta.incarnations.insert(self.node, Latest::after(current.as_ref(), stamp, self.incarnation));
        }
        delta
    }

    fn publish(&self) -> Effect {
        Effect::Publish(Arc::new(ControlSnapshot::of(&self.state, &self.token_key, &self.layout)))
    }

    fn send(&self, now: WallMs, to: NodeId, message: ControlMessage) -> Effect {
        let cluster = self.state.cluster_id();
        Effect::Send { to, envelope: Envelope { cluster, wall_ms: now.0, message } }
    }

    /// A stamp above every stamp seen so far, near the wall clock otherwise (a hybrid logical clock).
    fn next_stamp(&mut self, now: WallMs) -> Stamp {
        self.clock_ms = now.0.max(self.clock_ms.saturating_add(1));
        Stamp { time_ms: self.clock_ms, node: self.node }
    }

    /// A stamp was seen. One that is far ahead pulls the clock along only so far: what it stamps is changed by stamps of
    /// its own ([`Latest::after`]).
    fn pull_clock(&mut self, now: WallMs, seen_ms: u64) {
        let bound_ms = now.0.saturating_add(CLOCK_PULL_MAX_MS);
        self.clock_ms = self.clock_ms.max(seen_ms.min(bound_ms));
    }

    /// The nodes with a role in the newest version.
    fn voters(&self) -> BTreeSet<NodeId> {
        self.layout.version().roles.keys().copied().collect()
    }
}

fn own_needs_incarnation(delta: &ControlState) -> bool {
    !delta.trackers.is_empty()
}
