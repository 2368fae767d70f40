//! The next layout version: proposed to the nodes of the one before, and published once it has passed.

use super::{ControlCore, ControlError, Effect, InFlight, Job, Own, RequestId, Then};
use crate::clock::WallMs;
use crate::control::change::layout;
use crate::control::merge::Stamp;
use crate::control::message::ControlMessage;
use crate::control::rows::acceptor_row;
use crate::control::state::ControlState;
use crate::ids::NodeId;
use crate::layout::LayoutVersion;
use crate::layout::decree::{Ballot, DecreeMessage, Proposer, Standing};
use crate::limits::CONTROL_CONFIRM_S;
use crate::mutation::{Mutation, is_on};

/// An operator's changes on their way to become a layout version.
#[derive(Debug)]
pub(super) struct Applying {
    request: RequestId,
    mine: LayoutVersion,
    proposer: Proposer,
    since_ms: u64,
}

impl ControlCore {
    pub(super) fn apply(
        &mut self,
        now: WallMs,
        stamp: Stamp,
        request: RequestId,
        version: u64,
    ) -> Vec<Effect> {
        if self.applying.is_some() {
            return vec![Effect::Answer { request, result: Err(ControlError::Busy) }];
        }
        let mine = match layout::proposal(&self.state, stamp, self.replication_factor, version) {
            Ok(mine) => mine,
            Err(error) => return vec![Effect::Answer { request, result: Err(error) }],
        };
        // A node's stamps ascend by milliseconds: half of the bits repeat after seven weeks.
        let attempt = (stamp.time_ms & u64::from(u32::MAX)) as u32;
        let proposer = Proposer::new(self.node, &self.state.current_layout(), mine.clone(), attempt);
        self.applying = Some(Applying { request, mine, proposer, since_ms: self.uptime_ms });
        self.put_questions(now)
    }

    /// Asks the acceptors again, and gives up when that took too long.
    pub(super) fn apply_again(&mut self, now: WallMs) -> Vec<Effect> {
        let Some(Applying { request, mine, proposer, since_ms }) = &self.applying else { return Vec::new() };
        let (request, version) = (*request, mine.number);
        let missing: Vec<NodeId> = proposer.waits_for().into_iter().collect();
        if self.uptime_ms.saturating_sub(*since_ms) < CONTROL_CONFIRM_S * 1000 {
            return self.put_questions(now);
        }
        let error = match proposer.standing() {
            Standing::Preparing if version == 1 => {
                ControlError::NotApplied { version, needed: "every node that it gives a role", missing }
            }
            Standing::Preparing => {
                let needed = "a majority of the nodes with a role";
                ControlError::NotApplied { version, needed, missing }
            }
            Standing::Proposed => ControlError::Undecided { version, missing },
            // It is on its way to the disk, and confirmed from there.
            Standing::Passed => return self.wait_for_own(Own::Passed),
        };
        self.applying = None;
        vec![Effect::Answer { request, result: Err(error) }]
    }

    fn put_questions(&mut self, now: WallMs) -> Vec<Effect> {
        let Some(applying) = &self.applying else { return Vec::new() };
        let mut effects = Vec::new();
        for (to, question) in applying.proposer.questions() {
            if to == self.node {
                self.waiting.push_back(Job::Ask { from: to, question });
            } else {
                effects.push(self.send(now, to, ControlMessage::Decree(question)));
            }
        }
        effects
    }

    pub(super) fn hear_decree(&mut self, now: WallMs, from: NodeId, message: DecreeMessage) -> Vec<Effect> {
        match message {
            DecreeMessage::Prepare { .. } | DecreeMessage::Accept { .. } => {
                self.wait_for_peer(Job::Ask { from, question: message });
                Vec::new()
            }
            DecreeMessage::Promise { .. }
            | DecreeMessage::Accepted { .. }
            | DecreeMessage::Refused { .. } => self.hear_answer(now, from, message),
        }
    }

