//! One run of a cluster: its machines, what is under way between them, and its clients, all driven by one seed.

use super::client::{Client, Habits, Reply};
use super::frame::Frame;
use super::layout::Layout;
use super::machine::{Inside, Machine};
use super::network::Network;
use super::promises::Promises;
use crate::invariants::{Violation, rest};
use crate::limits::page_limits;
use crate::oracle::Oracle;
use crate::random::Random;
use crate::scheduler::Scheduler;
use crate::shape::{Part, Shape};
use crate::trace::Trace;
use crate::world::{Outcome, RequestNumber};
use std::panic::{AssertUnwindSafe, catch_unwind};
use troupe_actors::clock::WallMs;
use troupe_actors::mutation::{Mutation, turn_on};
use troupe_actors::replication::page::PageLimits;

/// Everything that can be under way.
pub(crate) enum Message {
    /// A client has thought about what to do next.
    ClientActs(usize),
    /// An answer reaches its client.
    Reply(usize, RequestNumber, Reply),
    /// Something reaches a node from another one.
    Frame(Frame),
    /// Something inside one life of a node.
    Inside(usize, u64, Inside),
    /// Two replicas compare a shard.
    Round,
    /// Something breaks, or heals.
    Fault,
    /// A node that is down comes up again.
    Start(usize),
}

/// Deliveries that keep their order: between a shard and the lane of one node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    ShardToLane { node: usize, shard: usize },
    LaneToShard { node: usize, shard: usize },
}

pub(crate) struct Cluster {
    pub(super) random: Random,
    pub(super) scheduler: Scheduler<Message, Channel>,
    pub(super) trace: Trace,
    pub(super) oracle: Oracle,
    pub(super) promises: Promises,
    pub(super) machines: Vec<Machine>,
    pub(super) network: Network,
    pub(super) shape: Shape,
    pub(super) habits: Habits,
    pub(super) clients: Vec<Client>,
    /// Requests that clients may still make.
    pub(super) requests_left: u32,
    pub(super) requests_made: u64,
    pub(super) layout: Layout,
    pub(super) page_limits: PageLimits,
    /// Questions that nodes asked each other.
    pub(super) calls_made: u64,
    /// Rounds of anti-entropy that a replica took part in.
    pub(super) rounds_made: u64,
}

/// Runs one seed to its end.
pub(crate) fn run(seed: u64, mutation: Option<Mutation>, shape: &Shape, is_recorded: bool) -> Outcome {
    turn_on(mutation);
    let mut random = Random::new(seed);
    let requests_left = (random.between(20, 150) as u32).min(shape.requests_max);
    let machines = Machine::several(&mut random);
    let layout = Layout::new(machines.len(), &mut random);
    let mut cluster = Cluster {
        scheduler: Scheduler::new(),
        trace: Trace::new(is_recorded),
        oracle: Oracle::default(),
        promises: Promises::default(),
        network: Network::new(&mut random),
        machines,
        shape: shape.clone(),
        habits: Habits::drawn(&mut random),
        clients: Client::crowd(&mut random),
        requests_left,
        requests_made: 0,
        layout,
        page_limits: page_limits(&mut random),
        calls_made: 0,
        rounds_made: 0,
        random,
    };
    let violation = match catch_unwind(AssertUnwindSafe(|| cluster.live())) {
        Ok(outcome) => outcome.err(),
        Err(panic) => Some(rest::panicked(&*panic)),
    };
    turn_on(None);
    Outcome { trace: cluster.trace, violation }
}

impl Cluster {
    fn live(&mut self) -> Result<(), Violation> {
        for node in 0..self.machines.len() {
            self.open(node)?;
        }
        for client in 0..self.clients.len() {
            let delay_us = self.random.between(0, 5_000);
            self.scheduler.send(delay_us, Message::ClientActs(client));
        }
        self.schedule_fault();
        self.come_to_rest()?;
        self.calm()
    }

    pub(super) fn come_to_rest(&mut self) -> Result<(), Violation> {
        let mut messages = 0;
        while let Some(message) = self.scheduler.next() {
            messages += 1;
            rest::check_end(messages)?;
            self.deliver(message)?;
        }
        Ok(())
    }

    fn deliver(&mut self, message: Message) -> Result<(), Violation> {
        match message {
            Message::ClientActs(client) => self.client_acts(client),
            Message::Reply(client, request, reply) => {
                self.client_hears(client, request, reply);
                Ok(())
            }
            Message::Frame(frame) => self.frame_arrives(frame),
            Message::Inside(node, life, inside) => self.node_does(node, life, inside),
            Message::Round => {
                self.any_round();
                Ok(())
            }
            Message::Fault => self.fault(),
            Message::Start(node) => self.start(node),
        }
    }

    /// Whether clients have stopped making trouble and everything may come to rest.
    pub(super) fn is_settling(&self) -> bool {
        self.requests_left == 0
    }

    /// What a node's clock says.
    pub(super) fn wall(&self, node: usize) -> WallMs {
        self.machines[node].wall(self.scheduler.now_us())
    }

    pub(super) fn note(&mut self, what: &'static str, numbers: &[u64]) {
        self.trace.note(self.scheduler.now_us(), what, numbers);
    }

    /// How long a message between two actors of one node takes.
    pub(super) fn hop_us(&mut self) -> u64 {
        let hop_us = match self.random.below(10) {
            0 => self.random.between(0, 5_000),
            1..4 => self.random.between(0, 300),
            _ => self.random.between(0, 20),
        };
        if self.shape.has(Part::SlowMessages) { hop_us } else { hop_us % 20 }
    }

    pub(super) fn inside(&mut self, node: usize, delay_us: u64, inside: Inside) {
        let life = self.machines[node].life;
        self.scheduler.send(delay_us, Message::Inside(node, life, inside));
    }

    pub(super) fn inside_on(&mut self, channel: Channel, node: usize, delay_us: u64, inside: Inside) {
        let life = self.machines[node].life;
        self.scheduler.send_on(channel, delay_us, Message::Inside(node, life, inside));
    }
}
