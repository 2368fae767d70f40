//! The next layout version, in every interleaving: three nodes with a role, operators who apply at two of them.
//!
//! The acceptors and proposers are the production cores. A message that was sent may arrive at any time from then on, any
//! number of times, or never. A node that crashes keeps what its acceptor stored and forgets what it proposed. That a node stores
//! and answers is one step: between the two nobody can tell what it did, and a crash there is an answer that never arrives.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use troupe_actors::ids::NodeId;
use troupe_actors::layout::decree::{Acceptor, DecreeMessage, Proposer, Standing};
use troupe_actors::layout::{Assignment, LayoutId, LayoutParameters, LayoutVersion, NodeRole};
use troupe_actors::mutation::{Mutation, is_on, turn_on};

const NODES: usize = 3;

/// How much may happen.
#[derive(Clone, Copy)]
struct Bounds {
    applies: u8,
    crashes: usize,
    steps: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Happening {
    /// An operator applies changes that nobody else makes. What this node proposed before is given up.
    Apply { at: usize },
    /// A message arrives, for the first time or again.
    Arrive { message: usize },
    /// A question is answered, and the node crashes before its disk has what it answered. Only with a mistake put back.
    ArriveUnstored { message: usize },
    /// A node starts again.
    Crash { at: usize },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Message {
    from: usize,
    to: usize,
    body: DecreeMessage,
}

#[derive(Clone, Hash, Default)]
struct Node {
    /// As stored.
    acceptor: Acceptor,
    proposer: Option<Proposer>,
    /// The versions that it ever accepted, as stored, by the zone that tells them apart.
    accepted: BTreeSet<String>,
}

#[derive(Clone, Default)]
struct Cluster {
    nodes: [Rc<Hashed<Node>>; NODES],
    /// In the order in which they were sent.
    messages: Vec<Rc<Hashed<Message>>>,
    /// The versions that passed.
    passed: BTreeSet<String>,
    applies: u8,
    crashes: usize,
}

/// Hashed once, not in every state that it is part of.
#[derive(Clone)]
struct Hashed<T> {
    it: T,
    hash: u64,
}

impl<T: Hash> Hashed<T> {
    fn new(it: T) -> Rc<Hashed<T>> {
        let mut hasher = DefaultHasher::new();
        it.hash(&mut hasher);
        Rc::new(Hashed { it, hash: hasher.finish() })
    }
}

impl Default for Hashed<Node> {
    fn default() -> Hashed<Node> {
        Hashed { it: Node::default(), hash: 0 }
    }
}

fn id(at: usize) -> NodeId {
    NodeId([u8::try_from(at + 1).unwrap_or(u8::MAX); 32])
}

fn at(id: NodeId) -> usize {
    usize::from(id.0[0]) - 1
}

fn version(number: u64, zone: &str) -> LayoutVersion {
    let role = NodeRole { zone: zone.to_owned(), capacity_bytes: Some(1), tags: Vec::new() };
    LayoutVersion {
        number,
        parent: LayoutId([0; 32]),
        replication_factor: 3,
        parameters: LayoutParameters::default(),
        roles: (0..NODES).map(|at| (id(at), role.clone())).collect(),
        // Decrees do not look at it.
        assignment: Assignment::default(),
    }
}

impl Cluster {
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.passed, self.applies, self.crashes).hash(&mut hasher);
        self.nodes.iter().for_each(|node| node.hash.hash(&mut hasher));
        // Two orders of the same messages go on alike.
        let hashes = self.messages.iter().map(|message| message.hash);
        hashes.fold(0, u64::wrapping_add).hash(&mut hasher);
        hasher.finish()
    }

