//! Reading one item at a quorum: one replica shows its state, others say by a hash whether they hold the same.
//!
//! ```text
//! nearest ── state ──┐                 equal: answer
//! second  ── hash  ──┴─▶ compare ──▶ ─┤
//! third   ── hash, if one is late      differ: state of the other ─▶ merge ─▶ repair who is behind ─▶ answer
//! ```
//!
//! The states are filled with their clocks before they are merged, and a replica without a row holds the empty state:
//! what it lacks and its clock covers is dead. The answer is the join of the states of as many replicas as the quorum
//! asks for. A replica that may not vote is passed over as if it had not answered.
//!
//! **Repair comes before the answer** where fewer than a quorum of the replicas that were read hold the merged state. It
//! may then lie on fewer than a quorum at all, because it was not acknowledged or its writer still waits, and a later
//! read at other replicas would not see what this one has shown. If too few of them merge it, nothing is shown. Otherwise the
//! repair is nobody's wait.

use super::item_state::ReplicaItem;
use crate::causality::Item;
use crate::ids::NodeId;
use crate::mutation::{Mutation, is_on};
use std::collections::{BTreeMap, VecDeque};

/// What a read wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Ask a replica for its state, and report [`Event::State`] or [`Event::Failed`].
    AskState(NodeId),
    /// Ask a replica for the hash of its state, and report [`Event::Hash`] or [`Event::Failed`].
    AskHash(NodeId),
    /// Report [`Event::Late`] once an answer takes longer than usual. At most one is under way.
    Hedge,
    /// Have these replicas merge the state, then report [`Event::Repaired`] once, as soon as all have said what became of
    /// it: the answer waits for it.
    Repair(Vec<NodeId>, Item<'static>),
    /// Have these replicas merge the state, and do not wait for it.
    RepairLater(Vec<NodeId>, Item<'static>),
    /// Answer with this item; one without a live value does not exist. Nothing comes after it.
    Answer(Item<'static>),
    /// Too few replicas answer. Nothing comes after it.
    Unavailable,
}

/// What happens to a read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A replica that may vote showed its state.
    State(NodeId, ReplicaItem),
    /// A replica that may vote told the hash of its state.
    Hash(NodeId, u64),
    /// A replica cannot be asked, did not answer, or may not vote.
    Failed(NodeId),
    /// An answer takes longer than usual.
    Late,
    /// The repair is over: so many of the replicas hold the state now, durably.
    Repaired(usize),
}

/// What is known of one replica.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Known {
    Asked,
    Hash(u64),
    State(ReplicaItem),
}

/// One read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemRead {
    quorum: usize,
    candidates: VecDeque<NodeId>,
    replicas: BTreeMap<NodeId, Known>,
    is_hedged: bool,
    repairing: Option<Repairing>,
}

/// An answer that waits for a repair.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Repairing {
    merged: Item<'static>,
    /// How many replicas more have to hold it.
    missing: usize,
}

impl ItemRead {
    /// Begins a read at the reachable replicas of the read set, the nearest first.
    pub fn start(candidates: Vec<NodeId>, quorum: usize) -> (ItemRead, Vec<Effect>) {
        let quorum = if is_on(Mutation::ItemFromOneReplica) { 1 } else { quorum.max(1) };
        let mut read = ItemRead {
            quorum,
            candidates: candidates.into(),
            replicas: BTreeMap::new(),
            is_hedged: false,
            repairing: None,
        };
        let mut effects = Vec::new();
        read.fill_up(&mut effects);
        if read.replicas.len() == quorum {
            effects.push(Effect::Hedge);
        }
        (read, effects)
    }

    /// Handles one event.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(Repairing { merged, missing }) = &self.repairing {
            // What comes late changes nothing any more.
            if let Event::Repaired(holders) = event {
                let is_safe = holders >= *missing || is_on(Mutation::AnsweredWithoutTheRepair);
                effects.push(if is_safe { Effect::Answer(merged.clone()) } else { Effect::Unavailable });
                self.repairing = None;
            }
            return effects;
        }
        match event {
            Event::State(node, item) => _ = self.replicas.insert(node, Known::State(item)),
            Event::Hash(node, hash) => {
                if self.replicas.get(&node) == Some(&Known::Asked) {
                    self.replicas.insert(node, Known::Hash(hash));
                }
            }
            Event::Failed(node) => _ = self.replicas.remove(&node),
            Event::Late if !self.is_hedged => {
                self.is_hedged = true;
                self.ask_next(&mut effects);
                return effects;
            }
            Event::Late | Event::Repaired(_) => return effects,
        }
        self.proceed(&mut effects);
        effects
    }

    fn proceed(&mut self, effects: &mut Vec<Effect>) {
        self.fill_up(effects);
        if effects.last() == Some(&Effect::Unavailable) {
            return;
        }
        let known = self.replicas.values().filter(|known| **known != Known::Asked).count();
        if known < self.quorum {
            return;
        }
        let states = self.replicas.values().filter_map(|known| match known {
            Known::State(item) => Some(item),
            Known::Asked | Known::Hash(_) => None,
        });
        let Some(merged) = ReplicaItem::merge_all(states) else {
            return self.ask_missing_state(None, effects);
        };
        let hash = merged.state_hash();
        let has_state = |known: &Known| matches!(known, Known::State(_));
        let agrees = |known: &Known| has_state(known) || *known == Known::Hash(hash);
        let agreeing = self.replicas.values().filter(|known| agrees(known)).count();
        if agreeing < self.quorum {
            return self.ask_missing_state(Some(hash), effects);
        }
        let behind: Vec<NodeId> = self
            .replicas
            .iter()
            .filter(|(_, known)| matches!(known, Known::State(item) if item.item.state_hash() != hash))
            .map(|(node, _)| *node)
            .collect();
        let holds = |known: &Known| match known {
            Known::Asked => false,
            Known::Hash(held) => *held == hash,
            Known::State(state) => state.item.state_hash() == hash,
        };
        let holders = self.replicas.values().filter(|known| holds(known)).count();
        if holders < self.quorum {
            effects.push(Effect::Repair(behind, merged.clone()));
            self.repairing = Some(Repairing { merged, missing: self.quorum - holders });
            return;
        }
        if !behind.is_empty() {
            effects.push(Effect::RepairLater(behind, merged.clone()));
        }
        effects.push(Effect::Answer(merged));
    }

    /// Asks for the states of those that hold another one, or of the first if nobody has shown any.
    fn ask_missing_state(&mut self, merged: Option<u64>, effects: &mut Vec<Effect>) {
        let missing = |known: &Known| matches!(known, Known::Hash(hash) if Some(*hash) != merged);
        let mut missing: Vec<NodeId> =
            self.replicas.iter().filter(|(_, known)| missing(known)).map(|(node, _)| *node).collect();
        if merged.is_none() {
            missing.truncate(1);
        }
        for node in missing {
            self.replicas.insert(node, Known::Asked);
            effects.push(Effect::AskState(node));
        }
    }

    /// Has as many replicas asked as the quorum needs; the first of all for its state.
    fn fill_up(&mut self, effects: &mut Vec<Effect>) {
        while self.replicas.len() < self.quorum {
            if !self.ask_next(effects) {
                effects.push(Effect::Unavailable);
                return;
            }
        }
    }

    fn ask_next(&mut self, effects: &mut Vec<Effect>) -> bool {
        let Some(node) = self.candidates.pop_front() else { return false };
        let asks_state = self.replicas.is_empty();
        self.replicas.insert(node, Known::Asked);
        effects.push(if asks_state { Effect::AskState(node) } else { Effect::AskHash(node) });
        true
    }
}
