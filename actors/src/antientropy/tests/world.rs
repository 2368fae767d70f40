//! Nodes with one shard each, the links between them, and the disks that may lose what they held.

use super::replica::{Disk, TestReplica, shard};
use crate::antientropy::{
    Answer, AnswerLimits, AskId, Effect, EntropyCore, EntropyLimits, EntropyView, Event, Held, MergeId,
    Question, Rate, RequestId, ShardView,
};
use crate::causality::Context;
use crate::ids::NodeId;
use crate::limits::ENTROPY_TICK_MS;
use crate::shard::{ItemState, States};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// How long tombstones are kept in the tests.
pub(super) const DELAY_MS: u64 = 3_000;

pub(super) fn limits() -> EntropyLimits {
    EntropyLimits {
        interval_ms: 1_000,
        retry_ms: 150,
        recheck_ms: 60,
        ask_ms: 500,
        rounds_max: 2,
        answers: AnswerLimits { list_rows: 2, scan_rows: 4, look_rows: 3, states_bytes: 120 },
        rate: Rate { bytes_per_s: 1 << 20, items_per_s: 1_000 },
    }
}

pub(super) fn id(node: usize) -> NodeId {
    NodeId([u8::try_from(node).unwrap() + 1; 32])
}

pub(super) struct Node {
    pub(super) core: EntropyCore,
    pub(super) replica: TestReplica,
    pub(super) held: Held,
    pub(super) boot: u64,
    /// Changes with every loss of memory: acks of an earlier one are void.
    pub(super) incarnation: u64,
    pub(super) image: Option<Disk>,
    pub(super) down_until_ms: u64,
    next_tick_ms: u64,
    pub(super) merges: Vec<(u64, MergeId)>,
    /// What is told to the coordinator of a write once a batch is stored.
    pub(super) acks: Vec<(u64, usize)>,
    pub(super) is_being_removed: bool,
}

enum Letter {
    Question { ask: AskId, question: Vec<u8> },
    Answer { ask: AskId, answer: Option<(Vec<u8>, u64)> },
    Write { write: usize, clock: Context, state: ItemState },
    Ack { write: usize, incarnation: u64 },
}

struct Envelope {
    from: usize,
    to: usize,
    /// Which run of the sender and of the receiver: a link does not outlive either.
    boots: (u64, u64),
    due_ms: u64,
    letter: Letter,
}

/// Who asked, and when the one that was asked must have answered.
type Requests = BTreeMap<RequestId, (usize, AskId, usize)>;

