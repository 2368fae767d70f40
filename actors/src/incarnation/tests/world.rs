//! A cluster whose nodes hold one shard of plain values: what they commit, acknowledge, lose, and merge again.

use super::chance::Chance;
use crate::ids::NodeId;
use crate::incarnation::{Effect, Event, IncarnationCore, Message, Standing, State};
use crate::transport::Environment;
use std::collections::{BTreeMap, BTreeSet};

/// A disk. What is on it was synced.
#[derive(Clone)]
struct Disk {
    environment: u64,
    sequence: u64,
    values: BTreeSet<u64>,
    file: Option<State>,
}

struct Node {
    core: Option<IncarnationCore>,
    disk: Disk,
    images: Vec<Disk>,
    boot: u64,
    /// Values on their way to the disk, and whom to tell then.
    pending: Vec<(u64, usize)>,
    /// Which of the values that this node coordinates are not answered yet, and who acknowledged them.
    open: BTreeMap<u64, BTreeSet<usize>>,
    /// Its disk lacks something that it once had, and it was not compared with every other node since.
    is_hollow: bool,
    has_begun: bool,
    compared: BTreeSet<usize>,
}

/// What is on its way.
enum Envelope {
    Memory(Message),
    Merge(u64),
    Ack(u64),
    RebornTold(usize),
    Saved(State),
    /// A comparison: what each side had when it began, and whether it counts for either.
    Round {
        values: BTreeSet<u64>,
        counts_here: bool,
        counts_there: bool,
    },
}

struct Sent {
    from: usize,
    to: usize,
    boots: (u64, u64),
    envelope: Envelope,
}

/// The cluster.
pub(super) struct World {
    chance: Chance,
    nodes: Vec<Node>,
    sent: Vec<Sent>,
    acknowledged: BTreeSet<u64>,
    next_value: u64,
    /// Of a hundred messages between nodes, so many are lost.
    lost_percent: u64,
    pub(super) disks_lost: usize,
    pub(super) story: Vec<String>,
}

fn id(node: usize) -> NodeId {
    NodeId([node as u8 + 1; 32])
}

