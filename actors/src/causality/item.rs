use super::{Context, Dot};
use crate::ids::ActorId;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What one write stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Value<'a> {
    /// The item was deleted.
    Tombstone,
    /// Opaque bytes, perhaps none.
    Bytes(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// A copy that owns its bytes.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Tombstone => Value::Tombstone,
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }

    /// The same value, borrowing its bytes.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Tombstone => Value::Tombstone,
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
        }
    }

    /// The bytes; `None` for a tombstone.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Tombstone => None,
            Value::Bytes(bytes) => Some(bytes),
        }
    }
}

/// A live value and the time of its dot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sibling<'a> {
    /// The dot's time; its actor is the branch's.
    pub time: u64,
    /// What was written.
    #[serde(borrow)]
    pub value: Value<'a>,
}

/// What an item knows of one actor: every dot up to `seen`, of which the siblings are alive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch<'a> {
    /// Whose dots these are.
    pub actor: ActorId,
    /// Every dot of the actor up to this time is a sibling here, was overwritten, or belongs to another item. Never below
    /// the newest sibling's time.
    pub seen: u64,
    /// Ascending by time.
    pub siblings: Vec<Sibling<'a>>,
}

impl Branch<'_> {
    /// The time of the newest sibling; `None` without one.
    pub fn newest_time(&self) -> Option<u64> {
        self.siblings.last().map(|last| last.time)
    }
}

/// An item: the values that no write has overwritten, and the context that tells which dots are dead.
///
/// A dot that the context covers and that is no sibling is dead; one that it does not cover is unknown. How much of the
/// context is written down depends on where the state is: see [`Item::strip`] and [`Item::fill`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Item<'a> {
    /// Ascending by actor, each actor once.
    pub(super) branches: Vec<Branch<'a>>,
}

impl<'a> Item<'a> {
    /// An item that was never written.
    pub fn empty() -> Item<'a> {
        Item::default()
    }

    /// The branches, ascending by actor.
    pub fn branches(&self) -> &[Branch<'a>] {
        &self.branches
    }

    /// Whether it was never written.
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// The newest live dot of each actor: what a causality token for a read of this item carries. It covers every value
    /// that the read shows, and names no actor of which nothing is left.
    pub fn token_context(&self) -> Context {
        let newest = |branch: &Branch<'_>| Some((branch.actor, branch.newest_time()?));
        let pairs = self.branches.iter().filter_map(newest).collect();
        Context::from_ascending(pairs).expect("branches ascend by actor, each of them once")
    }

    /// How many actors have a live value: as many as the item's token names.
    pub fn live_actor_count(&self) -> usize {
        self.branches.iter().filter(|branch| !branch.siblings.is_empty()).count()
    }

    /// Whether a reader who holds `context` has seen every live value.
    pub fn is_covered_by(&self, context: &Context) -> bool {
        self.branches.iter().all(|branch| match branch.newest_time() {
            Some(time) => context.covers(Dot { actor: branch.actor, time }),
            None => true,
        })
    }

    /// All live values, duplicates included, by actor and time.
    pub fn siblings(&self) -> impl Iterator<Item = (Dot, &Value<'a>)> {
        self.branches.iter().flat_map(|branch| {
            branch
                .siblings
                .iter()
                .map(|sibling| (Dot { actor: branch.actor, time: sibling.time }, &sibling.value))
        })
    }

    /// The same, each to be replaced by the value of its dot where that lies elsewhere.
    pub fn siblings_mut(&mut self) -> impl Iterator<Item = (Dot, &mut Value<'a>)> {
        self.branches.iter_mut().flat_map(|branch| {
            let actor = branch.actor;
            branch
                .siblings
                .iter_mut()
                .map(move |sibling| (Dot { actor, time: sibling.time }, &mut sibling.value))
        })
    }

    /// The live values that a write with `context` leaves beside its own.
    pub fn siblings_not_covered_by(&self, context: &Context) -> impl Iterator<Item = (Dot, &Value<'a>)> {
        self.siblings().filter(|(dot, _)| !context.covers(*dot))
    }

    /// The live values as a reader sees them: identical ones once.
    pub fn values(&self) -> Vec<&Value<'a>> {
        let mut seen = std::collections::BTreeSet::new();
        self.siblings().map(|(_, value)| value).filter(|value| seen.insert(value.bytes())).collect()
    }

    /// Whether nothing but tombstones is left: the item exists and holds no value.
    pub fn is_tombstone(&self) -> bool {
        self.siblings().all(|(_, value)| *value == Value::Tombstone)
    }

    /// How many values are alive, duplicates included.
    pub fn sibling_count(&self) -> usize {
        self.branches.iter().map(|branch| branch.siblings.len()).sum()
    }

    /// Applies one client write: what `context` covers is discarded, `value` is added as `dot`.
    ///
    /// `dot.time` must exceed every time that its actor ever minted, here or elsewhere.
    pub fn write(&mut self, dot: Dot, context: &Context, value: Value<'a>) {
        for &(actor, time) in context.pairs() {
            let branch = self.branch_mut(actor);
            branch.siblings.retain(|sibling| sibling.time > time);
            branch.seen = branch.seen.max(time);
        }
        let branch = self.branch_mut(dot.actor);
        debug_assert!(branch.seen < dot.time, "{dot:?} is not above {}", branch.seen);
        branch.siblings.push(Sibling { time: dot.time, value });
        branch.seen = dot.time;
    }

    /// The newest time of `actor` that the item knows of; 0 if none.
    pub fn newest_time_of(&self, actor: ActorId) -> u64 {
        self.branches
            .binary_search_by_key(&actor, |branch| branch.actor)
            .map_or(0, |at| self.branches[at].seen)
    }

    /// The same item with other values under the same dots.
    #[must_use]
    pub fn map_values<'b>(self, mut map: impl FnMut(Value<'a>) -> Value<'b>) -> Item<'b> {
        let branches = self.branches.into_iter().map(|branch| Branch {
            actor: branch.actor,
            seen: branch.seen,
            siblings: branch
                .siblings
                .into_iter()
                .map(|sibling| Sibling { time: sibling.time, value: map(sibling.value) })
                .collect(),
        });
        Item { branches: branches.collect() }
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Item<'static> {
        self.map_values(Value::into_owned)
    }

    pub(super) fn branch_mut(&mut self, actor: ActorId) -> &mut Branch<'a> {
        let at = match self.branches.binary_search_by_key(&actor, |branch| branch.actor) {
            Ok(at) => at,
            Err(at) => {
                self.branches.insert(at, Branch { actor, seen: 0, siblings: Vec::new() });
                at
            }
        };
        &mut self.branches[at]
    }
}
