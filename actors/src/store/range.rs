//! A range of keys and the direction in which it is read.

use std::ops::Bound;

/// Keys between two bounds, in byte order. Bounds are bytes: the successor of a prefix need not be UTF-8.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRange {
    /// The low end.
    pub low: Bound<Vec<u8>>,
    /// The high end.
    pub high: Bound<Vec<u8>>,
    /// Whether the range is read from its high end down.
    pub descending: bool,
}

impl KeyRange {
    /// Every key, ascending.
    pub fn all() -> KeyRange {
        KeyRange { low: Bound::Unbounded, high: Bound::Unbounded, descending: false }
    }

    /// The keys that begin with `prefix`, ascending.
    pub fn prefix(prefix: &str) -> KeyRange {
        KeyRange {
            low: Bound::Included(prefix.as_bytes().to_vec()),
            high: successor_of_prefix(prefix.as_bytes()).map_or(Bound::Unbounded, Bound::Excluded),
            descending: false,
        }
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &str) -> bool {
        let key = key.as_bytes();
        let above_low = match &self.low {
            Bound::Included(low) => key >= low.as_slice(),
            Bound::Excluded(low) => key > low.as_slice(),
            Bound::Unbounded => true,
        };
        let below_high = match &self.high {
            Bound::Included(high) => key <= high.as_slice(),
            Bound::Excluded(high) => key < high.as_slice(),
            Bound::Unbounded => true,
        };
        above_low && below_high
    }

    /// Whether no key at all can lie in the range.
    pub fn is_void(&self) -> bool {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low), Bound::Excluded(high)) | (Bound::Excluded(low), Bound::Included(high)) => {
                low >= high
            }
            (Bound::Excluded(low), Bound::Excluded(high)) => low >= high,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        }
    }

    /// Leaves everything up to and including `key` behind, in the direction of the range.
    pub fn pass(&mut self, key: &str) {
        self.begin(Bound::Excluded(key.as_bytes().to_vec()));
    }

    /// Leaves everything before `key` behind, in the direction of the range.
    pub fn begin_at(&mut self, key: &str) {
        self.begin(Bound::Included(key.as_bytes().to_vec()));
    }

    fn begin(&mut self, bound: Bound<Vec<u8>>) {
        if self.descending {
            self.high = bound;
        } else {
            self.low = bound;
        }
    }
}

/// The smallest byte string above every string that begins with `prefix`; `None` if there is none.
pub(crate) fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut successor = prefix[..=kept].to_vec();
    successor[kept] += 1;
    Some(successor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_holds_exactly_the_keys_that_begin_with_it() {
        let range = KeyRange::prefix("ü");
        assert!(range.contains("ü") && range.contains("ü\u{10ffff}"));
        assert!(!range.contains("ý") && !range.contains("u"));
        assert_eq!(KeyRange::prefix("").high, Bound::Unbounded);
    }

    #[test]
    fn what_was_read_is_behind_in_either_direction() {
        let mut range = KeyRange::all();
        range.pass("m");
        assert!(!range.contains("m") && range.contains("m\0") && !range.contains("a"));
        let mut range = KeyRange { descending: true, ..KeyRange::all() };
        range.pass("m");
        assert!(!range.contains("m") && range.contains("lz") && !range.contains("n"));
    }
}
