use super::super::version::LayoutVersion;
use super::{Ballot, DecreeMessage};
use crate::mutation::{Mutation, is_on};
use serde::{Deserialize, Serialize};

/// A version that was accepted under a ballot.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The greatest ballot under which something was accepted.
    pub ballot: Ballot,
    /// What was accepted.
    pub version: Box<LayoutVersion>,
}

/// What a node has promised and accepted. It is durable before an answer leaves, and never forgotten.
///
/// Only the newest number is kept: somebody who asks for it knows that all before are decided, and they are refused from then
/// on. Persisted as postcard, fields in this order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Acceptor {
    number: u64,
    promised: Ballot,
    accepted: Option<Accepted>,
}

impl Default for Acceptor {
    fn default() -> Acceptor {
        Acceptor { number: 0, promised: Ballot::ZERO, accepted: None }
    }
}

impl Acceptor {
    /// The answer to what a proposer asks, `None` to what is no question. Send it once this state is durable.
    pub fn answer(&mut self, message: DecreeMessage) -> Option<DecreeMessage> {
        match message {
            DecreeMessage::Prepare { number, ballot } => Some(self.prepare(number, ballot)),
            DecreeMessage::Accept { ballot, version } => Some(self.accept(ballot, version)),
            DecreeMessage::Promise { .. }
            | DecreeMessage::Accepted { .. }
            | DecreeMessage::Refused { .. } => None,
        }
    }

    fn prepare(&mut self, number: u64, ballot: Ballot) -> DecreeMessage {
        self.turn_to(number);
        if number < self.number || ballot < self.promised {
            return DecreeMessage::Refused { number, ballot, promised: self.promised };
        }
        self.promised = ballot;
        let accepted = if is_on(Mutation::AcceptedVersionNotReported) { None } else { self.accepted.clone() };
        DecreeMessage::Promise { number, ballot, accepted }
    }

    fn accept(&mut self, ballot: Ballot, version: Box<LayoutVersion>) -> DecreeMessage {
        let number = version.number;
        self.turn_to(number);
        if number < self.number || ballot < self.promised {
            return DecreeMessage::Refused { number, ballot, promised: self.promised };
        }
        self.promised = ballot;
        self.accepted = Some(Accepted { ballot, version });
        DecreeMessage::Accepted { number, ballot }
    }

    fn turn_to(&mut self, number: u64) {
        if number > self.number {
            *self = Acceptor { number, ..Acceptor::default() };
        }
    }
}
