//! A stretch of keys, as lists and batches take it.

use serde::Serialize;

/// The methods that set the bounds of a type with the fields `prefix`, `start` and `end`.
macro_rules! bound_methods {
    () => {
        /// Only keys that begin with `prefix`.
        #[must_use]
        pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
            self.prefix = Some(prefix.into());
            self
        }

        /// Starts at this key, included.
        #[must_use]
        pub fn start(mut self, start: impl Into<String>) -> Self {
            self.start = Some(start.into());
            self
        }

        /// Stops before this key.
        #[must_use]
        pub fn end(mut self, end: impl Into<String>) -> Self {
            self.end = Some(end.into());
            self
        }
    };
}
pub(crate) use bound_methods;

/// Which keys to list: those with a prefix, from a start (inclusive) to an end (exclusive), at most so many.
///
/// In reverse, keys come from the highest down: `start` is then the highest key wanted, and `end` must lie
/// below it. With a prefix, `start` must begin with it.
///
/// ```
/// use k2v_client::KeyRange;
/// let range = KeyRange::all().prefix("2026-").limit(10).reverse();
/// assert_eq!(range.prefix.as_deref(), Some("2026-"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyRange {
    /// Only keys that begin with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The first key wanted, included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Where to stop, excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// At most so many; `None` means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the highest key down.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
}

impl KeyRange {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    bound_methods!();

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// From the highest key down.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was listed, in key order (descending in reverse).
    pub items: Vec<T>,
    /// The `start` of the next page; `None` if this was the last.
    pub next_start: Option<String>,
}