    /// A version that is live must have been accepted by a majority, which still knows, and no number has two.
    fn check(&self) -> Result<(), &'static str> {
        let acceptors =
            |zone: &String| self.nodes.iter().filter(|node| node.it.accepted.contains(zone)).count();
        if self.passed.len() > 1 {
            return Err("two versions passed");
        }
        if self.passed.iter().any(|zone| acceptors(zone) <= NODES / 2) {
            return Err("a version passed that no majority has accepted");
        }
        Ok(())
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut Node)) {
        let mut node = self.nodes[at].it.clone();
        change(&mut node);
        self.nodes[at] = Hashed::new(node);
    }

    fn happenings(&self, bounds: Bounds) -> Vec<Happening> {
        let mut next = Vec::new();
        if self.applies < bounds.applies {
            // The nodes are alike: the first to propose is the first one.
            let proposers = if self.applies == 0 { 0..1 } else { 0..2 };
            next.extend(proposers.map(|at| Happening::Apply { at }));
        }
        for message in 0..self.messages.len() {
            next.push(Happening::Arrive { message });
            if is_on(Mutation::AcceptorAnswersBeforePersist) && self.crashes < bounds.crashes {
                next.push(Happening::ArriveUnstored { message });
            }
        }
        if self.crashes < bounds.crashes {
            // A node that proposes nothing forgets nothing.
            let proposers = (0..NODES).filter(|at| self.nodes[*at].it.proposer.is_some());
            next.extend(proposers.map(|at| Happening::Crash { at }));
        }
        next
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Apply { at } => {
                self.applies += 1;
                let mine = version(2, &format!("changes {}", self.applies));
                let attempt = self.applies.into();
                self.change(at, |node| {
                    node.proposer = Some(Proposer::new(id(at), &version(1, ""), mine, attempt));
                });
                self.ask(at);
            }
            Happening::Arrive { message } => self.arrive(&self.messages[message].clone().it),
            Happening::ArriveUnstored { message } => {
                let Message { from, to, body } = &self.messages[message].clone().it;
                let answer = self.nodes[*to].it.acceptor.clone().answer(body.clone());
                self.crash(*to);
                answer.into_iter().for_each(|body| self.send(Message { from: *to, to: *from, body }));
            }
            Happening::Crash { at } => self.crash(at),
        }
    }

    fn crash(&mut self, at: usize) {
        self.crashes += 1;
        self.change(at, |node| node.proposer = None);
    }

    fn arrive(&mut self, message: &Message) {
        let Message { from, to, body } = message;
        let mut acceptor = self.nodes[*to].it.acceptor.clone();
        if let Some(answer) = acceptor.answer(body.clone()) {
            let accepted = match (body, &answer) {
                (DecreeMessage::Accept { version, .. }, DecreeMessage::Accepted { .. }) => {
                    Some(zone(version))
                }
                _ => None,
            };
            self.change(*to, |node| {
                node.acceptor = acceptor;
                node.accepted.extend(accepted);
            });
            return self.send(Message { from: *to, to: *from, body: answer });
        }
        let Some(mut proposer) = self.nodes[*to].it.proposer.clone() else { return };
        let goes_on = proposer.hear(id(*from), body.clone());
        if goes_on {
            self.passed.extend(proposer.passed().map(zone));
        }
        self.change(*to, |node| node.proposer = Some(proposer));
        if goes_on {
            self.ask(*to);
        }
    }

    fn ask(&mut self, from: usize) {
        let questions = self.nodes[from].it.proposer.as_ref().map(Proposer::questions).unwrap_or_default();
        for (to, body) in questions {
            self.send(Message { from, to: at(to), body });
        }
    }

    fn send(&mut self, message: Message) {
        let message = Hashed::new(message);
        if !self.messages.iter().any(|sent| sent.hash == message.hash) {
            self.messages.push(message);
        }
    }
}

fn zone(version: &LayoutVersion) -> String {
    version.roles[&id(0)].zone.clone()
}

/// The first node applies, and what it and the second one say to each other arrives, until it stands so.
fn until(standing: Standing) -> Vec<Happening> {
    let mut way = vec![Happening::Apply { at: 0 }];
    let mut cluster = Cluster::default();
    cluster.happens(way[0]);
    let mut message = 0;
    while cluster.nodes[0].it.proposer.as_ref().is_some_and(|proposer| proposer.standing() != standing) {
        if cluster.messages[message].it.from != 2 && cluster.messages[message].it.to != 2 {
            way.push(Happening::Arrive { message });
            cluster.happens(Happening::Arrive { message });
        }
        message += 1;
    }
    way
}

struct Found {
    states: usize,
    /// In how many of them a version has passed.
    passed: usize,
    /// What broke, and a shortest way to it.
    broken: Option<String>,
}

