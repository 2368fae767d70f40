use super::life::{Life, Memory};
use super::message::{Answer, Message};
use super::standing::{Loss, Standing};
use super::state::{Saved, State};
use crate::ids::NodeId;
use crate::limits::{HEARD_SAVE_TICKS, MEMBERS_MAX};
use crate::mutation::{Mutation, is_on};
use crate::transport::Environment;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The live layout versions give this node shards: for each that differs, the other replicas of one. One shard that nobody
    /// else holds is an empty set; a node without shards has no sets.
    Replicas(BTreeSet<BTreeSet<NodeId>>),
    /// A link to a peer came up.
    LinkUp(NodeId),
    /// The last link to a peer went down.
    LinkDown(NodeId),
    /// A peer told something.
    Told {
        /// Who, as the link proves.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// The effects of an [`Effect::Reborn`] are through.
    RebornTold(NodeId),
    /// The last [`Effect::Save`] is durable.
    Saved,
    /// A second has passed.
    Tick,
    /// Every shard here was compared with every other replica since the last [`Effect::LostMemory`].
    Complete,
    /// An operator, told what may be missing, says not to wait any longer.
    Trusted,
}

/// What the shell has to do, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Tell a peer something. It may be lost.
    Tell {
        /// Whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Make this durable in the place of what was saved before, then report [`Event::Saved`]. Until then there is no other.
    Save(State),
    /// Let every shard know that what `peer` acknowledged of writes that are not answered yet is void; then report
    /// [`Event::RebornTold`]. The peer is not answered before.
    Reborn(NodeId),
    /// Have every shard compared anew with all other replicas; then report [`Event::Complete`]. A comparison with a peer
    /// counts if it began after the peer was in [`IncarnationCore::answered`]. That the memory was lost is durable.
    LostMemory,
    /// Stop waiting for comparisons: an operator said so.
    StopWaiting,
    /// Let this decide from now on who counts. Where a node may vote no longer it comes before anything else.
    Show(Standing),
}

/// The watch over one node's memory.
#[derive(Debug)]
pub struct IncarnationCore {
    boot: u64,
    /// The id of the next life.
    fresh_id: u64,
    state: State,
    stores: Vec<Environment>,
    replicas: BTreeSet<BTreeSet<NodeId>>,
    linked: BTreeSet<NodeId>,
    /// Who answered since this start, and whether the answer counts.
    answered: BTreeMap<NodeId, bool>,
    /// Starts of peers that shards know of.
    boots: BTreeMap<NodeId, u64>,
    /// Whose question waits until shards know that it is reborn, and in which start.
    reborn: BTreeMap<NodeId, u64>,
    is_saving: bool,
    /// The standing changed while something was being saved.
    has_more_to_save: bool,
    /// What peers are told of is durable: else a node that was whole would start as one that asks since long ago, and would
    /// take what it told them in between for lost.
    is_standing_durable: bool,
    /// Peers said something new, which may wait.
    has_heard_more: bool,
    ticks: u32,
    /// [`Effect::LostMemory`] waits until the loss is durable.
    is_loss_unsaid: bool,
}