    fn hear_answer(&mut self, now: WallMs, from: NodeId, answer: DecreeMessage) -> Vec<Effect> {
        let is_refusal = matches!(answer, DecreeMessage::Refused { .. });
        let Some(applying) = &mut self.applying else { return Vec::new() };
        if !applying.proposer.hear(from, answer) {
            return Vec::new();
        }
        match applying.proposer.standing() {
            Standing::Passed => self.wait_for_own(Own::Passed),
            // Two proposers that answered each other at once would overtake each other for ever.
            Standing::Preparing if is_refusal => Vec::new(),
            Standing::Preparing | Standing::Proposed => self.put_questions(now),
        }
    }

    /// A question to this node's own acceptor, which remembers its answer before it gives it.
    pub(super) fn ask_acceptor(&mut self, now: WallMs, from: NodeId, question: DecreeMessage) -> Vec<Effect> {
        let (number, ballot) = match &question {
            DecreeMessage::Prepare { number, ballot } => (*number, *ballot),
            DecreeMessage::Accept { ballot, version } => (version.number, *ballot),
            DecreeMessage::Promise { .. }
            | DecreeMessage::Accepted { .. }
            | DecreeMessage::Refused { .. } => return Vec::new(),
        };
        if let Some(decided) = self.state.layouts.get(&number) {
            let mut delta = ControlState::default();
            delta.layouts.insert(number, decided.clone());
            let rows = delta.to_rows();
            let refused = DecreeMessage::Refused { number, ballot, promised: Ballot::ZERO };
            let mut effects = vec![self.send(now, from, ControlMessage::Rows { change: None, rows })];
            effects.extend(self.say(now, from, refused));
            return effects;
        }
        let mut acceptor = self.acceptor.clone();
        let Some(answer) = acceptor.answer(question) else { return Vec::new() };
        if acceptor == self.acceptor {
            return self.say(now, from, answer);
        }
        let rows = vec![acceptor_row(&acceptor)];
        let mut effects = Vec::new();
        let mut then = Then::Say { to: from, answer };
        if is_on(Mutation::AcceptorAnswersBeforePersist)
            && let Then::Say { to, answer } = then
        {
            effects.extend(self.say(now, to, answer));
            then = Then::Spread;
        }
        self.in_flight = Some(InFlight { delta: ControlState::default(), acceptor: Some(acceptor), then });
        effects.push(self.persist_effect(rows));
        effects
    }

    pub(super) fn say(&mut self, now: WallMs, to: NodeId, answer: DecreeMessage) -> Vec<Effect> {
        match to == self.node {
            true => self.hear_answer(now, to, answer),
            false => vec![self.send(now, to, ControlMessage::Decree(answer))],
        }
    }

    /// The version that passed, as a change of the state.
    pub(super) fn take_passed(&mut self, now: WallMs) -> ControlState {
        let stamp = self.next_stamp(now);
        let Some(applying) = &self.applying else { return ControlState::default() };
        match applying.proposer.passed() {
            Some(passed) => layout::passed(&self.state, stamp, passed.clone(), *passed == applying.mine),
            None => ControlState::default(),
        }
    }

    /// The number that is being applied may be taken now: by this proposal, or by another one that was faster.
    pub(super) fn yield_to_passed(&mut self, now: WallMs) -> Vec<Effect> {
        let number = self.applying.as_ref().map(|applying| applying.mine.number);
        let Some(decided) = number.and_then(|number| self.state.layouts.get(&number)).cloned() else {
            return Vec::new();
        };
        let Some(Applying { request, mine, .. }) = self.applying.take() else { return Vec::new() };
        if *decided != mine {
            let result = Err(ControlError::AppliedByOthers { version: decided.number });
            return vec![Effect::Answer { request, result }];
        }
        let mut delta = ControlState::default();
        delta.layouts.insert(decided.number, decided);
        self.confirm(now, request, false, delta.to_rows())
    }
}
