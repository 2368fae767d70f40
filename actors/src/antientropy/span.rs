//! Runs of a shard's items, in the order of their rows.

use crate::ids::{ItemKey, ShardIndex};
use crate::store::segments::Segment;
use serde::{Deserialize, Serialize};

/// Items of one segment, ascending by partition hash and sort key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Which segment of the shard.
    pub segment: u8,
    /// Leaves out everything up to this item, itself included.
    pub after: Option<ItemKey>,
    /// The last item, if it is there; `None` for the end of the segment.
    pub last: Option<ItemKey>,
}

impl Span {
    /// A whole segment.
    pub fn segment(segment: u8) -> Span {
        Span { segment, after: None, last: None }
    }

    /// Whether the item lies in the span of `shard`.
    pub fn contains(&self, shard: ShardIndex, key: &ItemKey) -> bool {
        self.is_within(shard, key)
            && self.after.as_ref().is_none_or(|after| key > after)
            && self.last.as_ref().is_none_or(|last| key <= last)
    }

    /// What is left of the span behind `key`.
    pub fn behind(&self, key: ItemKey) -> Span {
        Span { segment: self.segment, after: Some(key), last: self.last.clone() }
    }

    /// Whether its bounds lie in the segment of `shard`, in order.
    pub fn is_well_formed(&self, shard: ShardIndex) -> bool {
        let bounds = [&self.after, &self.last];
        bounds.into_iter().flatten().all(|key| self.is_within(shard, key))
            && match bounds {
                [Some(after), Some(last)] => after <= last,
                [Some(_) | None, None] | [None, Some(_)] => true,
            }
    }

    fn is_within(&self, shard: ShardIndex, key: &ItemKey) -> bool {
        Segment::of(key.partition) == Segment { shard, index: self.segment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{PartitionHash, SortKey};

    fn key(partition: [u8; 16], sort_key: &str) -> ItemKey {
        ItemKey { partition: PartitionHash(partition), sort_key: SortKey::new(sort_key).unwrap() }
    }

    #[test]
    fn a_span_holds_what_lies_behind_its_first_bound_up_to_its_last() {
        let shard = ShardIndex::new(0).unwrap();
        let (a, b, c) = (key([0; 16], "a"), key([0; 16], "b"), key([0; 16], "c"));
        let span = Span { segment: 0, after: Some(a.clone()), last: Some(b.clone()) };
        assert!(span.contains(shard, &b) && !span.contains(shard, &a) && !span.contains(shard, &c));
        assert!(!Span::segment(1).contains(shard, &a) && Span::segment(0).contains(shard, &a));
        assert!(!Span { segment: 0, after: Some(b), last: Some(a) }.is_well_formed(shard));
    }
}