/// Breadth first: every state is reached by a shortest way.
fn search(story: &Story, mistake: Option<Mutation>) -> Found {
    turn_on(mistake);
    let way = story.before.map(until).unwrap_or_default();
    let mut first = Cluster::default();
    way.iter().for_each(|happening| first.happens(*happening));
    let mut ways: HashMap<u64, Option<(u64, Happening)>> = HashMap::from([(first.fingerprint(), None)]);
    let mut frontier = VecDeque::from([(first, story.bounds.steps)]);
    let (mut passed, mut broken) = (0, None);
    'search: while let Some((cluster, steps_left)) = frontier.pop_front() {
        let before = cluster.fingerprint();
        for happening in cluster.happenings(story.bounds) {
            let mut next = cluster.clone();
            next.happens(happening);
            let fingerprint = next.fingerprint();
            if ways.contains_key(&fingerprint) {
                continue;
            }
            ways.insert(fingerprint, Some((before, happening)));
            passed += usize::from(!next.passed.is_empty());
            if let Err(what) = next.check() {
                broken = Some(format!("{what}:\n{}", tell(&way, &way_to(&ways, fingerprint))));
                break 'search;
            }
            if steps_left > 1 {
                frontier.push_back((next, steps_left - 1));
            }
        }
    }
    turn_on(None);
    Found { states: ways.len(), passed, broken }
}

fn way_to(ways: &HashMap<u64, Option<(u64, Happening)>>, state: u64) -> Vec<Happening> {
    let mut way = Vec::new();
    let mut state = state;
    while let Some(Some((before, happening))) = ways.get(&state) {
        way.push(*happening);
        state = *before;
    }
    way.reverse();
    way
}

/// Tells a way in words.
fn tell(before: &[Happening], way: &[Happening]) -> String {
    let mut cluster = Cluster::default();
    let mut story = String::new();
    for happening in before.iter().chain(way) {
        let what = match happening {
            Happening::Apply { at } => format!("node {at} applies"),
            Happening::Crash { at } => format!("node {at} crashes"),
            Happening::Arrive { message } => cluster.messages[*message].it.tell(),
            Happening::ArriveUnstored { message } => {
                format!("{}, whose answer is not stored before a crash", cluster.messages[*message].it.tell())
            }
        };
        story += &format!("  {what}\n");
        cluster.happens(*happening);
    }
    story
}

impl Message {
    fn tell(&self) -> String {
        let what = match &self.body {
            DecreeMessage::Prepare { ballot, .. } => format!("prepare {}", ballot.round),
            DecreeMessage::Promise { ballot, accepted, .. } => {
                let accepted = accepted.as_ref().map(|accepted| zone(&accepted.version));
                format!("promise {} ({})", ballot.round, accepted.as_deref().unwrap_or("nothing accepted"))
            }
            DecreeMessage::Accept { ballot, version } => {
                format!("accept {} ({})", ballot.round, zone(version))
            }
            DecreeMessage::Accepted { ballot, .. } => format!("accepted {}", ballot.round),
            DecreeMessage::Refused { ballot, .. } => format!("refused {}", ballot.round),
        };
        format!("{} to {}: {what}", self.from, self.to)
    }
}

/// What a search is about, and the mistakes that it has to find.
struct Story {
    name: &'static str,
    /// How far the first node has come, with the help of the second one.
    before: Option<Standing>,
    bounds: Bounds,
    mistakes: &'static [Mutation],
}

const STORIES: &[Story] = &[
    Story {
        name: "two operators at once",
        before: None,
        bounds: Bounds { applies: 2, crashes: 0, steps: 11 },
        mistakes: &[Mutation::LayoutLiveWithoutMajority],
    },
    Story {
        name: "a second one, at either node, when the first has proposed",
        before: Some(Standing::Proposed),
        bounds: Bounds { applies: 2, crashes: 1, steps: 8 },
        mistakes: &[Mutation::AcceptorAnswersBeforePersist, Mutation::BallotUsedAgain],
    },
    Story {
        name: "a second one, at either node, when the first has come through",
        before: Some(Standing::Passed),
        bounds: Bounds { applies: 2, crashes: 1, steps: 10 },
        mistakes: &[Mutation::AcceptedVersionNotReported],
    },
];

#[test]
fn no_interleaving_of_two_applies_makes_two_versions() {
    for story in STORIES {
        let found = search(story, None);
        println!("{}: {} states, a version has passed in {}", story.name, found.states, found.passed);
        assert!(found.broken.is_none(), "{}: {}", story.name, found.broken.unwrap_or_default());
        assert!(found.passed > 0, "{}: nothing ever passed", story.name);
    }
}

#[test]
fn every_mistake_of_a_decree_is_found() {
    for story in STORIES {
        for mistake in story.mistakes {
            let found = search(story, Some(*mistake));
            println!("{}: {mistake:?}: {} states", story.name, found.states);
            assert!(found.broken.is_some(), "{}: {mistake:?} breaks nothing", story.name);
        }
    }
}
