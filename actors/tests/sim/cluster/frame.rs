//! What nodes say to each other: questions, and the answers that find their way back to what waits for them.

use super::machine::Inside;
use super::ranges::{PageAsk, PageNumber};
use super::rounds::{Began, Side};
use super::shards::Origin;
use super::world::{Cluster, Message};
use crate::invariants::Violation;
use crate::keyspace::ItemIndex;
use crate::oracle::{History, WriteId};
use crate::shape::Part;
use crate::world::RequestNumber;
use troupe_actors::causality::Context;
use troupe_actors::ids::NodeId;
use troupe_actors::replication::coordinator::Outcome;
use troupe_actors::replication::item_state::ReplicaItem;
use troupe_actors::replication::merged::ReplicaPage;
use troupe_actors::replication::message::WriteRefusal;
use troupe_actors::shard::{Event, States};
use troupe_actors::store::lane::BatchId;
use troupe_actors::transport::{RequestError, UnknownOutcome};

/// How long an answer is waited for.
const DEADLINE_US: u64 = 400_000;

/// Names a question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct CallNumber(pub(crate) u64);

/// Something on its way from one node to another.
#[derive(Clone)]
pub(crate) struct Frame {
    from: usize,
    /// Which life of the sender: what an earlier one said is nothing to those who are connected with a later one.
    life: u64,
    to: usize,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Ask(CallNumber, Ask),
    Answer(CallNumber, Answer),
}

/// A question.
#[derive(Clone)]
pub(crate) enum Ask {
    /// Writes of one shard, with what their tokens cover.
    Coordinate { shard: usize, writes: Vec<(WriteId, Context)> },
    /// States to be merged, and what the oracle says they know.
    Merge { shard: usize, states: States, known: Vec<(ItemIndex, History)> },
    /// One item.
    State(ItemIndex),
    /// The hash of one item.
    Hash(ItemIndex),
    /// A page of a range.
    Page(PageAsk),
    /// A round of anti-entropy.
    Compare { shard: usize, side: Box<Side> },
}

/// An answer.
#[derive(Clone)]
pub(crate) enum Answer {
    /// What became of the writes.
    Coordinated(Result<(), WriteRefusal>),
    /// Whether the states are durable.
    Merged(bool),
    /// An item and what the oracle says the replica knows of it; `None` if the replica may not vote.
    State(Option<Box<(ReplicaItem, History)>>),
    /// Its hash, likewise.
    Hash(Option<u64>),
    /// A page as the replica shows it, likewise.
    Page(Option<Box<ReplicaPage<'static>>>),
    /// What the replica held when it was asked to compare.
    Compared(Box<Side>),
}

/// What goes on when the answer is there, or is not.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// A write that looked for a coordinator.
    Coordinated { request: RequestNumber, shard: usize },
    /// A batch that other replicas have to hold, too.
    Merged { shard: usize, batch: BatchId },
    /// A replica was brought up to date by a read.
    Repaired { request: RequestNumber },
    /// A read.
    Read { request: RequestNumber },
    /// A page of a range.
    Page { request: RequestNumber, page: PageNumber },
    /// A round of anti-entropy.
    Compared { shard: usize, began: Began },
}

impl Cluster {
    pub(super) fn node_id(&self, node: usize) -> NodeId {
        self.machines[node].id
    }

    pub(super) fn node_of(&self, id: NodeId) -> usize {
        self.machines.iter().position(|machine| machine.id == id).expect("a node of this cluster")
    }

    /// Asks another node. Without an answer in time it goes on without one.
    pub(super) fn call(&mut self, from: usize, to: usize, ask: Ask, then: Then) {
        self.calls_made += 1;
        let call = CallNumber(self.calls_made);
        let Some(process) = &mut self.machines[from].process else { return };
        process.calls.insert(call, (to, then));
        self.inside(from, DEADLINE_US, Inside::Deadline(call));
        self.post(from, to, &Body::Ask(call, ask));
    }

    /// Answers another node.
    pub(super) fn answer_call(&mut self, from: usize, to: usize, call: CallNumber, answer: Answer) {
        self.post(from, to, &Body::Answer(call, answer));
    }

