//! Nodes, and a network between them under virtual time. The benchmark of large clusters uses it, too.

use super::{
    About, Effect, Event, MemberId, MemberState, MembershipCore, Message, NodeId, Now, PeerAddr, WallMs,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What comes at some time.
enum Happening {
    Arrives { from: usize, to: usize, message: Message },
    Wakes { node: usize },
}

/// A node, and what waits for it while it hangs.
pub(super) struct Node {
    pub(super) core: MembershipCore,
    is_running: bool,
    hangs: bool,
    wake_at: Option<Duration>,
    waiting: VecDeque<Event>,
    clock_ahead_ms: i64,
    /// Bytes that it told others.
    pub(super) bytes_told: u64,
    /// Messages that it dropped.
    pub(super) dropped: u64,
}

/// The whole.
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) now: Duration,
    queue: BTreeMap<(Duration, u64), Happening>,
    next: u64,
    cut: BTreeSet<(usize, usize)>,
    by_id: BTreeMap<NodeId, usize>,
}

/// The wall clock when a world begins.
const WALL_START_MS: u64 = 1_700_000_000_000;

/// How long a message takes.
const WAY: Duration = Duration::from_millis(2);

pub(super) fn node_id(node: usize) -> NodeId {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&(node as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    NodeId(bytes)
}

impl World {
    /// `count` nodes, each linked with all others.
    pub(super) fn new(count: usize, seed: u64) -> World {
        let mut world = World {
            nodes: Vec::new(),
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            next: 0,
            cut: BTreeSet::new(),
            by_id: BTreeMap::new(),
        };
        for node in 0..count {
            world.by_id.insert(node_id(node), node);
            let core = core(node, WALL_START_MS, "", seed);
            world.nodes.push(Node {
                core,
                is_running: true,
                hangs: false,
                wake_at: None,
                waiting: VecDeque::new(),
                clock_ahead_ms: 0,
                bytes_told: 0,
                dropped: 0,
            });
        }
        for node in 0..count {
            world.link(node, 0..node);
        }
        world
    }

    /// Takes down everything between two nodes, one way.
    pub(super) fn cut_one_way(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    /// Lets everything through again.
    pub(super) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Ends a node without a word.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node].is_running = false;
        self.nodes[node].waiting.clear();
    }

    /// Starts a node that was killed, by its clock, somewhere, and links it with all.
    pub(super) fn start(&mut self, node: usize, clock_ahead_ms: i64, addr: &str) {
        let boot = (WALL_START_MS + self.now.as_millis() as u64).saturating_add_signed(clock_ahead_ms);
        let state = &mut self.nodes[node];
        state.core = core(node, boot, addr, boot);
        (state.is_running, state.hangs, state.wake_at, state.clock_ahead_ms) =
            (true, false, None, clock_ahead_ms);
        self.link(node, 0..self.nodes.len());
    }

    /// Stops a node from running until it resumes.
    pub(super) fn hang(&mut self, node: usize) {
        self.nodes[node].hangs = true;
    }

    /// Has a node go on that hung: what waits in its sockets comes first.
    pub(super) fn resume(&mut self, node: usize) {
        self.nodes[node].hangs = false;
        while let Some(event) = self.nodes[node].waiting.pop_front() {
            self.step(node, event);
        }
        self.wake(node);
    }

    /// What happens to a node from outside.
    pub(super) fn step(&mut self, node: usize, event: Event) {
        let state = &mut self.nodes[node];
        if !state.is_running {
            return;
        }
        if state.hangs {
            state.waiting.push_back(event);
            return;
        }
        let wall_ms = WALL_START_MS + self.now.as_millis() as u64;
        let wall = WallMs(wall_ms.saturating_add_signed(state.clock_ahead_ms));
        let effects = state.core.step(Now { monotone: self.now, wall }, event);
        for effect in effects {
            match effect {
                Effect::Tell { to, message } => self.send(node, to, message),
                Effect::WakeAt(at) => {
                    self.nodes[node].wake_at = Some(at);
                    self.at(at.max(self.now), Happening::Wakes { node });
                }
                Effect::Changed(_) => {}
                Effect::Dropped { .. } => self.nodes[node].dropped += 1,
            }
        }
    }

    /// Runs for this long.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_until(end, |_| false);
        self.now = end;
    }

    /// Runs until something holds, for at most this long. How long it took, or nothing.
    pub(super) fn time_until(&mut self, most: Duration, holds: impl Fn(&World) -> bool) -> Option<Duration> {
        let start = self.now;
        self.run_until(start + most, holds).then(|| self.now - start)
    }

    fn run_until(&mut self, end: Duration, holds: impl Fn(&World) -> bool) -> bool {
        let mut looked = self.now;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now = entry.key().0;
            match entry.remove() {
                Happening::Arrives { from, to, message } => {
                    let from = node_id(from);
                    self.step(to, received(from, message));
                }
                Happening::Wakes { node } => self.wake(node),
            }
            if self.now >= looked + Duration::from_millis(50) {
                looked = self.now;
                if holds(self) {
                    return true;
                }
            }
        }
        false
    }

    fn wake(&mut self, node: usize) {
        let state = &self.nodes[node];
        if state.is_running && !state.hangs && state.wake_at.is_some_and(|at| at <= self.now) {
            self.step(node, Event::Tick);
        }
    }

    fn send(&mut self, from: usize, to: NodeId, message: Message) {
        self.nodes[from].bytes_told += message.encode().len() as u64;
        let Some(&to) = self.by_id.get(&to) else { return };
        if !self.cut.contains(&(from, to)) {
            self.at(self.now + WAY, Happening::Arrives { from, to, message });
        }
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.next += 1;
        self.queue.insert((at, self.next), happening);
    }

    fn link(&mut self, node: usize, peers: std::ops::Range<usize>) {
        for peer in peers.filter(|peer| *peer != node) {
            self.step(node, Event::LinkUp(node_id(peer)));
            self.step(peer, Event::LinkUp(node_id(node)));
        }
    }

    /// How `seen` looks from `by`.
    pub(super) fn state(&self, by: usize, seen: usize) -> MemberState {
        self.nodes[by].core.members().state(node_id(seen))
    }

    /// Whether all nodes that run show `seen` as `state`.
    pub(super) fn all_see(&self, seen: usize, state: MemberState) -> bool {
        let running = |node: &usize| self.nodes[*node].is_running && !self.nodes[*node].hangs;
        (0..self.nodes.len()).filter(running).all(|by| by == seen || self.state(by, seen) == state)
    }

    /// Whether all nodes that run see each other up.
    pub(super) fn is_calm(&self) -> bool {
        let running = |node: &usize| self.nodes[*node].is_running && !self.nodes[*node].hangs;
        (0..self.nodes.len()).filter(running).all(|seen| self.all_see(seen, MemberState::Up))
    }
}

fn core(node: usize, boot: u64, addr: &str, seed: u64) -> MembershipCore {
    let default = format!("10.0.{}.{}:3901", node / 256, node % 256);
    let addr = PeerAddr::new(if addr.is_empty() { &default } else { addr }).ok();
    let about = About { version: "troupe".to_owned(), hostname: format!("node{node}") };
    MembershipCore::new(MemberId::new(node_id(node), boot, addr), about, seed ^ node as u64)
}

/// What a message is to the core of its receiver.
pub(super) fn received(from: NodeId, message: Message) -> Event {
    match message {
        Message::Gossip { wall_ms, packet } => Event::Gossip { from, wall_ms, packet },
        Message::About(about) => Event::About { from, about },
        Message::Incarnation(_) => Event::Tick,
    }
}
