use super::{Context, Dot};
use crate::ids::ActorId;
use crate::limits::TOKEN_ACTORS_MAX;
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

/// What an item knows of one actor: the times up to `discarded` are gone, the siblings are alive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Branch<'a> {
    /// Whose dots these are.
    #[serde(with = "actor_as_fixed_bytes")]
    pub actor: ActorId,
    /// Every dot of the actor up to this time was overwritten (or belongs to another item).
    pub discarded: u64,
    /// Ascending by time, each above `discarded`.
    #[serde(borrow)]
    pub siblings: Vec<Sibling<'a>>,
}

impl Branch<'_> {
    fn newest_time(&self) -> u64 {
        self.siblings.last().map_or(self.discarded, |last| last.time)
    }
}

/// An item: the set of values that no write has overwritten, and what it takes to tell.
///
/// Persisted as postcard: `branches: [(actor u64 LE, discarded varint, [(time varint, 0 | 1 len bytes)])]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Item<'a> {
    /// Ascending by actor, each actor once.
    #[serde(borrow)]
    branches: Vec<Branch<'a>>,
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

    /// Everything that a reader of this item has seen: what a token for it carries.
    pub fn context(&self) -> Context {
        let pairs = self.branches.iter().map(|branch| (branch.actor, branch.newest_time())).collect();
        Context::from_ascending(pairs).expect("branches ascend by actor, each of them once")
    }

    /// Whether a reader who holds `context` has seen every live value.
    pub fn is_covered_by(&self, context: &Context) -> bool {
        self.branches.iter().all(|branch| match branch.siblings.last() {
            Some(last) => context.covers(Dot { actor: branch.actor, time: last.time }),
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
        self.discard(context);
        let branch = self.branch_mut(dot.actor);
        debug_assert!(branch.siblings.last().map_or(branch.discarded, |last| last.time) < dot.time);
        branch.siblings.push(Sibling { time: dot.time, value });
    }

    /// The newest time of `actor` that the item knows of; 0 if none.
    pub fn newest_time_of(&self, actor: ActorId) -> u64 {
        self.branches
            .binary_search_by_key(&actor, |branch| branch.actor)
            .map_or(0, |at| self.branches[at].newest_time())
    }

    /// Drops the actors that have no live value here.
    ///
    /// Only for an item that no other replica holds: then nothing can bring back what they discarded. It keeps the
    /// context short of an item that lives through many epochs, or that is written with other items' tokens.
    pub fn forget_discarded(&mut self) {
        self.branches.retain(|branch| !branch.siblings.is_empty());
    }

    /// Takes in another replica's state of the same item: of each actor the larger discard time, and every value that
    /// neither side has discarded.
    pub fn merge(&mut self, other: &Item<'a>) {
        for theirs in &other.branches {
            let ours = self.branch_mut(theirs.actor);
            let discarded = ours.discarded.max(theirs.discarded);
            for sibling in &theirs.siblings {
                if let Err(at) = ours.siblings.binary_search_by_key(&sibling.time, |held| held.time)
                    && sibling.time > ours.discarded
                {
                    ours.siblings.insert(at, sibling.clone());
                }
            }
            // What an actor discards of its own dots is always everything up to a time, so the larger time speaks for
            // both sides: a held value above it was overwritten by neither.
            ours.discarded = discarded;
            ours.siblings.retain(|held| held.time > discarded);
        }
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Item<'static> {
        let branches = self.branches.into_iter().map(|branch| Branch {
            actor: branch.actor,
            discarded: branch.discarded,
            siblings: branch
                .siblings
                .into_iter()
                .map(|sibling| Sibling { time: sibling.time, value: sibling.value.into_owned() })
                .collect(),
        });
        Item { branches: branches.collect() }
    }

    /// The bytes that are stored and sent, in a vector that was made as long as they are.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.encoded_bytes()];
        // A slice takes a value at once; what can only be extended takes it byte by byte.
        postcard::to_slice(self, &mut bytes).expect("the buffer is as long as the item");
        bytes
    }

    /// How many bytes [`Item::encode`] gives, without copying them.
    pub fn encoded_bytes(&self) -> usize {
        postcard::serialize_with_flavor(self, postcard::ser_flavors::Size::default())
            .expect("an item is made of what postcard knows")
    }

    /// How many bytes [`Item::encode`] gives at most for `values` live values of `bytes` bytes together, and as many
    /// actors as a token can name.
    pub const fn encoded_bytes_max(values: u64, bytes: u64) -> u64 {
        // Numbers of 64 bits and lengths take up to 10 bytes each; actors take 8, a value's kind takes 1.
        const ACTOR: u64 = 8 + 10 + 10;
        const SIBLING: u64 = 10 + 1 + 10;
        let siblings = values.saturating_mul(SIBLING).saturating_add(bytes);
        siblings.saturating_add(10 + TOKEN_ACTORS_MAX as u64 * ACTOR)
    }

    /// Reads what [`Item::encode`] wrote, borrowing the values; `None` if the bytes are not an item.
    pub fn decode(bytes: &'a [u8]) -> Option<Item<'a>> {
        let (item, rest) = postcard::take_from_bytes::<Item<'a>>(bytes).ok()?;
        (rest.is_empty() && item.is_well_formed()).then_some(item)
    }

    fn is_well_formed(&self) -> bool {
        self.branches.is_sorted_by(|a, b| a.actor < b.actor)
            && self.branches.iter().all(|branch| {
                branch.siblings.is_sorted_by(|a, b| a.time < b.time)
                    && branch.siblings.first().is_none_or(|first| first.time > branch.discarded)
            })
    }

    fn discard(&mut self, context: &Context) {
        for &(actor, time) in context.pairs() {
            let branch = self.branch_mut(actor);
            if time > branch.discarded {
                branch.discarded = time;
                branch.siblings.retain(|sibling| sibling.time > time);
            }
        }
    }

    fn branch_mut(&mut self, actor: ActorId) -> &mut Branch<'a> {
        let at = match self.branches.binary_search_by_key(&actor, |branch| branch.actor) {
            Ok(at) => at,
            Err(at) => {
                self.branches.insert(at, Branch { actor, discarded: 0, siblings: Vec::new() });
                at
            }
        };
        &mut self.branches[at]
    }
}

mod actor_as_fixed_bytes {
    //! Actor ids are random, so a varint would only be longer than eight bytes.
    use crate::ids::ActorId;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(actor: &ActorId, serializer: S) -> Result<S::Ok, S::Error> {
        postcard::fixint::le::serialize(&actor.0, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ActorId, D::Error> {
        postcard::fixint::le::deserialize(deserializer).map(ActorId)
    }
}
