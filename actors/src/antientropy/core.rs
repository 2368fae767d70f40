//! The decisions of anti-entropy: which shard is compared with whom, what follows, and what others are answered.

use super::answer::AnswerLimits;
use super::effect::Effect;
use super::event::{EntropyView, Event, MergeId, RequestId};
use super::message::{Began, Side};
use super::pace::{Pace, Rate};
use super::progress::Progress;
use super::replica::Replica;
use super::rounds::Rounds;
use super::schedule::Schedule;
use super::standing::{Counterpart, Held, ShardView, Standing};
use crate::ids::{NodeId, ShardIndex};
use crate::limits::{
    ENTROPY_ASK_MS, ENTROPY_INTERVAL_MS, ENTROPY_RECHECK_MS, ENTROPY_RETRY_MS, ENTROPY_ROUNDS_MAX,
};
use crate::shard::{PeerSide, RoundEnd};
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};

/// The bounds of anti-entropy. The simulator sets all of them so low that they are met.
#[derive(Clone, Copy, Debug)]
pub struct EntropyLimits {
    /// How often two replicas compare a shard.
    pub interval_ms: u64,
    /// How soon a failed comparison is tried again.
    pub retry_ms: u64,
    /// How long a difference must last.
    pub recheck_ms: u64,
    /// How long an answer may take.
    pub ask_ms: u64,
    /// Shards that are repaired at the same time.
    pub rounds_max: usize,
    /// How much one message holds.
    pub answers: AnswerLimits,
    /// How fast it goes.
    pub rate: Rate,
}

impl Default for EntropyLimits {
    fn default() -> EntropyLimits {
        EntropyLimits {
            interval_ms: ENTROPY_INTERVAL_MS,
            retry_ms: ENTROPY_RETRY_MS,
            recheck_ms: ENTROPY_RECHECK_MS,
            ask_ms: ENTROPY_ASK_MS,
            rounds_max: ENTROPY_ROUNDS_MAX,
            answers: AnswerLimits::default(),
            rate: Rate::default(),
        }
    }
}

/// One shard as it is held here.
pub(super) struct Shard {
    pub(super) view: ShardView,
    pub(super) peers: BTreeSet<NodeId>,
    pub(super) standing: Standing,
    is_being_removed: bool,
}

/// A comparison that is over: everything that it brought is stored on the side that takes note of it.
pub(super) struct Outcome {
    pub(super) shard: ShardIndex,
    pub(super) peer: NodeId,
    pub(super) own: Side,
    pub(super) theirs: Side,
    /// When it began, by this node's count of moments.
    pub(super) began: u64,
}

/// The decisions of anti-entropy.
pub struct EntropyCore {
    pub(super) me: NodeId,
    pub(super) boot: u64,
    pub(super) limits: EntropyLimits,
    /// Counts what this node learned: comparisons that began before a moment prove nothing about what came after it.
    pub(super) moment: u64,
    pub(super) shards: BTreeMap<ShardIndex, Shard>,
    pub(super) schedule: Schedule,
    pub(super) rounds: Rounds,
    pub(super) pace: Pace,
    /// States that others sent, on their way to the disk.
    pub(super) pushes: BTreeMap<MergeId, (RequestId, ShardIndex)>,
    pub(super) next_id: u64,
    pub(super) progress: Progress,
    /// Since when everybody writes by a version.
    acked_at: BTreeMap<u64, u64>,
    /// Since when peers know of this node's last loss of memory, and count nothing that it acknowledged before.
    voided_at: BTreeMap<NodeId, u64>,
}

impl EntropyCore {
    /// Anti-entropy of node `me`. `boot` tells this run of the process from others; `held` is what the rows of the shards
    /// say, those that are absent left out.
    pub fn new(
        me: NodeId,
        boot: u64,
        limits: EntropyLimits,
        held: impl IntoIterator<Item = (ShardIndex, Held)>,
    ) -> EntropyCore {
        let shards = held.into_iter().map(|(shard, held)| (shard, Shard::new(held))).collect();
        EntropyCore {
            me,
            boot,
            limits,
            moment: 0,
            shards,
            schedule: Schedule::default(),
            rounds: Rounds::default(),
            pace: Pace::new(limits.rate),
            pushes: BTreeMap::new(),
            next_id: 0,
            progress: Progress::default(),
            acked_at: BTreeMap::new(),
            voided_at: BTreeMap::new(),
        }
    }

    /// Handles one event. `now_ms` is a monotone clock of the caller's.
    pub fn step(&mut self, now_ms: u64, event: Event, replica: &dyn Replica) -> Vec<Effect> {
        self.moment += 1;
        let mut effects = Vec::new();
        match event {
            Event::Tick => self.tick(now_ms, replica, &mut effects),
            Event::Layout(view) => self.laid_out(view, &mut effects),
            Event::Link { peer, is_up } => self.schedule.link(peer, is_up),
            Event::Answered { ask, answer, bytes } => {
                self.answered(now_ms, ask, answer, bytes, replica, &mut effects);
            }
            Event::Asked { request, from, question } => {
                self.asked(now_ms, request, from, question, replica, &mut effects);
            }
            Event::Merged { merge, is_stored } => {
                self.merged(now_ms, merge, is_stored, replica, &mut effects);
            }
            Event::Removed(shard) => self.removed(shard, &mut effects),
            Event::LostMemory(shards) => self.lost_memory(&shards, &mut effects),
            Event::Voided { peer } => _ = self.voided_at.entry(peer).or_insert(self.moment),
            Event::Rate(rate) => self.pace.set_rate(rate),
            Event::MemoryIsBack(shards) => self.memory_is_back(&shards, &mut effects),
        }
        effects
    }

