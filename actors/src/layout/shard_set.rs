use crate::ids::ShardIndex;
use crate::limits::SHARD_COUNT;
use serde::{Deserialize, Serialize};

const WORD_BITS: usize = u64::BITS as usize;

/// A set of shards: one bit each, the first shard in the lowest bit of the first word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct ShardSet([u64; SHARD_COUNT / WORD_BITS]);

impl ShardSet {
    /// Adds a shard.
    pub fn insert(&mut self, shard: ShardIndex) {
        self.0[shard.index() / WORD_BITS] |= 1 << (shard.index() % WORD_BITS);
    }

    /// Whether a shard is in it.
    pub fn contains(&self, shard: ShardIndex) -> bool {
        self.0[shard.index() / WORD_BITS] & (1 << (shard.index() % WORD_BITS)) != 0
    }

    /// Adds all shards of `other`.
    pub fn extend_with(&mut self, other: &ShardSet) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Whether no shard of `other` is missing.
    pub fn includes(&self, other: &ShardSet) -> bool {
        self.0.iter().zip(other.0).all(|(word, wanted)| wanted & !word == 0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

impl FromIterator<ShardIndex> for ShardSet {
    fn from_iter<I: IntoIterator<Item = ShardIndex>>(shards: I) -> ShardSet {
        let mut set = ShardSet::default();
        shards.into_iter().for_each(|shard| set.insert(shard));
        set
    }
}

impl std::fmt::Debug for ShardSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShardSet({} of {SHARD_COUNT})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(shards: &[usize]) -> ShardSet {
        shards.iter().filter_map(|index| ShardIndex::new(*index)).collect()
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let some = set(&[0, 63, 64, 1023]);
        let found: Vec<usize> =
            ShardIndex::all().filter(|shard| some.contains(*shard)).map(ShardIndex::index).collect();
        assert_eq!((found, some.len(), some.is_empty()), (vec![0, 63, 64, 1023], 4, false));
        assert!(some.includes(&set(&[63])) && !set(&[63]).includes(&some));
        let mut both = set(&[5]);
        both.extend_with(&some);
        assert_eq!(both, set(&[0, 5, 63, 64, 1023]));
    }

    #[test]
    fn the_persisted_form_never_changes() {
        let bytes = postcard::to_allocvec(&set(&[0, 7, 1023])).unwrap();
        assert_eq!(hex::encode(&bytes), format!("8101{}80808080808080808001", "00".repeat(14)));
        assert_eq!(postcard::from_bytes(&bytes), Ok(set(&[0, 7, 1023])));
    }
}