impl IncarnationCore {
    /// A node that starts for the `boot`-th time with these stores. `kept` is what it saved; `fresh_id` a random number.
    ///
    /// What [`IncarnationCore::state`] says then has to be durable before anything is committed to the stores.
    pub fn new(kept: Option<State>, stores: Vec<Environment>, boot: u64, fresh_id: u64) -> IncarnationCore {
        let has_nothing = stores.iter().all(|store| store.sequence == 0);
        let state = kept.map_or_else(
            || State {
                life: Life { number: 0, id: fresh_id },
                saved: Saved::Asking { since: stores.clone(), is_new: has_nothing },
                heard: BTreeMap::new(),
            },
            |kept| resumed(kept, &stores),
        );
        let is_loss_unsaid = matches!(state.saved, Saved::Lost(_));
        IncarnationCore {
            boot,
            fresh_id: fresh_id.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1),
            state,
            stores,
            replicas: BTreeSet::new(),
            linked: BTreeSet::new(),
            answered: BTreeMap::new(),
            boots: BTreeMap::new(),
            reborn: BTreeMap::new(),
            is_saving: false,
            has_more_to_save: false,
            is_standing_durable: true,
            has_heard_more: false,
            ticks: 0,
            is_loss_unsaid,
        }
    }

    /// What is to be kept.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether this node counts.
    pub fn standing(&self) -> Standing {
        match &self.state.saved {
            Saved::Asking { .. } => Standing::Asking,
            Saved::Lost(loss) => Standing::Lost(*loss),
            Saved::Whole { .. } => Standing::Whole,
        }
    }

    /// The peers that answered since this start: they have voided what an earlier life of this node acknowledged.
    pub fn answered(&self) -> impl Iterator<Item = NodeId> {
        self.answered.keys().copied()
    }

    /// Whether the core takes the link to `peer` for up.
    pub(super) fn is_linked(&self, peer: NodeId) -> bool {
        self.linked.contains(&peer)
    }

    /// Takes one event in. `stores` are this node's with their newest durable commits at this moment.
    pub fn step(&mut self, stores: &[Environment], event: Event) -> Vec<Effect> {
        self.stores = stores.to_vec();
        let mut effects = Vec::new();
        match event {
            Event::Replicas(replicas) => {
                self.replicas = replicas;
                self.decide(&mut effects);
            }
            Event::LinkUp(peer) => {
                self.linked.insert(peer);
                effects.push(Effect::Tell { to: peer, message: Message::Question(self.memory()) });
            }
            Event::LinkDown(peer) => _ = self.linked.remove(&peer),
            Event::Told { from, message } => match message {
                Message::Question(memory) => self.asked(from, &memory, &mut effects),
                Message::Answer(answer) => self.answer_came(from, &answer, &mut effects),
                Message::Pulse(memory) => self.pulse_came(from, memory, &mut effects),
                Message::Contradiction(heard) => _ = self.compare(&heard, &mut effects),
            },
            Event::RebornTold(peer) => {
                if let Some(boot) = self.reborn.remove(&peer) {
                    self.boots.insert(peer, boot);
                    self.answer(peer, &mut effects);
                }
            }
            Event::Saved => self.saved(&mut effects),
            Event::Tick => self.tick(&mut effects),
            Event::Complete => {
                if matches!(self.state.saved, Saved::Lost(_)) && !self.is_loss_unsaid {
                    self.become_whole(&mut effects);
                }
            }
            Event::Trusted => self.trusted(&mut effects),
        }
        effects
    }

    /// What a peer that asks may rely on is what the disk here held when this node began to ask.
    fn memory(&self) -> Memory {
        let stores = match &self.state.saved {
            Saved::Asking { since, .. } => since.clone(),
            Saved::Lost(_) | Saved::Whole { .. } => self.stores.clone(),
        };
        Memory { life: self.state.life, boot: self.boot, stores }
    }

    fn asked(&mut self, from: NodeId, memory: &Memory, effects: &mut Vec<Effect>) {
        let shares_shards = self.replicas.iter().any(|others| others.contains(&from));
        let is_known = self.boots.get(&from) == Some(&memory.boot) || is_on(Mutation::RebornPeerNotAnnounced);
        if is_known || !shares_shards {
            self.answer(from, effects);
        } else if self.reborn.insert(from, memory.boot).is_none() {
            effects.push(Effect::Reborn(from));
        }
    }

    fn answer(&self, to: NodeId, effects: &mut Vec<Effect>) {
        let is_lost = matches!(self.state.saved, Saved::Lost(_));
        let heard = self.state.heard.get(&to).cloned();
        effects.push(Effect::Tell { to, message: Message::Answer(Answer { heard, is_lost }) });
    }

    fn answer_came(&mut self, from: NodeId, answer: &Answer, effects: &mut Vec<Effect>) {
        self.answered.insert(from, !answer.is_lost);
        if answer.heard.as_ref().is_none_or(|heard| self.compare(heard, effects)) {
            self.decide(effects);
        }
    }

    /// `false`: what a peer heard says that something was lost here.
    fn compare(&mut self, heard: &Memory, effects: &mut Vec<Effect>) -> bool {
        let memory = self.memory();
        let agrees = !heard.contradicts(memory.life, &memory.stores) || is_on(Mutation::LaterCommitIgnored);
        if !agrees {
            self.lose(heard, effects);
        }
        agrees
    }

    fn pulse_came(&mut self, from: NodeId, memory: Memory, effects: &mut Vec<Effect>) {
        let known = self.state.heard.len();
        match self.state.heard.entry(from) {
            Entry::Occupied(heard) if *heard.get() == memory => {}
            Entry::Occupied(heard) if heard.get().contradicts(memory.life, &memory.stores) => {
                let message = Message::Contradiction(heard.get().clone());
                effects.push(Effect::Tell { to: from, message });
            }
            Entry::Occupied(mut heard) => {
                heard.insert(memory);
                self.has_heard_more = true;
            }
            Entry::Vacant(place) if known < MEMBERS_MAX => {
                place.insert(memory);
                self.has_heard_more = true;
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Whole, if of every shard's replicas so many answered that together with this node they are a majority.
    fn decide(&mut self, effects: &mut Vec<Effect>) {
        let is_enough = |others: &BTreeSet<NodeId>| {
            let answered = others.iter().filter(|peer| self.answered.get(peer) == Some(&true)).count();
            answered >= others.len().div_ceil(2)
        };
        let is_asking = matches!(self.state.saved, Saved::Asking { .. });
        if is_asking && !self.replicas.is_empty() && self.replicas.iter().all(is_enough) {
            self.become_whole(effects);
        }
    }

    fn become_whole(&mut self, effects: &mut Vec<Effect>) {
        self.state.saved = Saved::Whole { stores: self.stores.clone() };
        self.is_standing_durable = is_on(Mutation::ToldBeforeItIsDurable);
        effects.push(Effect::Show(Standing::Whole));
        self.save(effects);
    }

    fn lose(&mut self, heard: &Memory, effects: &mut Vec<Effect>) {
        let is_new = matches!(self.state.saved, Saved::Asking { is_new: true, .. });
        let loss = if is_new { Loss::Wiped } else { rolled_back(heard, &self.memory().stores) };
        self.next_life(heard.life.number);
        self.state.saved = Saved::Lost(loss);
        (self.is_loss_unsaid, self.is_standing_durable) = (true, false);
        effects.push(Effect::Show(Standing::Lost(loss)));
        self.save(effects);
    }

    fn trusted(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.state.saved, Saved::Whole { .. }) {
            return;
        }
        let heard = self.state.life.number;
        self.next_life(heard);
        self.is_loss_unsaid = false;
        effects.push(Effect::StopWaiting);
        self.become_whole(effects);
    }

    fn next_life(&mut self, heard: u64) {
        let number = self.state.life.number.max(heard).saturating_add(1);
        self.state.life = Life { number, id: self.fresh_id ^ number };
    }

    fn save(&mut self, effects: &mut Vec<Effect>) {
        self.has_more_to_save = self.is_saving;
        if !self.is_saving {
            self.is_saving = true;
            self.has_heard_more = false;
            effects.push(Effect::Save(self.state.clone()));
        }
    }

    fn saved(&mut self, effects: &mut Vec<Effect>) {
        self.is_saving = false;
        if self.has_more_to_save {
            self.save(effects);
            return;
        }
        self.is_standing_durable = true;
        if std::mem::take(&mut self.is_loss_unsaid) {
            effects.push(Effect::LostMemory);
        }
    }

    fn tick(&mut self, effects: &mut Vec<Effect>) {
        self.ticks = self.ticks.wrapping_add(1);
        if self.is_loss_unsaid && !self.is_saving {
            self.saved(effects);
        }
        if self.has_heard_more && !self.is_saving && self.ticks.is_multiple_of(HEARD_SAVE_TICKS) {
            self.save(effects);
        }
        // Until enough have answered, and until all have that a lost node is to be compared with.
        let is_open = |peer: &&NodeId| self.answered.get(peer) != Some(&true);
        for peer in self.linked.iter().filter(is_open) {
            effects.push(Effect::Tell { to: *peer, message: Message::Question(self.memory()) });
        }
        if self.is_standing_durable && !matches!(self.state.saved, Saved::Asking { .. }) {
            let peers: BTreeSet<NodeId> = self.replicas.iter().flatten().copied().collect();
            for peer in peers.intersection(&self.linked) {
                effects.push(Effect::Tell { to: *peer, message: Message::Pulse(self.memory()) });
            }
        }
    }
}

/// What a kept state is at the next start: whoever was whole asks whether it still is.
fn resumed(kept: State, stores: &[Environment]) -> State {
    let saved = match kept.saved {
        Saved::Lost(_) if is_on(Mutation::LossForgottenByRestart) => {
            Saved::Asking { since: stores.to_vec(), is_new: false }
        }
        Saved::Lost(loss) => Saved::Lost(loss),
        Saved::Asking { since, is_new } if !is_on(Mutation::AskingSinceTheLastStart) => {
            let has = |had: &Environment| stores.iter().any(|store| store.id == had.id);
            let is_new = is_new || !since.iter().all(has);
            // One of the stores may have been put back since.
            let earlier = |store: &Environment| {
                let had = since.iter().find(|had| had.id == store.id).map_or(0, |had| had.sequence);
                Environment { id: store.id, sequence: store.sequence.min(had) }
            };
            Saved::Asking { since: stores.iter().map(earlier).collect(), is_new }
        }
        Saved::Asking { .. } => Saved::Asking { since: stores.to_vec(), is_new: false },
        Saved::Whole { stores: had } => {
            let has = |had: &Environment| stores.iter().any(|store| store.id == had.id);
            Saved::Asking { since: stores.to_vec(), is_new: !had.iter().all(has) }
        }
    };
    State { saved, ..kept }
}

/// Names the store that is farthest behind.
fn rolled_back(heard: &Memory, stores: &[Environment]) -> Loss {
    let mine = |id| stores.iter().find(|own| own.id == id).map_or(0, |own| own.sequence);
    let pairs = heard.stores.iter().map(|store| (store.sequence, mine(store.id)));
    let (heard, mine) = pairs.max_by_key(|(heard, mine)| heard.saturating_sub(*mine)).unwrap_or_default();
    Loss::RolledBack { heard, mine }
}