    /// Whether this node's copy of the shard counts in a read quorum.
    pub fn is_complete(&self, shard: ShardIndex) -> bool {
        self.shards.get(&shard).is_some_and(|shard| shard.standing.is_complete())
    }

    /// How the shard is held.
    pub fn held(&self, shard: ShardIndex) -> Held {
        self.shards.get(&shard).map_or(Held::Absent, |shard| shard.standing.held)
    }

    fn laid_out(&mut self, mut view: EntropyView, effects: &mut Vec<Effect>) {
        self.acked_at.entry(view.acked).or_insert(self.moment);
        let waits_for = self.shards.values().filter_map(|shard| shard.standing.gained_with()).min();
        self.acked_at.retain(|version, _| *version >= waits_for.unwrap_or(view.acked).min(view.acked));
        for shard in view.shards.keys() {
            self.shards.entry(*shard).or_insert_with(|| Shard::new(Held::Absent));
        }
        for (index, shard) in &mut self.shards {
            shard.view = view.shards.remove(index).unwrap_or_default();
            shard.peers = shard.view.peers(self.me);
            if shard.standing.laid_out(self.me, &shard.view) {
                effects.push(Effect::Hold { shard: *index, held: shard.standing.held });
            }
            // A removal that a restart interrupted goes on.
            if shard.standing.held == Held::Dropping && !shard.is_being_removed {
                shard.is_being_removed = true;
                effects.push(Effect::Remove { shard: *index });
            }
        }
        self.schedule.laid_out(&self.shards);
    }

    fn removed(&mut self, index: ShardIndex, effects: &mut Vec<Effect>) {
        let Some(shard) = self.shards.get_mut(&index) else { return };
        shard.standing.removed();
        shard.is_being_removed = false;
        // It may have come back meanwhile.
        if shard.standing.laid_out(self.me, &shard.view) {
            effects.push(Effect::Hold { shard: index, held: shard.standing.held });
        }
        if shard.standing.held == Held::Absent {
            self.shards.remove(&index);
        }
        self.schedule.laid_out(&self.shards);
    }

    fn lost_memory(&mut self, shards: &BTreeSet<ShardIndex>, effects: &mut Vec<Effect>) {
        for (index, shard) in self.shards.iter_mut().filter(|(index, _)| shards.contains(index)) {
            if shard.standing.forget(self.me, &shard.view, self.moment) {
                effects.push(Effect::Hold { shard: *index, held: shard.standing.held });
            }
        }
        self.voided_at.clear();
        self.schedule.hurry();
    }

    fn memory_is_back(&mut self, shards: &BTreeSet<ShardIndex>, effects: &mut Vec<Effect>) {
        for (index, shard) in self.shards.iter_mut().filter(|(index, _)| shards.contains(index)) {
            if shard.standing.stop_waiting() {
                effects.push(Effect::Hold { shard: *index, held: shard.standing.held });
            }
        }
    }

    /// How a comparison with another replica begins on this side.
    pub(super) fn side(&self, shard: ShardIndex, replica: &dyn Replica) -> Result<Option<Side>, StoreError> {
        let Some(held) = self.shards.get(&shard).filter(|shard| shard.standing.is_open()) else {
            return Ok(None);
        };
        let summary = replica.summary(shard)?;
        Ok(Some(Side {
            actor: summary.actor,
            committed: summary.committed,
            is_complete: summary.may_vote && held.standing.is_complete(),
            digest: summary.digest,
            learned: summary.learned,
        }))
    }

    /// Takes note of a comparison whose every difference is merged and stored here.
    pub(super) fn compared(
        &mut self,
        outcome: &Outcome,
        replica: &dyn Replica,
        effects: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Outcome { shard: index, peer, own, theirs, began } = *outcome;
        let Some(shard) = self.shards.get_mut(&index) else { return Ok(()) };
        if replica.summary(index)?.actor != own.actor {
            return Ok(());
        }
        let acked_at = |version: u64| self.acked_at.range(version..).map(|(_, at)| *at).min();
        let since = match shard.standing.held {
            Held::Receiving(version) => acked_at(version),
            Held::Amnesiac(_) => self.voided_at.get(&peer).copied(),
            Held::Absent | Held::Live(_) | Held::Dropping => None,
        };
        effects.push(Effect::RoundStored {
            shard: index,
            end: RoundEnd {
                began: own.learned,
                side: PeerSide {
                    peer,
                    actor: theirs.actor,
                    committed: theirs.committed,
                    is_complete: theirs.is_complete,
                },
                others: shard.peers.clone(),
                is_after_acks: since.is_some_and(|since| began >= since),
            },
        });
        let with = Counterpart { peer, is_whole: theirs.is_complete, began };
        if shard.standing.compared(with, self.me, &shard.view, since) {
            effects.push(Effect::Hold { shard: index, held: shard.standing.held });
        }
        Ok(())
    }

    pub(super) fn began(&self) -> Began {
        Began { boot: self.boot, moment: self.moment }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

impl Shard {
    fn new(held: Held) -> Shard {
        Shard {
            view: ShardView::default(),
            peers: BTreeSet::new(),
            standing: Standing::new(held),
            is_being_removed: false,
        }
    }
}
