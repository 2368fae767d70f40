use super::super::version::LayoutVersion;
use super::{Accepted, Ballot, DecreeMessage};
use crate::ids::NodeId;
use crate::mutation::{Mutation, is_on};
use std::collections::{BTreeMap, BTreeSet};

/// How a proposal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing was proposed yet: should it end here, nothing happened.
    Preparing,
    /// A version was proposed: it may pass, even if this proposer goes away.
    Proposed,
    /// A version has passed.
    Passed,
}

/// Brings a version through, or finds the one that came through before it.
#[derive(Clone, Hash, Debug)]
pub struct Proposer {
    node: NodeId,
    number: u64,
    /// The nodes with a role in the version before, none before the first one.
    electorate: BTreeSet<NodeId>,
    mine: Box<LayoutVersion>,
    attempt: u32,
    ballot: Ballot,
    /// Whom promises are asked of.
    asked: BTreeSet<NodeId>,
    promises: BTreeMap<NodeId, Option<Accepted>>,
    /// What is proposed under the present ballot.
    proposed: Option<Box<LayoutVersion>>,
    accepted_by: BTreeSet<NodeId>,
    passed: Option<Box<LayoutVersion>>,
}

impl Proposer {
    /// Proposes `mine` on behalf of `node`, to follow `before`. No two proposers of a node have the same `attempt`: an answer
    /// to an earlier one that comes late would count for this one.
    pub fn new(node: NodeId, before: &LayoutVersion, mine: LayoutVersion, attempt: u32) -> Proposer {
        let attempt = if is_on(Mutation::BallotUsedAgain) { 0 } else { attempt };
        let electorate: BTreeSet<NodeId> = before.roles.keys().copied().collect();
        let asked =
            if electorate.is_empty() { mine.roles.keys().copied().collect() } else { electorate.clone() };
        Proposer {
            node,
            number: mine.number,
            electorate,
            mine: Box::new(mine),
            attempt,
            ballot: Ballot::of_attempt(1, attempt, node),
            asked,
            promises: BTreeMap::new(),
            proposed: None,
            accepted_by: BTreeSet::new(),
            passed: None,
        }
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        match (&self.passed, &self.proposed) {
            (Some(_), _) => Standing::Passed,
            (None, Some(_)) => Standing::Proposed,
            (None, None) => Standing::Preparing,
        }
    }

    /// The version that passed.
    pub fn passed(&self) -> Option<&LayoutVersion> {
        self.passed.as_deref()
    }

    /// Who has not answered the present question.
    pub fn waits_for(&self) -> BTreeSet<NodeId> {
        match &self.proposed {
            None => self.asked.iter().filter(|node| !self.promises.contains_key(node)).copied().collect(),
            Some(version) => self.voters(version).difference(&self.accepted_by).copied().collect(),
        }
    }

    /// What to send now, and again to whom has not answered for a while.
    pub fn questions(&self) -> Vec<(NodeId, DecreeMessage)> {
        if self.passed.is_some() {
            return Vec::new();
        }
        let question = match &self.proposed {
            None => DecreeMessage::Prepare { number: self.number, ballot: self.ballot },
            Some(version) => DecreeMessage::Accept { ballot: self.ballot, version: version.clone() },
        };
        self.waits_for().into_iter().map(|node| (node, question.clone())).collect()
    }

    /// Takes in an acceptor's answer. `true` if there are new [`Proposer::questions`], or the version has passed.
    pub fn hear(&mut self, from: NodeId, answer: DecreeMessage) -> bool {
        match answer {
            DecreeMessage::Promise { number, ballot, accepted } if self.is_present(number, ballot) => {
                self.promises.insert(from, accepted);
                self.propose_if_ready()
            }
            DecreeMessage::Accepted { number, ballot } if self.is_present(number, ballot) => {
                self.accepted_by.insert(from);
                self.pass_if_enough()
            }
            DecreeMessage::Refused { number, ballot, promised } if self.is_present(number, ballot) => {
                self.try_above(promised.round)
            }
            DecreeMessage::Promise { .. }
            | DecreeMessage::Accepted { .. }
            | DecreeMessage::Refused { .. }
            | DecreeMessage::Prepare { .. }
            | DecreeMessage::Accept { .. } => false,
        }
    }

    fn is_present(&self, number: u64, ballot: Ballot) -> bool {
        self.passed.is_none() && number == self.number && ballot == self.ballot
    }

    fn try_above(&mut self, round: u64) -> bool {
        // A round near the end of numbers was not counted one by one: it cannot be a proposer's.
        let Some(turn) = Ballot::turn(round.max(self.ballot.round)).checked_add(1) else { return false };
        self.ballot = Ballot::of_attempt(turn, self.attempt, self.node);
        self.promises.clear();
        self.accepted_by.clear();
        self.proposed = None;
        true
    }

    fn propose_if_ready(&mut self) -> bool {
        if self.proposed.is_some() || !self.is_quorum(&self.asked, self.promises.len()) {
            return false;
        }
        let version = Box::new(self.may_have_passed().unwrap_or(&self.mine).clone());
        let unasked: Vec<_> = self.voters(&version).difference(&self.asked).copied().collect();
        if !unasked.is_empty() {
            self.asked.extend(unasked);
            return self.try_above(0);
        }
        self.proposed = Some(version);
        true
    }

    /// The proposal of the greatest ballot, out of those that may have passed.
    fn may_have_passed(&self) -> Option<&LayoutVersion> {
        let mut accepted: Vec<&Accepted> = self.promises.values().flatten().collect();
        accepted.sort_by_key(|accepted| std::cmp::Reverse(accepted.ballot));
        accepted.into_iter().map(|accepted| accepted.version.as_ref()).find(|version| {
            let lacks_it = |node: &NodeId| match self.promises.get(node) {
                Some(Some(accepted)) => *accepted.version != **version,
                Some(None) => true,
                None => false,
            };
            !self.electorate.is_empty() || !version.roles.keys().any(lacks_it)
        })
    }

    fn pass_if_enough(&mut self) -> bool {
        let Some(version) = self.proposed.clone() else { return false };
        let voters = self.voters(&version);
        let count = voters.intersection(&self.accepted_by).count();
        if !self.is_quorum(&voters, count) && !is_on(Mutation::LayoutLiveWithoutMajority) {
            return false;
        }
        self.passed = Some(version);
        true
    }

    fn voters(&self, version: &LayoutVersion) -> BTreeSet<NodeId> {
        match self.electorate.is_empty() {
            true => version.roles.keys().copied().collect(),
            false => self.electorate.clone(),
        }
    }

    fn is_quorum(&self, voters: &BTreeSet<NodeId>, count: usize) -> bool {
        if self.electorate.is_empty() { count == voters.len() } else { count > voters.len() / 2 }
    }
}
