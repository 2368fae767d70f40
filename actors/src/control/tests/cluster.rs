//! Control planes of several nodes under a seed: messages that get lost, doubled and late, disks that are cut off before
//! or after they stored something, clocks that jump, operators at every node.

use super::*;
use crate::layout::{Incarnation, NodeRole, StagedRole};
use crate::limits::CONTROL_TICK_MS;
use crate::mutation::{Mutation, turn_on};
use crate::store::CommitError;
use crate::store::lane::PersistError;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// What an operator was told is done, as it is seen in the rows.
#[derive(Clone, Debug)]
enum Promise {
    Bucket(BucketId),
    KeyGone(KeyId),
}

struct Member {
    core: ControlCore,
    disk: StoredRows,
    /// On its way to the disk.
    writing: Option<Vec<Row>>,
    clock_ms: i64,
    uptime_ms: u64,
    asked: BTreeMap<RequestId, Promise>,
}

struct Cluster {
    random: StdRng,
    members: BTreeMap<NodeId, Member>,
    messages: Vec<(NodeId, NodeId, Envelope)>,
    /// Chances in a hundred.
    loss: u32,
    promises: Vec<Promise>,
    next: u64,
    broken: Option<String>,
}

fn number(node: NodeId) -> u8 {
    node.0[0]
}

impl Cluster {
    fn new(seed: u64, nodes: u8) -> Cluster {
        let random = StdRng::seed_from_u64(seed);
        let mut cluster = Cluster {
            random,
            members: BTreeMap::new(),
            messages: Vec::new(),
            loss: 10,
            promises: Vec::new(),
            next: 0,
            broken: None,
        };
        for node in (1..=nodes).map(|number| NodeId([number; 32])) {
            let clock_ms = cluster.random.random_range(-3_600_000..=3_600_000);
            cluster.start(node, StoredRows::default(), clock_ms);
        }
        cluster
    }

    fn start(&mut self, node: NodeId, disk: StoredRows, clock_ms: i64) {
        let core = ControlCore::load(node, 1, &listed(&disk)).unwrap();
        let asked = BTreeMap::new();
        let member = Member { core, disk, writing: None, clock_ms, uptime_ms: 0, asked };
        self.members.insert(node, member);
        let token_key = [number(node); 32];
        let incarnation = Incarnation(u64::from(number(node)));
        self.step(node, Event::Start { token_key, incarnation, has_peers: true });
        for peer in self.others(node) {
            self.step(node, Event::Link { peer, is_up: true });
            self.step(peer, Event::Link { peer: node, is_up: true });
        }
    }

    fn others(&self, node: NodeId) -> Vec<NodeId> {
        self.members.keys().filter(|other| **other != node).copied().collect()
    }

    fn any_member(&mut self) -> NodeId {
        let at = self.random.random_range(0..self.members.len());
        *self.members.keys().nth(at).unwrap()
    }

    fn step(&mut self, node: NodeId, event: Event) {
        let Some(member) = self.members.get_mut(&node) else { return };
        let mut has_news = matches!(event, Event::Persisted);
        let now_ms = 1_700_000_000_000 + member.clock_ms + i64::try_from(member.uptime_ms).unwrap();
        for effect in member.core.step(WallMs(now_ms.unsigned_abs()), event) {
            match effect {
                Effect::Persist { rows, .. } => member.writing = Some(rows),
                Effect::Publish(snapshot) => {
                    let durable = ControlState::from_rows(&listed(&member.disk)).unwrap();
                    let known: BTreeSet<BucketId> = durable.buckets.keys().copied().collect();
                    let layout = durable.layouts.keys().next_back().copied().unwrap_or(0);
                    let is_durable = snapshot.buckets().iter().all(|bucket| known.contains(&bucket.id))
                        && snapshot.layout.version().number <= layout;
                    if !is_durable {
                        self.broken = Some("published, not durable".to_owned());
                    }
                }
                Effect::Answer { request, result: Ok(()) } => {
                    self.promises.extend(member.asked.remove(&request));
                    has_news = true;
                }
                Effect::Answer { .. } | Effect::Report(_) => {}
                Effect::Send { to, envelope } => self.messages.push((node, to, envelope)),
            }
        }
        if has_news {
            self.check();
        }
    }

