//! Two and three operators at once, messages that get lost, doubled and late, nodes that crash between their disk and
//! their answer: no number ever has two versions.

use super::*;
use crate::layout::{NodeRole, StagedRole};
use crate::mutation::{Mutation, turn_on};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

fn node(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// A version after `before` that gives a role to these nodes; the zone tells versions apart.
fn version(before: &LayoutVersion, zone: &str, nodes: &[u8]) -> LayoutVersion {
    let role = |capacity_bytes| NodeRole { zone: zone.to_owned(), capacity_bytes, tags: Vec::new() };
    let staged: Vec<(NodeId, StagedRole)> =
        nodes.iter().map(|number| (node(*number), StagedRole::Assign(role(Some(1_000))))).collect();
    before.next(staged.iter().map(|(node, change)| (node, change)), None, 1).unwrap()
}

struct Cluster {
    random: StdRng,
    /// What is durable at each node.
    acceptors: BTreeMap<NodeId, Acceptor>,
    proposers: BTreeMap<NodeId, Proposer>,
    /// On their way: from, to, message.
    messages: Vec<(NodeId, NodeId, DecreeMessage)>,
    passed: Vec<LayoutVersion>,
}

impl Cluster {
    fn new(seed: u64, nodes: u8, proposers: Vec<Proposer>) -> Cluster {
        let acceptors = (1..=nodes).map(|number| (node(number), Acceptor::default())).collect();
        let proposers: BTreeMap<_, _> = (1..).map(node).zip(proposers).collect();
        let random = StdRng::seed_from_u64(seed);
        let mut cluster = Cluster { random, acceptors, proposers, messages: Vec::new(), passed: Vec::new() };
        for number in 1..=nodes {
            cluster.ask(node(number));
        }
        cluster
    }

    fn ask(&mut self, from: NodeId) {
        let Some(proposer) = self.proposers.get(&from) else { return };
        let questions = proposer.questions().into_iter().map(|(to, message)| (from, to, message));
        self.messages.extend(questions);
    }

    fn deliver(&mut self, (from, to, message): (NodeId, NodeId, DecreeMessage)) {
        let Some(acceptor) = self.acceptors.get_mut(&to) else { return };
        let mut after = acceptor.clone();
        if let Some(answer) = after.answer(message.clone()) {
            match self.random.random_range(0..20) {
                // A crash before the disk has it: nothing happened.
                0 => {}
                // A crash after the disk has it: nobody hears of it.
                1 => *acceptor = after,
                _ => {
                    let is_stored = !crate::mutation::is_on(Mutation::AcceptorAnswersBeforePersist)
                        || self.random.random_bool(0.7);
                    if is_stored {
                        *acceptor = after;
                    }
                    self.messages.push((to, from, answer));
                }
            }
            return;
        }
        let Some(proposer) = self.proposers.get_mut(&to) else { return };
        if proposer.hear(from, message) {
            self.passed.extend(proposer.passed().cloned());
            self.ask(to);
        }
    }

    fn step(&mut self) {
        if self.messages.is_empty() || self.random.random_bool(0.05) {
            let number = self.random.random_range(1..=self.acceptors.len());
            self.ask(node(number as u8));
            return;
        }
        let at = self.random.random_range(0..self.messages.len());
        match self.random.random_range(0..10) {
            0 => _ = self.messages.swap_remove(at),
            1 => {
                let doubled = self.messages[at].clone();
                self.deliver(doubled);
            }
            _ => {
                let message = self.messages.swap_remove(at);
                self.deliver(message);
            }
        }
    }

    /// The different versions that passed, as they would be learnt.
    fn decided(&self) -> Vec<&LayoutVersion> {
        let mut decided: Vec<&LayoutVersion> = Vec::new();
        for version in &self.passed {
            if !decided.contains(&version) {
                decided.push(version);
            }
        }
        decided
    }
}

fn run(seed: u64, nodes: u8, proposers: Vec<Proposer>) -> Cluster {
    let mut cluster = Cluster::new(seed, nodes, proposers);
    for _ in 0..400 {
        cluster.step();
    }
    cluster
}

fn second_versions(base: &LayoutVersion, proposers: u8) -> Vec<Proposer> {
    let mine = |number: u8| version(base, &format!("zone {number}"), &[1, 2, 3]);
    (1..=proposers).map(|number| Proposer::new(node(number), base, mine(number), 0)).collect()
}

#[test]
fn operators_who_apply_at_once_get_one_version() {
    let base = version(&LayoutVersion::empty(), "base", &[1, 2, 3, 4, 5]);
    let mut passed = 0;
    for seed in 0..1_500 {
        let cluster = run(seed, 5, second_versions(&base, 3));
        assert!(cluster.decided().len() <= 1, "seed {seed}: {} versions", cluster.decided().len());
        passed += cluster.decided().len();
    }
    assert!(passed > 700, "{passed} of 1500 runs came to a decision");
}

/// Named nodes overlap in some runs and not in others.
#[test]
fn two_first_versions_that_share_a_node_never_both_pass() {
    let groups: [&[u8]; 6] = [&[1, 2, 3], &[3, 4, 5], &[1], &[2, 4], &[1, 2, 3, 4, 5], &[5, 1]];
    let (mut passed, mut apart) = (0, 0);
    for seed in 0..1_500_u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let proposers = (1..=3).map(|number| {
            let nodes = groups[random.random_range(0..groups.len())];
            let mine = version(&LayoutVersion::empty(), &format!("zone {number}"), nodes);
            Proposer::new(node(number), &LayoutVersion::empty(), mine, 0)
        });
        let cluster = run(seed, 5, proposers.collect());
        let mut members = BTreeSet::new();
        for version in cluster.decided() {
            assert!(version.roles.keys().all(|node| members.insert(*node)), "seed {seed}: two share a node");
        }
        passed += usize::from(!cluster.decided().is_empty());
        apart += usize::from(cluster.decided().len() > 1);
    }
    assert!(passed > 500, "{passed} of 1500 runs came to a decision");
    assert!(apart > 0, "two clusters without a node in common may form");
}

