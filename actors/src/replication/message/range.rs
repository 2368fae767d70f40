//! Ranges and lists of keys as they are sent.
//!
//! ```text
//! range      low bound ‖ high bound ‖ descending bool
//! bound      0 included | 1 excluded, each with len ‖ bytes | 2 unbounded
//! selection  0 range | 1 [key]
//! ```

use super::MessageError;
use crate::ids::SortKey;
use crate::limits::SORT_KEY_BYTES_MAX;
use crate::replication::page::Selection;
use crate::store::range::KeyRange;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Bound;

/// A [`KeyRange`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct WireRange<'a> {
    #[serde(borrow)]
    low: WireBound<'a>,
    #[serde(borrow)]
    high: WireBound<'a>,
    descending: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
enum WireBound<'a> {
    Included(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>),
    Excluded(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>),
    Unbounded,
}

impl<'a> WireBound<'a> {
    fn of(bound: &'a Bound<Vec<u8>>) -> WireBound<'a> {
        match bound {
            Bound::Included(key) => WireBound::Included(Cow::Borrowed(key)),
            Bound::Excluded(key) => WireBound::Excluded(Cow::Borrowed(key)),
            Bound::Unbounded => WireBound::Unbounded,
        }
    }

    fn open(self) -> Result<Bound<Vec<u8>>, MessageError> {
        // The end of a prefix is never longer than the prefix.
        let key = |key: Cow<'a, [u8]>| match key.len() {
            ..=SORT_KEY_BYTES_MAX => Ok(key.into_owned()),
            _ => Err(MessageError::Bound("bytes of a key")),
        };
        Ok(match self {
            WireBound::Included(bytes) => Bound::Included(key(bytes)?),
            WireBound::Excluded(bytes) => Bound::Excluded(key(bytes)?),
            WireBound::Unbounded => Bound::Unbounded,
        })
    }
}

impl<'a> WireRange<'a> {
    /// The range, borrowed.
    pub fn of(range: &'a KeyRange) -> WireRange<'a> {
        WireRange {
            low: WireBound::of(&range.low),
            high: WireBound::of(&range.high),
            descending: range.descending,
        }
    }

    /// The range, copied.
    pub fn owned(range: &KeyRange) -> WireRange<'static> {
        let bound = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) => WireBound::Included(Cow::Owned(key.clone())),
            Bound::Excluded(key) => WireBound::Excluded(Cow::Owned(key.clone())),
            Bound::Unbounded => WireBound::Unbounded,
        };
        WireRange { low: bound(&range.low), high: bound(&range.high), descending: range.descending }
    }

    /// The range that was sent.
    ///
    /// # Errors
    /// [`MessageError::Bound`] if a bound is longer than any key.
    pub fn open(self) -> Result<KeyRange, MessageError> {
        Ok(KeyRange { low: self.low.open()?, high: self.high.open()?, descending: self.descending })
    }
}

/// A [`Selection`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum WireSelection<'a> {
    /// Every key of a range.
    Range(#[serde(borrow)] WireRange<'a>),
    /// These keys, in the order in which they are read.
    Keys(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl<'a> WireSelection<'a> {
    /// The selection, borrowed.
    pub fn of(selection: &'a Selection) -> WireSelection<'a> {
        match selection {
            Selection::Range(range) => WireSelection::Range(WireRange::of(range)),
            Selection::Keys(keys) => {
                WireSelection::Keys(keys.iter().map(|key| Cow::Borrowed(key.as_str())).collect())
            }
        }
    }

    /// The selection that was sent.
    ///
    /// # Errors
    /// [`MessageError`] if a key or a bound is none, or the keys are in no order.
    pub fn open(self) -> Result<Selection, MessageError> {
        match self {
            WireSelection::Range(range) => Ok(Selection::Range(range.open()?)),
            WireSelection::Keys(keys) => {
                let keys = keys.iter().map(|key| SortKey::new(key).map_err(|_| MessageError::Malformed));
                let keys = keys.collect::<Result<Vec<_>, _>>()?;
                let is_ordered = keys.is_sorted_by(|a, b| a < b) || keys.is_sorted_by(|a, b| a > b);
                if is_ordered { Ok(Selection::Keys(keys)) } else { Err(MessageError::Malformed) }
            }
        }
    }
}