    fn state(&self, node: NodeId) -> ControlState {
        ControlState::from_rows(&listed(&self.members[&node].disk)).unwrap()
    }

    /// No number has two versions, and what was promised is durable at a majority.
    fn check(&mut self) {
        let mut versions = BTreeMap::new();
        let states: Vec<ControlState> = self.members.keys().map(|node| self.state(*node)).collect();
        for (number, version) in states.iter().flat_map(|state| &state.layouts) {
            if versions.insert(*number, version.id()).is_some_and(|other| other != version.id()) {
                self.broken = Some(format!("two versions with the number {number}"));
            }
        }
        let voters = states.iter().filter_map(|state| state.layouts.values().next_back());
        let Some(voters) = voters.max_by_key(|version| version.number).map(|version| version.roles.len())
        else {
            return;
        };
        let nodes = self.members.len();
        for promise in &self.promises {
            let holders = states.iter().filter(|state| is_kept(state, promise)).count();
            // Every node has a role in this test, once one has.
            if voters == nodes && holders <= nodes / 2 {
                self.broken = Some(format!("{promise:?} is held by {holders} of {nodes}"));
            }
        }
    }

    fn disturb(&mut self) {
        let node = self.any_member();
        match self.random.random_range(0..100) {
            0..3 => self.crash(node),
            3..6 => {
                let clock_ms = self.random.random_range(-7_200_000..7_200_000);
                self.members.get_mut(&node).unwrap().clock_ms = clock_ms;
            }
            6..14 => self.operate(node),
            14..34 => self.tick(node),
            34..55 => self.disk(node, true),
            _ => self.network(),
        }
    }

    fn crash(&mut self, node: NodeId) {
        let Some(mut member) = self.members.remove(&node) else { return };
        if self.random.random_bool(0.5) {
            member.disk.extend(member.writing.take().into_iter().flatten());
        }
        for peer in self.others(node) {
            self.step(peer, Event::Link { peer: node, is_up: false });
        }
        self.messages.retain(|(from, to, _)| *from != node && *to != node);
        self.start(node, member.disk, member.clock_ms);
    }

    fn tick(&mut self, node: NodeId) {
        let member = self.members.get_mut(&node).unwrap();
        member.uptime_ms += CONTROL_TICK_MS;
        let uptime_ms = member.uptime_ms;
        self.step(node, Event::Tick { uptime_ms });
    }

    fn disk(&mut self, node: NodeId, may_fail: bool) {
        let fails = may_fail && self.random.random_bool(0.1);
        let member = self.members.get_mut(&node).unwrap();
        let Some(rows) = member.writing.take() else { return };
        if fails {
            let full = PersistError::Full(CommitError::DiskFull);
            return self.step(node, Event::PersistFailed(full));
        }
        member.disk.extend(rows);
        self.step(node, Event::Persisted);
    }