pub(super) struct World {
    pub(super) rng: StdRng,
    pub(super) now_ms: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) versions: Vec<(u64, BTreeSet<usize>)>,
    pub(super) acked: u64,
    /// Of a hundred messages.
    pub(super) lost: u32,
    post: Vec<Envelope>,
    requests: Requests,
    next_request: u64,
    pub(super) next_actor: u64,
    /// Acks that arrived: write, node, incarnation.
    pub(super) arrived: Vec<(usize, usize, u64)>,
    pub(super) bytes: u64,
    pub(super) limits: EntropyLimits,
    pub(super) story: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64, nodes: usize, limits: EntropyLimits) -> World {
        let versions = vec![(1, (0..nodes.min(3)).collect())];
        let mut world = World {
            rng: StdRng::seed_from_u64(seed),
            now_ms: 10_000,
            nodes: Vec::new(),
            versions,
            acked: 1,
            lost: 0,
            post: Vec::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            next_actor: 0,
            arrived: Vec::new(),
            bytes: 0,
            limits,
            story: Vec::new(),
        };
        for node in 0..nodes {
            world.next_actor += 1;
            world.nodes.push(Node {
                core: EntropyCore::new(id(node), 0, limits, []),
                replica: TestReplica::new(world.next_actor),
                held: Held::Absent,
                boot: 0,
                incarnation: 0,
                image: None,
                down_until_ms: 0,
                next_tick_ms: 0,
                merges: Vec::new(),
                acks: Vec::new(),
                is_being_removed: false,
            });
        }
        world.lay_out();
        for node in 0..nodes {
            world.links_of(node, true);
        }
        world
    }

    pub(super) fn say(&mut self, what: &str) {
        self.story.push(format!("{} {what}", self.now_ms));
    }

    pub(super) fn story(&self) -> String {
        self.story[self.story.len().saturating_sub(80)..].join("\n")
    }

    pub(super) fn members(&self) -> BTreeSet<usize> {
        self.versions.iter().flat_map(|(_, nodes)| nodes).copied().collect()
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn is_up(&self, node: usize) -> bool {
        self.nodes[node].down_until_ms <= self.now_ms
    }

    /// Whether a node's copy counts in read quorums.
    pub(super) fn counts(&self, node: usize) -> bool {
        self.is_up(node) && self.nodes[node].core.is_complete(shard())
    }

    pub(super) fn any_lost_memory(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.core.held(shard()), Held::Amnesiac(_)))
    }

    pub(super) fn is_receiving(&self, node: usize) -> bool {
        matches!(self.nodes[node].held, Held::Receiving(_))
    }

    pub(super) fn accepts(&self, node: usize) -> bool {
        let held = self.nodes[node].held;
        self.is_up(node) && held != Held::Dropping && self.members().contains(&node)
    }

    /// Tells every node the live versions.
    pub(super) fn lay_out(&mut self) {
        for node in 0..self.nodes.len() {
            let view = self.view(node);
            self.step(node, Event::Layout(view));
        }
    }

    pub(super) fn view(&self, node: usize) -> EntropyView {
        let set = |(version, nodes): &(u64, BTreeSet<usize>)| {
            (*version, nodes.iter().map(|node| id(*node)).collect())
        };
        let sets = self.versions.iter().map(set).collect();
        let is_member = self.members().contains(&node);
        let shards = is_member.then_some((shard(), ShardView { sets })).into_iter().collect();
        EntropyView { shards, acked: self.acked }
    }

    pub(super) fn links_of(&mut self, node: usize, is_up: bool) {
        for other in 0..self.nodes.len() {
            if other != node && self.is_up(other) {
                self.step(node, Event::Link { peer: id(other), is_up });
                self.step(other, Event::Link { peer: id(node), is_up });
            }
        }
    }

    pub(super) fn step(&mut self, node: usize, event: Event) {
        let Node { core, replica, .. } = &mut self.nodes[node];
        for effect in core.step(self.now_ms, event, replica) {
            self.run(node, effect);
        }
    }

    fn run(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Ask { ask, peer, question } => {
                let to = self.node_of(peer);
                self.send(node, to, Letter::Question { ask, question: question.encode() });
            }
            Effect::Reply { request, answer } => {
                if let Some((asker, ask, asked)) = self.requests.remove(&request) {
                    let answer = answer.encode();
                    let bytes = answer.len() as u64;
                    self.send(asked, asker, Letter::Answer { ask, answer: Some((answer, bytes)) });
                }
            }
            Effect::Merge { merge, states, .. } => {
                let names: Vec<_> = states.items.iter().map(|state| state.sort_key.as_str()).collect();
                self.story.push(format!("{} node {node} merges {names:?} in a round", self.now_ms));
                let batch = self.nodes[node].replica.merge(&states);
                self.nodes[node].merges.push((batch, merge));
            }
            Effect::RoundStored { end, .. } => self.nodes[node].replica.round_is_stored(&end),
            Effect::Hold { held, .. } => {
                self.story.push(format!("{} node {node} holds the shard as {held:?}", self.now_ms));
                self.nodes[node].held = held;
            }
            Effect::Remove { .. } => self.nodes[node].is_being_removed = true,
        }
    }

    fn node_of(&self, peer: NodeId) -> usize {
        (0..self.nodes.len()).find(|node| id(*node) == peer).unwrap()
    }

    fn send(&mut self, from: usize, to: usize, letter: Letter) {
        self.bytes += match &letter {
            Letter::Question { question, .. } => question.len() as u64,
            Letter::Answer { answer, .. } => answer.as_ref().map_or(0, |(_, bytes)| *bytes),
            Letter::Write { .. } | Letter::Ack { .. } => 0,
        };
        let due_ms = self.now_ms + self.rng.random_range(1..40);
        let boots = (self.nodes[from].boot, self.nodes[to].boot);
        self.post.push(Envelope { from, to, boots, due_ms, letter });
    }

    /// Sends a write's state to the other replicas.
    pub(super) fn send_write(&mut self, from: usize, write: usize, state: &ItemState) {
        let clock = self.nodes[from].replica.clock.shown();
        for to in self.members() {
            if to != from {
                self.send(from, to, Letter::Write { write, clock: clock.clone(), state: state.clone() });
            }
        }
    }

    /// Has the coordinator's own commit count for a write.
    pub(super) fn ack_own(&mut self, node: usize, batch: u64, write: usize) {
        self.nodes[node].acks.push((batch, write));
    }

    /// Lets time pass: what is due happens.
    pub(super) fn pass(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(5) {
            self.now_ms += 5;
            self.wake_nodes();
            let (due, later) = std::mem::take(&mut self.post)
                .into_iter()
                .partition(|envelope: &Envelope| envelope.due_ms <= self.now_ms);
            self.post = later;
            due.into_iter().for_each(|envelope| self.deliver(envelope));
            for node in 0..self.nodes.len() {
                if self.is_up(node) && self.nodes[node].next_tick_ms <= self.now_ms {
                    self.nodes[node].next_tick_ms = self.now_ms + ENTROPY_TICK_MS;
                    self.step(node, Event::Tick);
                    self.remove_rows(node);
                }
                if self.chance(30) {
                    self.commit(node);
                }
            }
        }
    }

    fn deliver(&mut self, envelope: Envelope) {
        let Envelope { from, to, boots, letter, .. } = envelope;
        let is_linked = boots == (self.nodes[from].boot, self.nodes[to].boot);
        let is_lost = self.lost > 0 && self.chance(self.lost);
        let arrives = is_linked && self.is_up(to) && !is_lost;
        match letter {
            Letter::Question { ask, question } if arrives => {
                let request = RequestId(self.next_request);
                self.next_request += 1;
                self.requests.insert(request, (from, ask, to));
                let question = Question::decode(&question).expect("what a core asks can be read");
                self.step(to, Event::Asked { request, from: id(from), question });
            }
            // The link tells that it is down, or the deadline passes.
            Letter::Question { ask, .. } => {
                self.send(to, from, Letter::Answer { ask, answer: None });
            }
            Letter::Answer { ask, answer } => {
                let answer = answer.filter(|_| arrives);
                let bytes = answer.as_ref().map_or(0, |(_, bytes)| *bytes);
                let answer =
                    answer.map(|(answer, _)| Answer::decode(&answer).expect("an answer can be read"));
                if self.nodes[to].boot == boots.1 {
                    self.step(to, Event::Answered { ask, answer, bytes });
                }
            }
            Letter::Write { write, clock, state } => {
                // Late and doubled messages of older links are the worst that can happen to a merge.
                if self.accepts(to) && !is_lost {
                    let states = States { clock: clock.clone(), items: vec![state.clone()] };
                    let batch = self.nodes[to].replica.merge(&states);
                    self.nodes[to].acks.push((batch, write));
                }
                if self.chance(15) {
                    let due_ms = self.now_ms + self.rng.random_range(1..1_500);
                    let letter = Letter::Write { write, clock, state };
                    self.post.push(Envelope { from, to, boots, due_ms, letter });
                }
            }
            Letter::Ack { write, incarnation } => {
                if arrives {
                    self.arrived.push((write, from, incarnation));
                }
            }
        }
    }

    fn wake_nodes(&mut self) {
        for node in 0..self.nodes.len() {
            let down = self.nodes[node].down_until_ms;
            if down > 0 && down <= self.now_ms {
                self.nodes[node].down_until_ms = 0;
                self.links_of(node, true);
            }
        }
    }

    fn commit(&mut self, node: usize) {
        let now_ms = self.now_ms;
        let Some(batch) = self.nodes[node].replica.commit(now_ms) else { return };
        let own = &mut self.nodes[node];
        let incarnation = own.incarnation;
        let (stored, waiting) = own.merges.drain(..).partition(|(last, _)| *last <= batch);
        own.merges = waiting;
        let (acked, waiting) = own.acks.drain(..).partition(|(last, _)| *last <= batch);
        own.acks = waiting;
        let stored: Vec<(u64, MergeId)> = stored;
        for (_, merge) in stored {
            self.step(node, Event::Merged { merge, is_stored: true });
        }
        let acked: Vec<(u64, usize)> = acked;
        for (_, write) in acked {
            let coordinator = self.coordinator_of(write);
            if coordinator == node {
                self.arrived.push((write, node, incarnation));
            } else {
                self.send(node, coordinator, Letter::Ack { write, incarnation });
            }
        }
    }

    fn coordinator_of(&self, write: usize) -> usize {
        // Writes are numbered so that their coordinator can be told.
        write % self.nodes.len()
    }
}