fn index(node: NodeId) -> usize {
    usize::from(node.0[0]) - 1
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut chance = Chance(seed);
        let count = [3, 3, 4, 5][chance.below(4)];
        let lost_percent = [0, 20, 60][chance.below(3)];
        let nodes = (0..count).map(|_| {
            let disk = Disk { environment: chance.next(), sequence: 0, values: BTreeSet::new(), file: None };
            Node {
                core: None,
                disk,
                images: Vec::new(),
                boot: 0,
                pending: Vec::new(),
                open: BTreeMap::new(),
                is_hollow: false,
                has_begun: false,
                compared: BTreeSet::new(),
            }
        });
        let nodes = nodes.collect();
        let (sent, acknowledged, story) = (Vec::new(), BTreeSet::new(), Vec::new());
        let mut world =
            World { chance, nodes, sent, acknowledged, next_value: 1, lost_percent, disks_lost: 0, story };
        (0..count).for_each(|node| world.start(node));
        world
    }

    /// Something happens, or nothing.
    pub(super) fn happen(&mut self) -> Result<(), String> {
        let node = self.chance.below(self.nodes.len());
        match self.chance.below(100) {
            0..10 => self.write(node),
            10..25 => self.commit(node),
            25..65 => self.deliver(),
            65..80 => self.give(node, Event::Tick),
            80..86 => self.round(node),
            86..89 => self.crash(node),
            89..94 => self.start(node),
            94..97 => {
                let image = self.nodes[node].disk.clone();
                self.nodes[node].images.push(image);
            }
            97..99 => self.lose_disk(node),
            _ if self.chance.percent(10) => (0..self.nodes.len()).for_each(|node| self.crash(node)),
            _ => {}
        }
        self.check()
    }

    /// Everybody runs, and nothing is lost any more: all have to be whole in the end.
    pub(super) fn calm(&mut self) -> Result<(), String> {
        self.lost_percent = 0;
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        for _ in 0..30 {
            for node in 0..self.nodes.len() {
                self.give(node, Event::Tick);
                while !self.nodes[node].pending.is_empty() {
                    self.commit(node);
                }
                self.round(node);
            }
            while !self.sent.is_empty() {
                self.deliver();
                self.check()?;
            }
        }
        match (0..self.nodes.len()).find(|node| self.standing(*node) != Some(Standing::Whole)) {
            Some(node) => Err(format!("node {node} is not whole after calm: {:?}", self.standing(node))),
            None => Ok(()),
        }
    }

    fn standing(&self, node: usize) -> Option<Standing> {
        self.nodes[node].core.as_ref().map(IncarnationCore::standing)
    }

    /// A hollow node does not vote, and no quorum of voters lacks an acknowledged value.
    fn check(&self) -> Result<(), String> {
        let may_vote = |node: &usize| self.standing(*node).is_some_and(Standing::may_vote);
        let voters: Vec<_> = (0..self.nodes.len()).filter(may_vote).collect();
        if let Some(hollow) = voters.iter().find(|node| self.nodes[**node].is_hollow) {
            return Err(format!("node {hollow} votes, and lacks something that it had"));
        }
        let lacking = |value: &u64| {
            voters.iter().filter(|node| !self.nodes[**node].disk.values.contains(value)).count()
        };
        match self.acknowledged.iter().find(|value| lacking(value) >= self.majority()) {
            Some(value) => Err(format!("value {value} was acknowledged, and a quorum of voters lacks it")),
            None => Ok(()),
        }
    }

    fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1
    }

    fn is_up(&self, node: usize) -> bool {
        self.nodes[node].core.is_some()
    }

    fn stores(&self, node: usize) -> Vec<Environment> {
        let disk = &self.nodes[node].disk;
        vec![Environment { id: disk.environment, sequence: disk.sequence }]
    }

    fn start(&mut self, node: usize) {
        if self.is_up(node) {
            return;
        }
        self.nodes[node].boot += 1;
        let (boot, fresh) = (self.nodes[node].boot, self.chance.next());
        let core = IncarnationCore::new(self.nodes[node].disk.file.clone(), self.stores(node), boot, fresh);
        self.nodes[node].disk.file = Some(core.state().clone());
        self.say(format!("node {node} starts: {:?}", core.state().saved));
        self.nodes[node].core = Some(core);
        let others: BTreeSet<_> = (0..self.nodes.len()).filter(|peer| *peer != node).collect();
        let replicas = BTreeSet::from([others.iter().map(|peer| id(*peer)).collect()]);
        self.give(node, Event::Replicas(replicas));
        for peer in others {
            if self.is_up(peer) {
                self.give(node, Event::LinkUp(id(peer)));
                self.give(peer, Event::LinkUp(id(node)));
            }
        }
    }

    fn crash(&mut self, node: usize) {
        if !self.is_up(node) {
            return;
        }
        self.say(format!("node {node} crashes"));
        let state = &mut self.nodes[node];
        (state.core, state.has_begun) = (None, false);
        (state.pending, state.open, state.compared) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        (0..self.nodes.len()).for_each(|peer| self.give(peer, Event::LinkDown(id(node))));
    }

    /// Puts an older image back, or a new disk in: where so many peers remember a later commit that some of them is among
    /// any that suffice.
    fn lose_disk(&mut self, node: usize) {
        if self.is_up(node) || self.nodes.iter().any(|other| other.is_hollow) {
            return;
        }
        let (environment, pick) = (self.chance.next(), self.chance.below(4));
        let fresh = Disk { environment, sequence: 0, values: BTreeSet::new(), file: None };
        let image = match self.nodes[node].images.len() {
            0 => fresh,
            _ if pick == 0 => fresh,
            count => {
                let image = self.nodes[node].images[self.chance.below(count)].clone();
                // The store alone, or everything.
                let file = if pick == 1 { self.nodes[node].disk.file.clone() } else { image.file };
                Disk { file, ..image }
            }
        };
        let state = self.nodes[node].disk.file.as_ref();
        let life = image.file.as_ref().map_or_else(Default::default, |file| file.life);
        let stores = [Environment { id: image.environment, sequence: image.sequence }];
        let remembers = |peer: &usize| {
            let file = self.nodes[*peer].disk.file.as_ref();
            let heard = file.and_then(|file| file.heard.get(&id(node)));
            heard.is_some_and(|heard| heard.contradicts(life, &stores))
        };
        let witnesses = (0..self.nodes.len()).filter(remembers).count();
        let had_everything = image.values.is_superset(&self.nodes[node].disk.values)
            && image.environment == self.nodes[node].disk.environment;
        if had_everything || state.is_none() || witnesses < self.nodes.len() - self.nodes.len() / 2 {
            return;
        }
        self.disks_lost += 1;
        self.say(format!("node {node} gets a disk that ends at {}", image.sequence));
        let state = &mut self.nodes[node];
        (state.disk, state.is_hollow) = (image, true);
        state.images.clear();
    }

    fn write(&mut self, node: usize) {
        if self.is_up(node) {
            let value = self.next_value;
            self.next_value += 1;
            self.nodes[node].open.insert(value, BTreeSet::new());
            self.nodes[node].pending.push((value, node));
            for peer in (0..self.nodes.len()).filter(|peer| *peer != node) {
                self.send(node, peer, Envelope::Merge(value));
            }
        }
    }

    fn commit(&mut self, node: usize) {
        if self.is_up(node) && !self.nodes[node].pending.is_empty() {
            let (value, coordinator) = self.nodes[node].pending.remove(0);
            let disk = &mut self.nodes[node].disk;
            disk.sequence += 1;
            disk.values.insert(value);
            if coordinator == node {
                self.acknowledge(node, value, node);
            } else {
                self.send(node, coordinator, Envelope::Ack(value));
            }
        }
    }

    fn acknowledge(&mut self, node: usize, value: u64, by: usize) {
        let majority = self.majority();
        if let Some(acks) = self.nodes[node].open.get_mut(&value) {
            acks.insert(by);
            if acks.contains(&node) && acks.len() >= majority {
                self.nodes[node].open.remove(&value);
                self.acknowledged.insert(value);
                self.say(format!("value {value} is acknowledged by {node}"));
            }
        }
    }

    /// Begins a comparison with another node.
    fn round(&mut self, node: usize) {
        let peer = self.chance.below(self.nodes.len());
        if peer == node || !self.is_up(node) || !self.is_up(peer) {
            return;
        }
        let counts = |here: usize, there: usize| {
            let core = self.nodes[here].core.as_ref();
            let has_answered = core.is_some_and(|core| core.answered().any(|peer| peer == id(there)));
            self.nodes[here].has_begun && has_answered && self.standing(there) == Some(Standing::Whole)
        };
        let (counts_here, counts_there) = (counts(node, peer), counts(peer, node));
        let values = &self.nodes[node].disk.values | &self.nodes[peer].disk.values;
        let boots = (self.nodes[node].boot, self.nodes[peer].boot);
        let envelope = Envelope::Round { values, counts_here, counts_there };
        self.sent.push(Sent { from: node, to: peer, boots, envelope });
    }

    fn send(&mut self, from: usize, to: usize, envelope: Envelope) {
        let is_lost = from != to && self.chance.percent(self.lost_percent);
        if !is_lost && self.is_up(from) && self.is_up(to) {
            let boots = (self.nodes[from].boot, self.nodes[to].boot);
            self.sent.push(Sent { from, to, boots, envelope });
        }
    }

    fn deliver(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let Sent { from, to, boots, envelope } = self.sent.remove(self.chance.below(self.sent.len()));
        // What came over an old link is not taken in.
        if (self.nodes[from].boot, self.nodes[to].boot) != boots || !self.is_up(from) || !self.is_up(to) {
            return;
        }
        match envelope {
            Envelope::Memory(message) => self.give(to, Event::Told { from: id(from), message }),
            Envelope::Merge(value) => self.nodes[to].pending.push((value, from)),
            Envelope::Ack(value) => self.acknowledge(to, value, from),
            Envelope::RebornTold(peer) => self.give(to, Event::RebornTold(id(peer))),
            Envelope::Saved(state) => {
                self.nodes[to].disk.file = Some(state);
                self.give(to, Event::Saved);
            }
            Envelope::Round { values, counts_here, counts_there } => {
                self.end_round(from, to, &values, counts_here);
                self.end_round(to, from, &values, counts_there);
            }
        }
    }

    fn end_round(&mut self, node: usize, peer: usize, values: &BTreeSet<u64>, counts: bool) {
        let others = self.nodes.len() - 1;
        let state = &mut self.nodes[node];
        state.disk.values.extend(values);
        state.disk.sequence += 1;
        // A comparison that began before the loss was known is of the time before.
        if counts && state.has_begun && state.compared.insert(peer) && state.compared.len() == others {
            state.is_hollow = false;
            self.say(format!("node {node} is complete"));
            self.give(node, Event::Complete);
        }
    }

    fn give(&mut self, node: usize, event: Event) {
        let stores = self.stores(node);
        let Some(core) = &mut self.nodes[node].core else { return };
        for effect in core.step(&stores, event) {
            match effect {
                Effect::Tell { to, message } => self.send(node, index(to), Envelope::Memory(message)),
                Effect::Save(state) => self.send(node, node, Envelope::Saved(state)),
                Effect::Reborn(peer) => {
                    let peer = index(peer);
                    self.nodes[node].open.values_mut().for_each(|acks| _ = acks.remove(&peer));
                    self.send(node, node, Envelope::RebornTold(peer));
                }
                Effect::LostMemory => {
                    (self.nodes[node].has_begun, self.nodes[node].compared) = (true, BTreeSet::new());
                }
                Effect::StopWaiting => {}
                Effect::Show(standing) => self.say(format!("node {node}: {standing}")),
            }
        }
    }

    fn say(&mut self, line: String) {
        self.story.push(line);
    }
}
