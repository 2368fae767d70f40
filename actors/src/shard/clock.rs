//! The shard clock: of each actor, up to which time every dot of the shard was taken in here.
//!
//! ```text
//!                      own commits ──▶ committed ─┐
//! rounds that are stored ──▶ taken_in ────────────┴─▶ shown to other nodes
//!                               └─▶ strips the rows of every batch that takes it along, or comes later
//! ```
//!
//! * The own entry is what is *committed*, not what is minted: a read would otherwise declare a peer's copy of a write
//!   that is still under way dead.
//! * Another actor's entry is raised by a *round* of anti-entropy with the actor's node, to what was committed there when the
//!   round began, once everything that the round brought is stored here.
//! * An actor that has *ended* mints no more. It is closed once this replica was compared with every other one, by rounds
//!   that began after the end, each with a replica that lacked nothing.
//! * Rows are stripped only by what is stored before them or in the same batch: a crash that takes the clock back and
//!   leaves the rows would leave nowhere what they had overwritten.

use crate::causality::{CLOSED, Context};
use crate::ids::{ActorId, NodeId};
use crate::limits::OPEN_ACTORS_MAX;
use crate::mutation::{Mutation, is_on};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A point in what a shard has learned. It only grows while the shard runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Moment(pub u64);

/// What another replica said of itself when a round with it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerSide {
    /// Which replica.
    pub peer: NodeId,
    /// Who mints its dots.
    pub actor: ActorId,
    /// Every dot of `actor` up to this time was committed there.
    pub committed: u64,
    /// Whether it lacked nothing that it ever acknowledged.
    pub is_complete: bool,
}

/// How far it is known of an actor that it has ended.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Open {
    /// When it was first heard of.
    sighted: Moment,
    /// Replicas that minted under another actor after that: it is none of theirs, or was.
    is_not_of: BTreeSet<NodeId>,
    /// When it was known to mint no more.
    ended: Option<Moment>,
    /// Complete replicas that this one was compared with since.
    compared: BTreeSet<NodeId>,
}

/// The clock of one replica of a shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardClock {
    actor: ActorId,
    committed: u64,
    /// Of the own actor, what was committed when the shard's row was last made.
    taken_in: Context,
    /// Whether the shard's newest row, on the disk or on its way, lacks something of it.
    is_raised: bool,
    /// Actors that are not closed, the own one left out.
    open: BTreeMap<ActorId, Open>,
    now: Moment,
    /// Rounds that began before were with a copy that was removed.
    since: Moment,
}

impl ShardClock {
    /// The clock of a shard whose row says `stored`. `actor` mints now, and has committed everything up to `committed`;
    /// `earlier` minted on this node before.
    pub fn open(stored: Context, actor: ActorId, committed: u64, earlier: &[ActorId]) -> ShardClock {
        let mut clock = ShardClock {
            actor,
            committed,
            taken_in: stored,
            is_raised: false,
            open: BTreeMap::new(),
            now: Moment(1),
            since: Moment(0),
        };
        for &earlier in earlier.iter().filter(|&&earlier| earlier != actor) {
            clock.has_ended(earlier);
        }
        let known: Vec<ActorId> = clock.taken_in.pairs().iter().map(|pair| pair.0).collect();
        known.into_iter().for_each(|actor| clock.sighted(actor));
        clock
    }

    /// The copy was removed, and `actor` mints in an empty one.
    pub(super) fn begin_anew(&mut self, actor: ActorId) {
        let since = self.tick();
        *self = ShardClock { now: since, since, ..ShardClock::open(Context::empty(), actor, 0, &[]) };
    }

    /// Whether a round that began at `began` was with this copy. One with a copy that was removed since would raise the clock
    /// over what went with it.
    pub(super) fn is_of_this_copy(&self, began: Moment) -> bool {
        began >= self.since
    }

    /// Who mints now.
    pub fn actor(&self) -> ActorId {
        self.actor
    }

    /// Up to which time everything is committed that the present actor minted.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// What other nodes are shown, and what a state that leaves for them is filled with: of the own actor what is
    /// committed, of others what was taken in.
    pub fn shown(&self) -> Context {
        self.known(self.committed)
    }

