//! What the parameters of a listing mean: which keys, in which direction, and how many.

use crate::http::json::{push_bool, push_optional};
use std::ops::Bound;
use troupe_actors::ids::{KeyError, SortKey};
use troupe_actors::limits::{PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX};
use troupe_actors::store::range::KeyRange;

/// The parameters that ReadIndex, ReadBatch, DeleteBatch and PollRange share. Absent and `null` are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Only keys that begin with it.
    pub(crate) prefix: Option<String>,
    /// Where to begin, inclusive; the highest key of a reverse listing.
    pub(crate) start: Option<String>,
    /// Where to stop, exclusive.
    pub(crate) end: Option<String>,
    /// How many keys to return, counted after every filter.
    pub(crate) limit: Option<u64>,
    /// Whether keys descend.
    pub(crate) reverse: bool,
}

/// Parameters that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListingError {
    /// The listing would begin outside of its own prefix.
    #[error("Start key '{start}' does not start with prefix '{prefix}'")]
    StartOutsidePrefix { start: String, prefix: String },
    /// The query of a single item says something about a range.
    #[error("a query with 'singleItem' needs 'start' and takes none of 'prefix', 'end', 'limit', 'reverse'")]
    SingleItem,
    /// The single item's key is empty or too long.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Listing {
    /// The keys that the parameters select.
    pub(crate) fn range(&self) -> Result<KeyRange, ListingError> {
        let mut range = KeyRange::prefix(self.prefix.as_deref().unwrap_or_default());
        range.descending = self.reverse;
        if let Some(start) = &self.start {
            let prefix = self.prefix.as_deref().unwrap_or_default();
            if !start.starts_with(prefix) {
                return Err(ListingError::StartOutsidePrefix {
                    start: start.clone(),
                    prefix: prefix.to_owned(),
                });
            }
            let start = Bound::Included(start.as_bytes().to_vec());
            if self.reverse {
                range.high = start;
            } else {
                range.low = start;
            }
        }
        if let Some(end) = &self.end {
            let end = end.as_bytes();
            if self.reverse {
                range.low = higher_low(range.low, end);
            } else {
                range.high = lower_high(range.high, end);
            }
        }
        Ok(shorten(range, KEY_BYTES_MAX))
    }
}

/// The longest key that a listing can meet.
const KEY_BYTES_MAX: usize =
    if PARTITION_KEY_BYTES_MAX > SORT_KEY_BYTES_MAX { PARTITION_KEY_BYTES_MAX } else { SORT_KEY_BYTES_MAX };

/// Bounds longer than any key say the same when they are cut: no key lies between the cut bound and the long one. The
/// store has no room for longer ones.
fn shorten(range: KeyRange, bytes_max: usize) -> KeyRange {
    let cut = |bound: Bound<Vec<u8>>, cut_bound: fn(Vec<u8>) -> Bound<Vec<u8>>| match bound {
        Bound::Included(key) | Bound::Excluded(key) if key.len() > bytes_max => {
            cut_bound(key[..bytes_max].to_vec())
        }
        bound => bound,
    };
    KeyRange {
        low: cut(range.low, Bound::Excluded),
        high: cut(range.high, Bound::Included),
        descending: range.descending,
    }
}

/// The low bound that lies higher: the prefix's, or beyond `end`.
fn higher_low(low: Bound<Vec<u8>>, end: &[u8]) -> Bound<Vec<u8>> {
    match low {
        Bound::Included(low) if low.as_slice() > end => Bound::Included(low),
        Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => Bound::Excluded(end.to_vec()),
    }
}

/// The high bound that lies lower: the prefix's, or short of `end`.
fn lower_high(high: Bound<Vec<u8>>, end: &[u8]) -> Bound<Vec<u8>> {
    match high {
        Bound::Excluded(high) if high.as_slice() < end => Bound::Excluded(high),
        Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => Bound::Excluded(end.to_vec()),
    }
}

/// The range that holds the one item at `start`.
pub(super) fn single_item(listing: &Listing) -> Result<KeyRange, ListingError> {
    let Listing { prefix: None, start: Some(start), end: None, limit: None, reverse: false } = listing else {
        return Err(ListingError::SingleItem);
    };
    let key = SortKey::new(start)?.as_str().as_bytes().to_vec();
    Ok(KeyRange { low: Bound::Included(key.clone()), high: Bound::Included(key), descending: false })
}

/// Appends the echo of the bounds: `"prefix":…,"start":…,"end":…`.
pub(super) fn push_bounds(out: &mut Vec<u8>, listing: &Listing) {
    out.extend_from_slice(br#""prefix":"#);
    push_optional(out, listing.prefix.as_deref());
    out.extend_from_slice(br#","start":"#);
    push_optional(out, listing.start.as_deref());
    out.extend_from_slice(br#","end":"#);
    push_optional(out, listing.end.as_deref());
}

/// Closes a list: whether there is more, and where it goes on.
pub(super) fn push_tail(out: &mut Vec<u8>, next_start: Option<&str>) {
    out.extend_from_slice(br#"],"more":"#);
    push_bool(out, next_start.is_some());
    out.extend_from_slice(br#","nextStart":"#);
    push_optional(out, next_start);
    out.push(b'}');
}

#[cfg(test)]
mod tests;
