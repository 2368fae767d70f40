//! What nodes say to each other: questions, and the answers that find their way back to what waits for them.

use super::world::{Cluster, Message};
use crate::invariants::Violation;
use crate::keyspace::ItemIndex;
use crate::oracle::{Fate, History, WriteId};
use crate::shape::Part;
use crate::world::RequestNumber;
use troupe_actors::causality::{Context, Item};

/// How long an answer is waited for.
const DEADLINE_US: u64 = 400_000;

/// Names a question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct CallNumber(pub(crate) u64);

/// Something on its way from one node to another.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(super) from: usize,
    /// Which life of the sender: what an earlier one said is nothing to those who are connected with a later one.
    pub(super) life: u64,
    pub(super) to: usize,
    pub(super) body: Body,
}

#[derive(Clone)]
pub(crate) enum Body {
    Ask(CallNumber, Ask),
    Answer(CallNumber, Answer),
}

/// A question.
#[derive(Clone)]
pub(crate) enum Ask {
    /// Writes of one shard, with what their tokens cover.
    Coordinate { shard: usize, writes: Vec<(WriteId, Context)> },
    /// One item.
    State(ItemIndex),
}

/// An answer.
#[derive(Clone)]
pub(crate) enum Answer {
    /// What became of the writes.
    Coordinated(Fate),
    /// An item, and what the oracle says the replica knows of it.
    State(Box<Shown>),
}

/// An item as one replica shows it.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(super) item: Item<'static>,
    pub(super) history: History,
}

/// What goes on when the answer is there.
pub(crate) enum Then {
    /// A part of a client's request is answered.
    Written { request: RequestNumber, ids: Vec<WriteId> },
    /// A client's read goes on.
    Read { request: RequestNumber },
}

impl Cluster {
    /// Asks another node. Without an answer in time it goes on without one.
    pub(super) fn call(&mut self, from: usize, to: usize, ask: Ask, then: Then) {
        self.calls_made += 1;
        let call = CallNumber(self.calls_made);
        let Some(process) = &mut self.machines[from].process else { return };
        process.calls.insert(call, then);
        self.inside(from, DEADLINE_US, super::machine::Inside::Deadline(call));
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
            Body::Answer(call, answer) => {
                let process = self.machines[to].process.as_mut();
                let then = process.and_then(|process| process.calls.remove(&call));
                then.map_or(Ok(()), |then| self.goes_on(to, from, then, Some(answer)))
            }
        }
    }

    /// An answer did not come in time.
    pub(super) fn deadline(&mut self, node: usize, call: CallNumber) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let then = process.and_then(|process| process.calls.remove(&call));
        then.map_or(Ok(()), |then| self.goes_on(node, node, then, None))
    }

    fn asked(&mut self, node: usize, from: usize, call: CallNumber, ask: Ask) -> Result<(), Violation> {
        match ask {
            Ask::Coordinate { shard, writes } => {
                self.coordinate(node, shard, super::coordinate::Origin::Node { from, call }, writes)
            }
            Ask::State(at) => {
                let shown = self.show(node, at)?;
                self.answer_call(node, from, call, Answer::State(Box::new(shown)));
                Ok(())
            }
        }
    }

    fn goes_on(
        &mut self,
        node: usize,
        _from: usize,
        then: Then,
        answer: Option<Answer>,
    ) -> Result<(), Violation> {
        match then {
            Then::Written { request, ids } => {
                let fate = match answer {
                    Some(Answer::Coordinated(fate)) => fate,
                    Some(Answer::State(_)) | None => Fate::Open,
                };
                self.part_is_answered(node, request, &ids, fate)
            }
            Then::Read { request } => match answer {
                Some(Answer::State(shown)) => self.read_ends(node, request, &shown),
                Some(Answer::Coordinated(_)) | None => {
                    self.read_fails(node, request);
                    Ok(())
                }
            },
        }
    }
}

impl Body {
    /// A question is asked once: whoever repeats a write makes another one.
    fn may_come_twice(&self) -> bool {
        match self {
            Body::Ask(_, Ask::Coordinate { .. }) => false,
            Body::Ask(_, Ask::State(_)) | Body::Answer(..) => true,
        }
    }
}
