//! Anti-entropy of a node: the real core, over the real stores. What the actor around it does is done here: ticks, links,
//! questions, and what a shard is told.

use super::frame::{Answer as Reply, Ask, CallNumber, Then};
use super::invariants::held;
use super::machine::Inside;
use super::shards::Origin;
use super::stored::{Seen, number_of};
use super::world::{Channel, Cluster};
use crate::invariants::Violation;
use crate::keyspace::{ItemIndex, SHARDS};
use crate::oracle::{Held as Known, History};
use crate::random::Random;
use crate::shape::Part;
use std::collections::{BTreeMap, BTreeSet};
use troupe_actors::antientropy::{
    Answer, AnswerLimits, AskId, Effect, EntropyCore, EntropyLimits, EntropyView, Event, Held, MergeId,
    Question, Rate, RequestId, Side, StoredReplica,
};
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::shard::{self, PeerSide, RoundEnd, States};
use troupe_actors::store::ShardState;

/// Sides of one replica that are remembered for the end of their rounds.
const SIDES_MAX: usize = 16;

/// How long anti-entropy is at work after a request that has it wake up, in microseconds.
const AWAKE_US: [u64; 2] = [10_000, 400_000];

/// Anti-entropy of one life of a node.
pub(crate) struct Entropy {
    pub(super) core: EntropyCore,
    tick_is_planned: bool,
    /// The layout and the links that the core was told last.
    view: EntropyView,
    links: BTreeSet<usize>,
    /// Other replicas that wait.
    requests: BTreeMap<RequestId, (usize, CallNumber)>,
    requests_made: u64,
    /// How other replicas began rounds: by their questions, and by their answers.
    sides: BTreeMap<(usize, usize, Way), Vec<Shown>>,
}