    /// What every state of this replica is filled with before another one's is merged into it. `minted` is the newest time
    /// of the present actor: whatever it minted is in a row or on its way to one.
    pub fn known(&self, minted: u64) -> Context {
        let mut known = self.taken_in.clone();
        known.raise(self.actor, minted);
        known
    }

    /// What the rows of the next batch are to be stripped by. If [`ShardClock::has_more_to_store`], the batch takes the
    /// shard's row along.
    pub fn strips_by(&self) -> &Context {
        &self.taken_in
    }

    /// Of everything that was learned, the latest: a round that begins now began after it.
    pub fn moment(&self) -> Moment {
        self.now
    }

    /// The present actor committed everything up to `time`.
    pub fn committed_up_to(&mut self, time: u64) {
        self.committed = self.committed.max(time);
    }

    /// The present actor is retired, and `actor` mints from now on.
    pub fn actor_begins(&mut self, actor: ActorId) {
        self.is_raised |= self.taken_in.raise(self.actor, self.committed);
        self.has_ended(self.actor);
        (self.actor, self.committed) = (actor, 0);
    }

    /// A state or another node's clock named an actor. When it has ended, only rounds can tell. No more than
    /// [`OPEN_ACTORS_MAX`] are looked after; of the others the items keep what they know until there is room.
    pub fn sighted(&mut self, actor: ActorId) {
        let is_open = actor != self.actor && self.taken_in.time_of(actor) != CLOSED;
        if is_open && !self.open.contains_key(&actor) && self.open.len() < OPEN_ACTORS_MAX {
            let sighted = self.tick();
            self.open.insert(actor, Open { sighted, ..Open::default() });
        }
    }

    /// Everything that a round brought is stored here. `began` is the moment in which it began, and `others` are the other
    /// replicas of the shard in every live layout version.
    pub fn round_is_stored(&mut self, began: Moment, side: PeerSide, others: &BTreeSet<NodeId>) {
        // An actor of this node is known here by its own commits.
        if side.actor != self.actor {
            self.is_raised |= self.taken_in.raise(side.actor, side.committed);
            self.sighted(side.actor);
        }
        let now = self.tick();
        let mut closed = Vec::new();
        for (&actor, open) in self.open.iter_mut().filter(|(actor, _)| **actor != side.actor) {
            if open.sighted <= began {
                open.is_not_of.insert(side.peer);
            }
            let counts = side.is_complete || is_on(Mutation::IncompleteReplicaClosesActors);
            if counts && open.ended.is_some_and(|ended| ended <= began) {
                open.compared.insert(side.peer);
            }
            if open.ended.is_none() && others.is_subset(&open.is_not_of) {
                open.ended = Some(now);
            }
            if open.ended.is_some() && others.is_subset(&open.compared) {
                closed.push(actor);
            }
        }
        closed.into_iter().for_each(|actor| self.close(actor));
    }

    /// No other node holds the shard: whatever actor has ended is closed.
    pub fn is_sole_replica(&mut self) {
        let ended = self.open.iter().filter(|(_, open)| open.ended.is_some()).map(|(actor, _)| *actor);
        ended.collect::<Vec<_>>().into_iter().for_each(|actor| self.close(actor));
    }

    /// Whether the next batch has to take the shard's row along.
    pub fn has_more_to_store(&self) -> bool {
        self.is_raised && !is_on(Mutation::StrippedByAClockNotStored)
    }

    /// What the shard's row says that the next batch takes along.
    pub fn for_row(&mut self) -> Context {
        self.taken_in.raise(self.actor, self.committed);
        self.is_raised = false;
        self.taken_in.clone()
    }

    /// A batch was refused, perhaps one that took the shard's row along, and with it every later one.
    pub fn was_refused(&mut self) {
        self.is_raised = true;
    }

    fn has_ended(&mut self, actor: ActorId) {
        if self.taken_in.time_of(actor) != CLOSED {
            let ended = Some(self.tick());
            let open = self.open.entry(actor).or_default();
            open.ended = open.ended.or(ended);
        }
    }

    fn close(&mut self, actor: ActorId) {
        self.open.remove(&actor);
        self.is_raised |= self.taken_in.raise(actor, CLOSED);
    }

    fn tick(&mut self) -> Moment {
        self.now = Moment(self.now.0 + 1);
        self.now
    }
}
