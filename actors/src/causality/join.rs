//! How replicas of an item become equal, and how little of a context each of them keeps.
//!
//! A replica's *shard clock* covers every dot that it has taken in, of whatever item of the shard. What the clock covers
//! need not be repeated in each item: a state is *stripped* when it is stored, and *filled* with the clock again when it
//! leaves for another replica, or before another replica's state is merged into it (Gonçalves, Almeida, Baquero, Fonte:
//! "Concise server-wide causality management for eventually consistent data stores", DAIS 2015). An item that a replica
//! does not hold is the empty one: filled, it says that everything up to the clock is dead there.

use super::item::{Branch, Item, Sibling};
use super::{Context, Dot};
use crate::ids::ActorId;
use std::cmp::Ordering;

impl<'a> Item<'a> {
    /// Takes in another replica's state of the same item. Both must be filled.
    ///
    /// The join of causal CRDTs: a value that only one side holds is dead if the other side's context covers it, and
    /// alive if it does not; contexts add up.
    pub fn merge(&mut self, other: &Item<'a>) {
        let mut merged = Vec::with_capacity(self.branches.len().max(other.branches.len()));
        let mut theirs = other.branches.iter().peekable();
        for ours in std::mem::take(&mut self.branches) {
            while let Some(earlier) = theirs.next_if(|theirs| theirs.actor < ours.actor) {
                merged.push(earlier.clone());
            }
            merged.push(match theirs.next_if(|theirs| theirs.actor == ours.actor) {
                Some(theirs) => join(ours, theirs),
                None => ours,
            });
        }
        merged.extend(theirs.cloned());
        self.branches = merged;
    }

    /// Merges the state of a replica whose clock is `theirs` into the state of one whose clock is `ours`: as if both were
    /// filled, but of the clocks no more is written down than what `stripped_by`, which `ours` covers, does not cover.
    pub fn merge_stripped(
        &mut self,
        ours: &Context,
        other: Item<'a>,
        theirs: &Context,
        stripped_by: &Context,
    ) {
        let mut other = other;
        for branch in &self.branches {
            other.knows(branch.actor, theirs.time_of(branch.actor));
        }
        let is_news = |&&(actor, time): &&(ActorId, u64)| !stripped_by.covers(Dot { actor, time });
        theirs.pairs().iter().filter(is_news).for_each(|&(actor, time)| other.knows(actor, time));
        for branch in &other.branches {
            if let Some(newest) = branch.newest_time() {
                self.knows(branch.actor, ours.time_of(branch.actor).min(newest));
            }
        }
        self.merge(&other);
        self.strip(stripped_by);
    }

    /// Adds what `clock` covers to the context: the form in which a state is compared with another replica's.
    pub fn fill(&mut self, clock: &Context) {
        for &(actor, time) in clock.pairs() {
            self.knows(actor, time);
        }
    }

    /// Leaves out of the context what `clock` covers: the form in which a state is stored. Only for a clock that is
    /// itself stored in the same record or before: otherwise a crash takes back what was overwritten, and a late
    /// message revives it.
    pub fn strip(&mut self, clock: &Context) {
        self.branches.retain_mut(|branch| {
            if clock.covers(Dot { actor: branch.actor, time: branch.seen }) {
                branch.seen = branch.newest_time().unwrap_or(0);
            }
            branch.seen > 0
        });
    }

    fn knows(&mut self, actor: ActorId, time: u64) {
        if time > 0 {
            let branch = self.branch_mut(actor);
            branch.seen = branch.seen.max(time);
        }
    }

    /// Whether every dot that the item knows, alive or dead, is covered by `clock`: then a replica that drops its
    /// tombstone still tells others that it is dead.
    pub fn is_known_to(&self, clock: &Context) -> bool {
        self.branches.iter().all(|branch| clock.covers(Dot { actor: branch.actor, time: branch.seen }))
    }
}

fn join<'a>(ours: Branch<'a>, theirs: &Branch<'a>) -> Branch<'a> {
    let mut siblings: Vec<Sibling<'a>> = Vec::with_capacity(ours.siblings.len().max(theirs.siblings.len()));
    let mut ours_left = ours.siblings.into_iter().peekable();
    let mut theirs_left = theirs.siblings.iter().peekable();
    loop {
        let order = match (ours_left.peek(), theirs_left.peek()) {
            (Some(our), Some(their)) => our.time.cmp(&their.time),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => siblings.extend(ours_left.next().filter(|our| our.time > theirs.seen)),
            Ordering::Greater => {
                siblings.extend(theirs_left.next().filter(|their| their.time > ours.seen).cloned());
            }
            Ordering::Equal => {
                siblings.extend(ours_left.next());
                theirs_left.next();
            }
        }
    }
    Branch { actor: ours.actor, seen: ours.seen.max(theirs.seen), siblings }
}