/// How a replica began a round, and what it knew.
type Shown = (Side, Box<Known>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Way {
    Question,
    Answer,
}

/// Who sent something, and what the oracle says that it knew then.
#[derive(Clone)]
pub(crate) struct Sender {
    from: usize,
    known: Box<Known>,
}

/// What anti-entropy tells a shard of its node, in this order.
pub(crate) enum Told {
    Merge { merge: MergeId, states: States, known: Vec<(ItemIndex, History)> },
    RoundStored { end: RoundEnd, known: Box<Known> },
    Hold(ShardState),
    Remove,
}

/// Bounds so low that every run meets them.
pub(super) fn limits(random: &mut Random, ask_ms: u64) -> EntropyLimits {
    EntropyLimits {
        interval_ms: *random.pick(&[20, 100, 300]),
        retry_ms: 20,
        recheck_ms: *random.pick(&[5, 40]),
        ask_ms,
        rounds_max: *random.pick(&[1, 2]),
        answers: AnswerLimits { list_rows: 2, scan_rows: 4, look_rows: 3, states_bytes: 120 },
        rate: Rate { bytes_per_s: 1 << 20, items_per_s: 1_000 },
    }
}

impl Entropy {
    pub(super) fn new(
        node: NodeId,
        boot: u64,
        limits: EntropyLimits,
        held: Vec<(ShardIndex, Held)>,
    ) -> Entropy {
        Entropy {
            core: EntropyCore::new(node, boot, limits, held),
            tick_is_planned: false,
            view: EntropyView::default(),
            links: BTreeSet::new(),
            requests: BTreeMap::new(),
            requests_made: 0,
            sides: BTreeMap::new(),
        }
    }

    /// Remembers what the other replica knew when it began a round.
    fn remember(&mut self, event: &Event, sender: &Sender, asked: Option<&[ShardIndex]>) {
        let (way, sides): (Way, Vec<(ShardIndex, Side)>) = match event {
            Event::Asked { question: Question::Compare(sides), .. } => (Way::Question, sides.clone()),
            Event::Answered { answer: Some(Answer::Compared(_, sides)), .. } => {
                let sides = asked.unwrap_or_default().iter().zip(sides);
                (Way::Answer, sides.filter_map(|(shard, side)| Some((*shard, (*side)?))).collect())
            }
            _ => return,
        };
        for (shard, side) in sides {
            let of_peer = self.sides.entry((sender.from, number_of(shard), way)).or_default();
            of_peer.push((side, sender.known.clone()));
            let surplus = of_peer.len().saturating_sub(SIDES_MAX);
            of_peer.drain(..surplus);
        }
    }

    /// What the other replica knew when it began the round that has ended; `began` says how, if it says so itself.
    fn known_at_begin(
        &self,
        peer: usize,
        shard: usize,
        way: Way,
        end: &PeerSide,
        began: Option<&Side>,
    ) -> Option<Box<Known>> {
        let sides = self.sides.get(&(peer, shard, way))?;
        let is_it = |side: &Side| match began {
            Some(began) => side == began,
            None => (side.actor, side.committed) == (end.actor, end.committed),
        };
        sides.iter().rfind(|(side, _)| is_it(side)).map(|(_, known)| known.clone())
    }
}

impl Cluster {
    /// Anti-entropy is at work for a while.
    pub(super) fn wake_entropy(&mut self) {
        if self.random.percent(self.habits.round_percent()) && self.shape.has(Part::Rounds) {
            let awake_us = self.random.between(AWAKE_US[0], AWAKE_US[1]);
            self.entropy_works_for(awake_us);
        }
    }

    pub(super) fn entropy_works_for(&mut self, awake_us: u64) {
        self.entropy_until_us = self.entropy_until_us.max(self.scheduler.now_us() + awake_us);
        for node in 0..self.machines.len() {
            self.plan_tick(node);
        }
    }

    pub(super) fn plan_tick(&mut self, node: usize) {
        if self.scheduler.now_us() >= self.entropy_until_us {
            return;
        }
        let Some(process) = &mut self.machines[node].process else { return };
        if !std::mem::replace(&mut process.entropy.tick_is_planned, true) {
            let delay_us = self.random.between(1_000, if self.is_settling() { 30_000 } else { 10_000 });
            self.inside(node, delay_us, Inside::EntropyTick);
        }
    }

    /// What the actor does at each of its ticks.
    pub(super) fn entropy_ticks(&mut self, node: usize) -> Result<(), Violation> {
        self.layout_goes_on();
        let view = self.entropy_view(node);
        let links: BTreeSet<usize> =
            (0..self.machines.len()).filter(|other| *other != node && self.is_linked(node, *other)).collect();
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        process.entropy.tick_is_planned = false;
        if process.entropy.view != view {
            process.entropy.view = view.clone();
            self.entropy_steps(node, Event::Layout(view), None, None)?;
        }
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let before = std::mem::replace(&mut process.entropy.links, links.clone());
        for other in before.symmetric_difference(&links) {
            let event = Event::Link { peer: self.node_id(*other), is_up: links.contains(other) };
            self.entropy_steps(node, event, None, None)?;
        }
        for event in self.memory_of(node) {
            self.entropy_steps(node, event, None, None)?;
        }
        self.entropy_steps(node, Event::Tick, None, None)?;
        self.plan_tick(node);
        Ok(())
    }

    fn memory_of(&self, node: usize) -> Vec<Event> {
        let machine = &self.machines[node];
        let Some(process) = &machine.process else { return Vec::new() };
        let is_amnesiac = |shard| process.shards[number_of(shard)].is_amnesiac();
        let others = self.machines.iter().map(|other| other.id).filter(|other| *other != machine.id);
        // Whatever a node acknowledged before it lost its memory is void everywhere at once.
        let voided = others.filter(|_| machine.has_lost_memory);
        let is_held = |shard| SHARDS.contains(&shard) && is_amnesiac(shard);
        process.entropy.core.look_at_memory(is_held, voided)
    }

    /// Another replica asks.
    pub(super) fn entropy_asked(
        &mut self,
        node: usize,
        call: CallNumber,
        body: &[u8],
        sender: &Sender,
    ) -> Result<(), Violation> {
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let question = Question::decode(body).map_err(malformed)?;
        let from = sender.from;
        process.entropy.requests_made += 1;
        let request = RequestId(process.entropy.requests_made);
        process.entropy.requests.insert(request, (from, call));
        let event = Event::Asked { request, from: self.node_id(from), question };
        self.entropy_steps(node, event, Some(sender), None)
    }

    /// Another replica answered, or did not.
    pub(super) fn entropy_answered(
        &mut self,
        node: usize,
        ask: AskId,
        asked: &[ShardIndex],
        answer: Option<Reply>,
    ) -> Result<(), Violation> {
        let (answer, sender) = match answer {
            Some(Reply::Entropy(body, sender)) => (Some(body), Some(sender)),
            _ => (None, None),
        };
        let bytes = answer.as_ref().map_or(0, |body| body.len() as u64);
        let answer = answer.map(|body| Answer::decode(&body).map_err(malformed)).transpose()?;
        self.entropy_steps(node, Event::Answered { ask, answer, bytes }, sender.as_ref(), Some(asked))
    }

    fn sender(&self, node: usize) -> Sender {
        Sender { from: node, known: Box::new(self.machines[node].disk.held) }
    }

    /// Feeds the core and carries out what it wants done. `sender` is who sent what the event is about, and `asked` are
    /// the shards that it was asked about.
    pub(super) fn entropy_steps(
        &mut self,
        node: usize,
        event: Event,
        sender: Option<&Sender>,
        asked: Option<&[ShardIndex]>,
    ) -> Result<(), Violation> {
        let now_ms = self.scheduler.now_us() / 1_000;
        let machine = &mut self.machines[node];
        let Some(process) = &mut machine.process else { return Ok(()) };
        if let Some(sender) = sender {
            process.entropy.remember(&event, sender, asked);
        }
        let is_asked = matches!(event, Event::Asked { .. });
        let began = match &event {
            Event::Asked { question: Question::Finish { asker, .. }, .. } => Some(*asker),
            _ => None,
        };
        let replica = StoredReplica { shards: Seen { store: &machine.disk.store, shards: &process.shards } };
        for effect in process.entropy.core.step(now_ms, event, &replica) {
            match effect {
                Effect::Ask { ask, peer, question } => {
                    let asked = match &question {
                        Question::Compare(sides) => sides.iter().map(|(shard, _)| *shard).collect(),
                        other => other.shard().into_iter().collect(),
                    };
                    let to = self.node_of(peer);
                    let body = question.encode();
                    self.call(node, to, Ask::Entropy(body, self.sender(node)), Then::Entropy(ask, asked));
                }
                Effect::Reply { request, answer } => {
                    let process = self.machines[node].process.as_mut();
                    let asker = process.and_then(|process| process.entropy.requests.remove(&request));
                    if let Some((from, call)) = asker {
                        self.answer_call(
                            node,
                            from,
                            call,
                            Reply::Entropy(answer.encode(), self.sender(node)),
                        );
                    }
                }
                Effect::Merge { merge, shard, states, .. } => {
                    let known = |state: &shard::ItemState| {
                        let at = ItemIndex::of(&state.key())?;
                        Some((at, *sender?.known.of(at)))
                    };
                    let known = states.items.iter().filter_map(known).collect();
                    self.tell_shard(node, shard, Told::Merge { merge, states, known });
                }
                Effect::RoundStored { shard, end } => {
                    let way = if is_asked { Way::Question } else { Way::Answer };
                    let peer = self.node_of(end.side.peer);
                    let process = self.machines[node].process.as_ref();
                    let known = process.and_then(|process| {
                        process.entropy.known_at_begin(peer, number_of(shard), way, &end.side, began.as_ref())
                    });
                    let known = known.ok_or_else(|| Violation {
                        invariant: "a round that has ended had begun",
                        what: format!("{end:?}"),
                    })?;
                    self.tell_shard(node, shard, Told::RoundStored { end, known });
                }
                Effect::Hold { shard, held } => {
                    self.trace.explain(|| format!("node {node}: shard {shard} is {held:?}"));
                    if let Some(state) = held.row() {
                        self.tell_shard(node, shard, Told::Hold(state));
                    }
                }
                Effect::Remove { shard } => self.tell_shard(node, shard, Told::Remove),
            }
        }
        Ok(())
    }

    fn tell_shard(&mut self, node: usize, shard: ShardIndex, told: Told) {
        let (shard, delay_us) = (number_of(shard), self.hop_us());
        let channel = Channel::EntropyToShard { node, shard };
        self.inside_on(channel, node, delay_us, Inside::EntropyTells { shard, told: Box::new(told) });
    }

    /// A shard is told something by anti-entropy.
    pub(super) fn shard_is_told(&mut self, node: usize, shard: usize, told: Told) -> Result<(), Violation> {
        match told {
            Told::Merge { merge, states, known } => {
                return self.merge(node, shard, Origin::Entropy(merge), &states, known);
            }
            Told::RoundStored { end, known } => {
                // Of items that were equal, the clock is going to say what the other replica knows to be dead.
                for at in ItemIndex::all().filter(|at| at.shard() == shard) {
                    self.machines[node].disk.held.join(at, known.of(at));
                    held::check(&self.oracle, &self.machines[node].disk, at)?;
                }
                self.note("node {}, shard {}: what a round brought is stored", &[node as u64, shard as u64]);
                self.shard_steps(node, shard, shard::Event::RoundStored(end), Vec::new())?;
            }
            Told::Hold(state) => self.shard_steps(node, shard, shard::Event::Standing(state), Vec::new())?,
            Told::Remove => {
                let dropping = shard::Event::Standing(ShardState::Dropping);
                self.note("node {} removes shard {}", &[node as u64, shard as u64]);
                self.shard_steps(node, shard, dropping, Vec::new())?;
                self.removes(node, shard)?;
            }
        }
        self.stores_row(node, shard)?;
        self.remembers(node);
        Ok(())
    }

    pub(super) fn stores_row(&mut self, node: usize, shard: usize) -> Result<(), Violation> {
        let process = self.machines[node].process.as_ref();
        if process.is_some_and(|process| process.shards[shard].has_row_to_store()) {
            self.shard_steps(node, shard, shard::Event::StoreRow, Vec::new())?;
        }
        Ok(())
    }

    /// The end of a merge or a removal that anti-entropy asked for.
    pub(super) fn entropy_hears(&mut self, node: usize, event: Event) {
        let delay_us = self.hop_us();
        self.inside(node, delay_us, Inside::EntropyHears(Box::new(event)));
    }
}

fn malformed(error: troupe_actors::antientropy::MalformedMessage) -> Violation {
    Violation { invariant: "what anti-entropy sends can be read", what: error.to_string() }
}