#[test]
fn every_known_mistake_of_a_decree_is_found() {
    let base = version(&LayoutVersion::empty(), "base", &[1, 2, 3, 4, 5]);
    for mutation in [
        Mutation::LayoutLiveWithoutMajority,
        Mutation::AcceptedVersionNotReported,
        Mutation::AcceptorAnswersBeforePersist,
    ] {
        turn_on(Some(mutation));
        let found = (0..3_000).any(|seed| run(seed, 5, second_versions(&base, 3)).decided().len() > 1);
        turn_on(None);
        assert!(found, "{mutation:?}");
    }
}

#[test]
fn the_loser_takes_the_winners_version_through_and_not_its_own() {
    let base = version(&LayoutVersion::empty(), "base", &[1, 2, 3]);
    let (first, second) = (version(&base, "first", &[1]), version(&base, "second", &[1]));
    let mut acceptors: BTreeMap<NodeId, Acceptor> =
        (1..=3).map(|number| (node(number), Acceptor::default())).collect();
    let mut early = Proposer::new(node(1), &base, first.clone(), 0);
    let mut late = Proposer::new(node(2), &base, second, 0);
    let mut talk = |proposer: &mut Proposer, with: &[u8]| {
        for (to, question) in proposer.questions() {
            if with.iter().any(|number| node(*number) == to) {
                let answer = acceptors.get_mut(&to).unwrap().answer(question).unwrap();
                proposer.hear(to, answer);
            }
        }
    };
    talk(&mut early, &[1, 2]);
    assert_eq!(early.standing(), Standing::Proposed);
    talk(&mut early, &[1]);
    assert_eq!(early.standing(), Standing::Proposed, "one of three is no majority");
    talk(&mut late, &[1, 3]);
    talk(&mut late, &[1, 3]);
    talk(&mut late, &[1, 3]);
    assert_eq!((late.standing(), late.passed()), (Standing::Passed, Some(&first)));
}