    fn post(&mut self, from: usize, to: usize, body: &Body) {
        let life = self.machines[from].life;
        let is_doubled = body.may_come_twice() && self.random.percent(5);
        let is_steady = !self.shape.has(Part::LostMessages);
        for _ in 0..1 + u64::from(is_doubled) {
            let delay_us = self.network.travel_us(&mut self.random, from, to, is_steady);
            if let Some(delay_us) = delay_us {
                let frame = Frame { from, life, to, body: body.clone() };
                self.scheduler.send(delay_us, Message::Frame(frame));
            }
        }
    }

    pub(super) fn frame_arrives(&mut self, frame: Frame) -> Result<(), Violation> {
        let Frame { from, life, to, body } = frame;
        let sender = &self.machines[from];
        // A cut that came in between, or a newer connection.
        let is_over = sender.process.is_some() && sender.life != life;
        if is_over || self.network.is_cut(from, to) || self.machines[to].process.is_none() {
            return Ok(());
        }
        match body {
            Body::Ask(call, ask) => self.asked(to, from, call, ask),
            Body::Answer(call, answer) => self.goes_on(to, call, Some(answer)),
        }
    }

    fn asked(&mut self, node: usize, from: usize, call: CallNumber, ask: Ask) -> Result<(), Violation> {
        match ask {
            Ask::Coordinate { shard, writes } => {
                self.coordinate(node, shard, Origin::Node { from, call }, writes)
            }
            Ask::Merge { shard, states, known } => {
                self.merge(node, shard, Origin::Node { from, call }, &states, known)
            }
            Ask::State(at) => {
                let answer = Answer::State(self.show(node, at)?.map(Box::new));
                self.answer_call(node, from, call, answer);
                Ok(())
            }
            Ask::Hash(at) => {
                let hash = self.show(node, at)?.map(|(shown, _)| shown.item.state_hash());
                self.answer_call(node, from, call, Answer::Hash(hash));
                Ok(())
            }
            Ask::Page(ask) => {
                let page = self.show_page(node, &ask);
                self.answer_call(node, from, call, Answer::Page(page));
                Ok(())
            }
            Ask::Compare { shard, side } => self.asked_to_compare(node, from, call, shard, *side),
        }
    }

    /// A question is answered, or its time is over.
    pub(super) fn goes_on(
        &mut self,
        node: usize,
        call: CallNumber,
        answer: Option<Answer>,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some((peer, then)) = process.and_then(|process| process.calls.remove(&call)) else {
            return Ok(());
        };
        let durable = matches!(answer, Some(Answer::Merged(true)));
        match then {
            Then::Coordinated { request, shard } => {
                let outcome = match answer {
                    Some(Answer::Coordinated(Ok(()))) => Outcome::Stored,
                    Some(Answer::Coordinated(Err(refusal))) => Outcome::Refused(refusal),
                    _ => Outcome::NoAnswer(RequestError::Unknown(UnknownOutcome::Deadline)),
                };
                self.coordination_goes_on(node, request, shard, outcome)
            }
            Then::Merged { shard, batch } => {
                let peer = self.node_id(peer);
                self.shard_steps(node, shard, Event::PeerAnswered { batch, peer, durable }, Vec::new())
            }
            Then::Repaired { request } => self.repaired(node, request, durable),
            Then::Read { request } => self.read_hears(node, request, peer, answer),
            Then::Page { request, page } => self.page_came(node, request, page, answer),
            Then::Compared { shard, began } => match answer {
                Some(Answer::Compared(side)) => self.take_side(node, shard, began, *side),
                _ => Ok(()),
            },
        }
    }
}

impl Body {
    /// A write is asked for once: whoever repeats one makes another one.
    fn may_come_twice(&self) -> bool {
        match self {
            Body::Ask(_, Ask::Coordinate { .. }) => false,
            Body::Ask(
                _,
                Ask::Merge { .. } | Ask::State(_) | Ask::Hash(_) | Ask::Page(_) | Ask::Compare { .. },
            )
            | Body::Answer(..) => true,
        }
    }
}
