//! One run: a node, its disk and its clients, all driven by one seed.

use crate::client::{Client, Habits};
use crate::disk::{Disk, Durability};
use crate::invariants::{Violation, rest};
use crate::limits::{JOURNAL_BYTES, page_limits};
use crate::node::Node;
use crate::oracle::{Oracle, WriteId};
use crate::random::Random;
use crate::scheduler::Scheduler;
use crate::shape::{Part, Shape};
use crate::token::SentToken;
use crate::trace::Trace;
use crate::upkeep::{Pace, Upkeep};
use std::panic::{AssertUnwindSafe, catch_unwind};
use troupe_actors::clock::WallMs;
use troupe_actors::mutation::{Mutation, turn_on};
use troupe_actors::replication::page::PageLimits;
use troupe_actors::store::Epoch;
use troupe_actors::store::lane::PersistError;

/// Names what a client waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct RequestNumber(pub(crate) u64);

/// Everything that can be under way. What belongs to a node carries the node's life: after a crash it arrives nowhere.
pub(crate) enum Message {
    /// A client has thought about what to do next.
    ClientActs(usize),
    /// An answer reaches its client.
    Reply(usize, RequestNumber, crate::client::Reply),
    /// Something inside a node.
    Inside(u64, crate::node::Inside),
    /// A store does something beside its writers.
    Upkeep(u64, Upkeep),
    /// The environment fails, or heals.
    Fault,
    /// A node that is down comes up again.
    Start,
    /// The last client writes, when all others are done.
    LastWrite(Vec<(WriteId, Option<SentToken>)>),
}

/// How a run ended.
pub(crate) struct Outcome {
    pub(crate) trace: Trace,
    pub(crate) violation: Option<Violation>,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) scheduler: Scheduler<Message>,
    pub(crate) trace: Trace,
    pub(crate) oracle: Oracle,
    pub(crate) disk: Disk,
    pub(crate) node: Option<Node>,
    pub(crate) shape: Shape,
    pub(crate) habits: Habits,
    pub(crate) page_limits: PageLimits,
    pub(crate) pace: Pace,
    pub(crate) clients: Vec<Client>,
    /// How many nodes there were.
    pub(crate) lives: u64,
    /// How far the wall clock is off.
    pub(crate) clock_skew_ms: u64,
    /// Requests that clients may still make.
    pub(crate) requests_left: u32,
    pub(crate) requests_made: u64,
    /// How often the disk went back to an older state.
    pub(crate) timeline: u64,
    /// Commits so far.
    pub(crate) commits: u64,
    /// Batches on disk of which their shard has not heard yet.
    pub(crate) unheard: usize,
}

/// Runs one seed to its end.
pub(crate) fn run(seed: u64, mutation: Option<Mutation>, shape: &Shape, is_recorded: bool) -> Outcome {
    turn_on(mutation);
    let mut random = Random::new(seed);
    let epoch = Epoch(random.next());
    let is_relaxed = random.percent(25) && shape.has(Part::RelaxedJournals);
    let durability = if is_relaxed { Durability::Relaxed } else { Durability::Commit };
    let capacity = *random.pick(&JOURNAL_BYTES);
    let requests_left = (random.between(20, 200) as u32).min(shape.requests_max);
    let mut world = World {
        scheduler: Scheduler::new(),
        trace: Trace::new(is_recorded),
        oracle: Oracle::default(),
        disk: Disk::new(epoch, durability, capacity),
        node: None,
        shape: shape.clone(),
        habits: Habits::drawn(&mut random),
        page_limits: page_limits(&mut random),
        pace: Pace::drawn(&mut random),
        clients: Client::crowd(&mut random),
        lives: 0,
        clock_skew_ms: random.between(1_000_000, 2_000_000),
        requests_left,
        requests_made: 0,
        timeline: 0,
        commits: 0,
        unheard: 0,
        random,
    };
    let violation = match catch_unwind(AssertUnwindSafe(|| world.live())) {
        Ok(outcome) => outcome.err(),
        Err(panic) => Some(rest::panicked(&*panic)),
    };
    turn_on(None);
    Outcome { trace: world.trace, violation }
}

impl World {
    fn live(&mut self) -> Result<(), Violation> {
        self.open_node()?;
        for client in 0..self.clients.len() {
            let delay_us = self.random.between(0, 5_000);
            self.scheduler.send(delay_us, Message::ClientActs(client));
        }
        self.schedule_fault();
        self.come_to_rest()?;
        self.check_rest()?;
        let last = self.write_once_more()?;
        self.come_to_rest()?;
        rest::check_taken(&self.oracle, &last)?;
        self.check_rest()?;
        self.delete_on_a_full_disk()
    }

    pub(crate) fn come_to_rest(&mut self) -> Result<(), Violation> {
        let mut messages = 0;
        while let Some(message) = self.scheduler.next() {
            messages += 1;
            rest::check_end(messages)?;
            self.deliver(message)?;
            self.stop_if_drained()?;
        }
        Ok(())
    }

    fn deliver(&mut self, message: Message) -> Result<(), Violation> {
        match message {
            Message::ClientActs(client) => self.client_acts(client),
            Message::Reply(client, request, reply) => self.client_hears(client, request, reply),
            Message::Inside(life, inside) => self.node_does(life, inside),
            Message::Upkeep(life, upkeep) => self.upkeep(life, upkeep),
            Message::Fault => self.fault(),
            Message::Start => self.start(),
            Message::LastWrite(writes) => self.last_client_writes(writes),
        }
    }

    /// Whether clients have stopped making trouble and everything may come to rest.
    pub(crate) fn is_settling(&self) -> bool {
        self.requests_left == 0
    }

    pub(crate) fn wall(&self) -> WallMs {
        WallMs(self.clock_skew_ms + self.scheduler.now_us() / 1000)
    }

    pub(crate) fn note(&mut self, what: &'static str, numbers: &[u64]) {
        self.trace.note(self.scheduler.now_us(), what, numbers);
    }

    /// How long a message between two actors takes: mostly next to nothing, now and then longer than a commit.
    pub(crate) fn hop_us(&mut self) -> u64 {
        let hop_us = match self.random.below(10) {
            0 => self.random.between(0, 5_000),
            1..4 => self.random.between(0, 300),
            _ => self.random.between(0, 20),
        };
        if self.shape.has(Part::SlowMessages) { hop_us } else { hop_us % 20 }
    }
}

/// The outcome of a batch, as a number for the trace.
pub(crate) fn outcome_number(outcome: &Result<(), PersistError>) -> u64 {
    match outcome {
        Ok(()) => 0,
        Err(PersistError::Full(_)) => 1,
        Err(PersistError::Fenced) => 2,
        Err(PersistError::Broken(_) | PersistError::Stopping) => 3,
    }
}
