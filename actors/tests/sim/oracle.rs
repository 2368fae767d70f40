//! What clients were promised: causal histories as plain sets, with no vectors and no clocks in them.
//!
//! Every write that a client tries has a number and the set of writes that its token covered. What a store should show
//! of an item follows from the writes that it applied: those that are in no other one's set.

use crate::keyspace::{ITEM_COUNT, ItemIndex};
use std::collections::BTreeMap;
use troupe_actors::causality::{CLOSED, Context, Dot};
use troupe_actors::ids::ActorId;

/// No run tries more writes.
pub(crate) const WRITES_MAX: usize = 512;

/// Room for the writes that end a run.
const LAST_WRITES: usize = 2 + 2 * ITEM_COUNT;

/// One write that a client tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct WriteId(pub(crate) usize);

/// A set of writes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Writes([u64; WRITES_MAX / 64]);

impl Writes {
    pub(crate) fn insert(&mut self, id: WriteId) {
        self.0[id.0 / 64] |= 1 << (id.0 % 64);
    }

    pub(crate) fn contains(&self, id: WriteId) -> bool {
        self.0[id.0 / 64] & (1 << (id.0 % 64)) != 0
    }

    pub(crate) fn extend(&mut self, other: &Writes) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }

    pub(crate) fn without(mut self, other: &Writes) -> Writes {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= !other;
        }
        self
    }

    pub(crate) fn both(mut self, other: &Writes) -> Writes {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0 == [0; WRITES_MAX / 64]
    }

    pub(crate) fn is_subset(&self, other: &Writes) -> bool {
        self.without(other).is_empty()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = WriteId> {
        let words = self.0.into_iter().enumerate().filter(|(_, word)| *word != 0);
        words.flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| WriteId(at * 64 + bit))
        })
    }
}

impl FromIterator<WriteId> for Writes {
    fn from_iter<I: IntoIterator<Item = WriteId>>(ids: I) -> Writes {
        let mut writes = Writes::default();
        ids.into_iter().for_each(|id| writes.insert(id));
        writes
    }
}

impl std::fmt::Debug for Writes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|id| id.0)).finish()
    }
}

/// What the client was told of its write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Nothing yet, or that nobody knows.
    Open,
    /// It is durable.
    Acknowledged,
    /// Nothing happened.
    Refused,
}

/// One write that a client tried.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) item: ItemIndex,
    /// `None` deletes.
    pub(crate) value: Option<Vec<u8>>,
    /// What the token covered.
    pub(crate) past: Writes,
    pub(crate) dot: Option<Dot>,
    pub(crate) fate: Fate,
}

/// What became of one item on one disk.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct History {
    /// Every write that was applied, or covered by one that was: what a reader has seen.
    pub(crate) known: Writes,
    /// Those of them that the token of an applied write covered.
    covered: Writes,
}

impl History {
    /// What a reader should be shown.
    pub(crate) fn live(&self) -> Writes {
        self.known.without(&self.covered)
    }

    /// What two replicas know together.
    pub(crate) fn join(&mut self, other: &History) {
        self.known.extend(&other.known);
        self.covered.extend(&other.covered);
    }

    /// What somebody does not know who has closed its actor, is dead.
    pub(crate) fn bury(&mut self, oracle: &Oracle, known_there: &Writes, closed_there: &Context) {
        for id in self.known.without(known_there).iter() {
            let dot = oracle.tried(id).dot;
            if dot.is_some_and(|dot| closed_there.time_of(dot.actor) == CLOSED) {
                self.covered.insert(id);
            }
        }
    }

    fn apply(&mut self, id: WriteId, past: &Writes) {
        self.known.extend(past);
        self.known.insert(id);
        self.covered.extend(past);
    }
}

/// What a disk holds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held([History; ITEM_COUNT]);

impl Held {
    pub(crate) fn of(&self, item: ItemIndex) -> &History {
        &self.0[item.0]
    }

    /// Takes in what another replica knows of an item.
    pub(crate) fn join(&mut self, item: ItemIndex, other: &History) {
        self.0[item.0].join(other);
    }
}

/// Everything that was ever tried.
#[derive(Default)]
pub(crate) struct Oracle {
    tried: Vec<Tried>,
    by_dot: BTreeMap<Dot, WriteId>,
    /// What some disk held at some time.
    pub(crate) ever_held: Writes,
    pub(crate) acknowledged: Writes,
}

impl Oracle {
    pub(crate) fn try_write(&mut self, item: ItemIndex, is_delete: bool, past: Writes) -> WriteId {
        let id = WriteId(self.tried.len());
        // Of different lengths, so that a counter of bytes that went astray shows.
        let value = format!("{:0width$}", id.0, width = 4 + id.0 % 5).into_bytes();
        let value = (!is_delete).then_some(value);
        self.tried.push(Tried { item, value, past, dot: None, fate: Fate::Open });
        id
    }

    pub(crate) fn has_room(&self, writes: usize) -> bool {
        self.tried.len() + writes + LAST_WRITES <= WRITES_MAX
    }

    pub(crate) fn tried(&self, id: WriteId) -> &Tried {
        &self.tried[id.0]
    }

    /// Everything of an item that the token of some write covered which may have happened.
    pub(crate) fn covered(&self, item: ItemIndex) -> Writes {
        let mut covered = Writes::default();
        let tried = self.tried.iter().filter(|tried| tried.item == item && tried.fate != Fate::Refused);
        tried.for_each(|tried| covered.extend(&tried.past));
        covered
    }

    /// The times of every dot that an actor minted.
    pub(crate) fn minted(&self, actor: ActorId) -> impl Iterator<Item = u64> {
        self.by_dot.keys().filter(move |dot| dot.actor == actor).map(|dot| dot.time)
    }

    /// Every dot that was minted, and for which write.
    pub(crate) fn dots(&self) -> impl Iterator<Item = (Dot, WriteId)> {
        self.by_dot.iter().map(|(dot, id)| (*dot, *id))
    }

    pub(crate) fn by_dot(&self, dot: Dot) -> Option<WriteId> {
        self.by_dot.get(&dot).copied()
    }

    pub(crate) fn name(&mut self, id: WriteId, dot: Dot) {
        self.by_dot.insert(dot, id);
        self.tried[id.0].dot = Some(dot);
    }

    pub(crate) fn told(&mut self, id: WriteId, fate: Fate) {
        self.tried[id.0].fate = fate;
        if fate == Fate::Acknowledged {
            self.acknowledged.insert(id);
        }
    }

    /// What is held once the write is.
    pub(crate) fn apply(&self, held: &mut Held, id: WriteId) {
        let Tried { item, past, .. } = &self.tried[id.0];
        held.0[item.0].apply(id, past);
    }

    /// A disk took the write.
    pub(crate) fn stored(&mut self, id: WriteId) {
        self.ever_held.insert(id);
    }
}
