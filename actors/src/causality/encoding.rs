//! The bytes of an item, as they are stored and sent.
//!
//! ```text
//! item    = branches varint ‖ branch*
//! branch  = actor u64 LE ‖ seen varint ‖ siblings varint ‖ sibling*
//! sibling = time varint ‖ (0 | 1 ‖ length varint ‖ bytes)
//! ```
//!
//! `seen` is 0 where it is the newest sibling's time, as it is in nearly every item. The format before this one had in its
//! place the time up to which everything is overwritten, which is below every sibling's: it says nothing that the siblings
//! do not say, and where there are none it is what was seen. So items of that format are read as they are.

use super::item::{Branch, Item, Sibling};
use crate::ids::ActorId;
use crate::limits::TOKEN_ACTORS_MAX;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize)]
struct BranchToWrite<'i, 'a> {
    #[serde(with = "actor_as_fixed_bytes")]
    actor: ActorId,
    seen: u64,
    siblings: &'i [Sibling<'a>],
}

#[derive(Deserialize)]
struct BranchAsRead<'a> {
    #[serde(with = "actor_as_fixed_bytes")]
    actor: ActorId,
    seen: u64,
    #[serde(borrow)]
    siblings: Vec<Sibling<'a>>,
}

impl Serialize for Branch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seen = if self.newest_time() == Some(self.seen) { 0 } else { self.seen };
        BranchToWrite { actor: self.actor, seen, siblings: &self.siblings }.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Branch<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Branch<'a>, D::Error> {
        let BranchAsRead { actor, seen, siblings } = BranchAsRead::deserialize(deserializer)?;
        let newest = siblings.last().map_or(0, |last| last.time);
        Ok(Branch { actor, seen: seen.max(newest), siblings })
    }
}

impl<'a> Item<'a> {
    /// The bytes that are stored and sent, in a vector that was made as long as they are.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.encoded_bytes()];
        self.encode_into(&mut bytes);
        bytes
    }

    /// Writes what [`Item::encode`] gives into `bytes`, which must be [`Item::encoded_bytes`] long.
    pub fn encode_into(&self, bytes: &mut [u8]) {
        // A slice takes a value at once; what can only be extended takes it byte by byte.
        postcard::to_slice(&self.branches, bytes).expect("the buffer is as long as the item");
    }

    /// How many bytes [`Item::encode`] gives, without copying them.
    pub fn encoded_bytes(&self) -> usize {
        postcard::serialize_with_flavor(&self.branches, postcard::ser_flavors::Size::default())
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
        let (branches, rest) = postcard::take_from_bytes::<Vec<Branch<'a>>>(bytes).ok()?;
        let item = Item { branches };
        (rest.is_empty() && item.is_well_formed()).then_some(item)
    }

    fn is_well_formed(&self) -> bool {
        self.branches.is_sorted_by(|a, b| a.actor < b.actor)
            && self.branches.iter().all(|branch| branch.siblings.is_sorted_by(|a, b| a.time < b.time))
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
