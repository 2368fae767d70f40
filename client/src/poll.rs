//! Waiting for changes of a range.

use std::time::Duration;

use crate::range::bound_methods;
use serde::{Deserialize, Serialize};

use crate::error::InvalidResponse;
use crate::item::{Entry, WireEntry};
use crate::token::SeenMarker;

/// Which sort keys to watch: those with a prefix, from a start (inclusive) to an end (exclusive).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PollRange {
    /// Only sort keys that begin with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The first sort key, included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Where to stop, excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

impl PollRange {
    /// Every sort key.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    bound_methods!();
}

/// Items that changed, and the marker that covers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The items as they are now, tombstones included.
    pub items: Vec<Entry>,
    /// Give it to the next poll to get later changes only.
    pub marker: SeenMarker,
}

/// The body of a PollRange request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireQuery<'a> {
    #[serde(flatten)]
    pub(crate) range: &'a PollRange,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seen_marker: Option<&'a SeenMarker>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireChanges {
    seen_marker: SeenMarker,
    items: Vec<WireEntry>,
}

pub(crate) fn parse(body: &[u8]) -> Result<Changes, InvalidResponse> {
    let changes: WireChanges = serde_json::from_slice(body)?;
    Ok(Changes { items: changes.items.into_iter().map(Entry::from).collect(), marker: changes.seen_marker })
}

/// A poll's timeout in the whole seconds that the protocol counts, rounded up, at least one.
pub(crate) fn whole_seconds(timeout: Duration) -> u64 {
    let seconds = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0));
    seconds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up_to_whole_seconds() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(300)), 300);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_query_names_only_what_is_asked_for() {
        let json = |query: &WireQuery<'_>| serde_json::to_string(query).unwrap();
        let all = PollRange::all();
        assert_eq!(json(&WireQuery { range: &all, timeout: None, seen_marker: None }), "{}");
        let (some, marker) = (PollRange::all().prefix("p"), SeenMarker::from("m"));
        assert_eq!(
            json(&WireQuery { range: &some, timeout: Some(5), seen_marker: Some(&marker) }),
            r#"{"prefix":"p","timeout":5,"seenMarker":"m"}"#
        );
    }
}