    fn network(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.messages.len());
        let fate = self.random.random_range(0..100);
        if fate < self.loss {
            self.messages.swap_remove(at);
            return;
        }
        let (from, to, envelope) = match fate {
            90.. if self.loss > 0 => self.messages[at].clone(),
            _ => self.messages.swap_remove(at),
        };
        self.step(to, Event::Received { from, envelope });
    }

    fn operate(&mut self, node: NodeId) {
        self.next += 1;
        let request = RequestId(self.next);
        let key = KeyId([self.random.random_range(0..4); 12]);
        let role = NodeRole {
            zone: self.next.to_string(),
            capacity_bytes: (number(node) == 1).then_some(1_000_000),
            tags: Vec::new(),
        };
        let next = self.state(node).layouts.keys().next_back().copied().unwrap_or(0) + 1;
        let all = self.members.keys().copied().collect::<Vec<_>>();
        let (command, promise) = match self.random.random_range(0..8) {
            0..2 => {
                let mut id = [0; 32];
                id[..8].copy_from_slice(&self.next.to_be_bytes());
                let id = BucketId(id);
                let create = Command::CreateBucket { id, global_alias: None, local_alias: None };
                (create, Some(Promise::Bucket(id)))
            }
            2 => (create_key(key, "key"), None),
            3 => (Command::DeleteKey { id: key }, Some(Promise::KeyGone(key))),
            4 => {
                let one = |node: NodeId| {
                    let capacity_bytes = (number(node) == 1).then_some(1_000_000);
                    (node, StagedRole::Assign(NodeRole { capacity_bytes, ..role.clone() }))
                };
                (Command::StageLayout { roles: all.into_iter().map(one).collect(), parameters: None }, None)
            }
            _ => (Command::ApplyLayout { version: next }, None),
        };
        let member = self.members.get_mut(&node).unwrap();
        member.asked.extend(promise.map(|promise| (request, promise)));
        self.step(node, Event::Command { request, command });
    }

    /// Everything works again: after a while all nodes hold the same, and everything that was promised.
    fn calm(&mut self) {
        self.loss = 0;
        for _ in 0..30 {
            let nodes: Vec<NodeId> = self.members.keys().copied().collect();
            for node in nodes {
                self.tick(node);
                self.tick(node);
            }
            for _ in 0..400 {
                let nodes: Vec<NodeId> = self.members.keys().copied().collect();
                nodes.into_iter().for_each(|node| self.disk(node, false));
                self.network();
            }
        }
        let states: Vec<ControlState> = self.members.keys().map(|node| self.state(*node)).collect();
        if states.iter().any(|state| *state != states[0]) {
            self.broken.get_or_insert("the nodes differ".to_owned());
        }
        if let Some(lost) = self.promises.iter().find(|promise| !is_kept(&states[0], promise)) {
            self.broken.get_or_insert(format!("{lost:?} is lost"));
        }
    }
}

fn is_kept(state: &ControlState, promise: &Promise) -> bool {
    match promise {
        Promise::Bucket(id) => state.buckets.contains_key(id),
        Promise::KeyGone(id) => state.keys.get(id) == Some(&Lifetime::Deleted),
    }
}

struct Told {
    broken: Option<String>,
    promises: usize,
    version: u64,
}

fn run(seed: u64, steps: usize, is_calmed: bool) -> Told {
    let nodes = 3 + u8::try_from(seed % 3).unwrap() * 2;
    let mut cluster = Cluster::new(seed, nodes);
    for _ in 0..steps {
        cluster.disturb();
        if cluster.broken.is_some() {
            break;
        }
    }
    if cluster.broken.is_none() && is_calmed {
        cluster.calm();
    }
    let version = cluster.members.keys().filter_map(|node| cluster.state(*node).layouts.pop_last());
    let version = version.map(|(number, _)| number).max().unwrap_or(0);
    Told { broken: cluster.broken, promises: cluster.promises.len(), version }
}

#[test]
fn nodes_agree_in_the_end_and_keep_what_they_promised() {
    let (mut promises, mut versions) = (0, 0);
    for seed in 0..9 {
        let told = run(seed, 1_200, true);
        assert_eq!(told.broken, None, "seed {seed}");
        promises += told.promises;
        versions += told.version;
    }
    assert!(promises > 60 && versions > 3, "{promises} promises, {versions} versions");
}

#[test]
fn every_known_mistake_of_a_replicated_control_plane_is_found() {
    for mutation in [
        Mutation::PublishBeforePersist,
        Mutation::RefusedChangeMade,
        Mutation::ChangeAcknowledgedWithoutMajority,
        Mutation::LayoutLiveWithoutMajority,
        Mutation::AcceptedVersionNotReported,
        Mutation::AcceptorAnswersBeforePersist,
    ] {
        turn_on(Some(mutation));
        let found = (0..400).find(|seed| run(*seed, 1_500, false).broken.is_some());
        turn_on(None);
        assert!(found.is_some(), "{mutation:?}");
    }
}
