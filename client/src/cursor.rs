//! Where a listing stands, and what it asks for next.

use crate::error::InvalidResponse;
use crate::range::KeyRange;

/// Where a listing stands: what the next page is to hold.
///
/// The range moves along: `start` is the next key, `limit` what is still wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    rest: KeyRange,
    page_size: u64,
    is_at_end: bool,
}

impl Cursor {
    pub(crate) fn new(range: KeyRange, page_size: u64) -> Self {
        let is_at_end = range.limit == Some(0);
        Self { rest: range, page_size: page_size.max(1), is_at_end }
    }

    /// The range of the next page; `None` at the end.
    pub(crate) fn next_page(&self) -> Option<KeyRange> {
        if self.is_at_end {
            return None;
        }
        let limit = self.rest.limit.map_or(self.page_size, |wanted| wanted.min(self.page_size));
        Some(KeyRange { limit: Some(limit), ..self.rest.clone() })
    }

    /// Moves past a page. Were the next one not to start beyond it, the listing would not end.
    pub(crate) fn advance(
        &mut self,
        received: usize,
        next_start: Option<String>,
    ) -> Result<(), InvalidResponse> {
        if let (Some(start), Some(next)) = (&self.rest.start, &next_start) {
            let moves_on = if self.rest.reverse { next < start } else { next > start };
            if !moves_on {
                return Err(InvalidResponse::NoProgress);
            }
        }
        let received = u64::try_from(received).unwrap_or(u64::MAX);
        self.rest.limit = self.rest.limit.map(|wanted| wanted.saturating_sub(received));
        self.is_at_end = next_start.is_none() || self.rest.limit == Some(0);
        self.rest.start = next_start.or_else(|| self.rest.start.take());
        Ok(())
    }

    /// Halves the pages after one was too large; `false` if they hold a single item already.
    pub(crate) fn shrink(&mut self) -> bool {
        let can_shrink = self.page_size > 1;
        self.page_size = (self.page_size / 2).max(1);
        can_shrink
    }

    /// Asks for nothing more.
    pub(crate) fn stop(&mut self) {
        self.is_at_end = true;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_follow_each_other_until_the_limit() {
        let mut cursor = Cursor::new(KeyRange::all().prefix("p").limit(25), 10);
        assert_eq!(cursor.next_page(), Some(KeyRange::all().prefix("p").limit(10)));
        cursor.advance(10, Some("p1".into())).unwrap();
        assert_eq!(cursor.next_page(), Some(KeyRange::all().prefix("p").start("p1").limit(10)));
        cursor.advance(10, Some("p2".into())).unwrap();
        assert_eq!(cursor.next_page(), Some(KeyRange::all().prefix("p").start("p2").limit(5)));
        cursor.advance(5, Some("p3".into())).unwrap();
        assert_eq!(cursor.next_page(), None);
    }

    #[test]
    fn the_last_page_ends_the_listing() {
        let mut cursor = Cursor::new(KeyRange::all(), 10);
        cursor.advance(3, None).unwrap();
        assert_eq!(cursor.next_page(), None);
    }

    #[test]
    fn a_limit_of_zero_asks_for_nothing() {
        assert_eq!(Cursor::new(KeyRange::all().limit(0), 10).next_page(), None);
    }

    #[test]
    fn pages_that_are_too_large_are_halved_down_to_one_item() {
        let mut cursor = Cursor::new(KeyRange::all(), 3);
        assert!(cursor.shrink());
        assert_eq!(cursor.next_page(), Some(KeyRange::all().limit(1)));
        assert!(!cursor.shrink());
    }

    #[test]
    fn a_server_that_does_not_move_on_is_an_error() {
        let from_b = KeyRange::all().start("b");
        for (range, next_start) in [
            (from_b.clone(), "b"),
            (from_b.clone(), "a"),
            (from_b.clone().reverse(), "b"),
            (from_b.reverse(), "c"),
        ] {
            let advanced = Cursor::new(range, 10).advance(1, Some(next_start.into()));
            assert!(matches!(advanced, Err(InvalidResponse::NoProgress)), "{next_start}");
        }
    }

    /// Lists `keys` as a server would.
    fn serve(keys: &BTreeSet<String>, range: &KeyRange) -> (Vec<String>, Option<String>) {
        let (low, high) = if range.reverse { (&range.end, &range.start) } else { (&range.start, &range.end) };
        let is_held = |key: &&String| {
            let above = low.as_ref().is_none_or(|low| if range.reverse { *key > low } else { *key >= low });
            let below =
                high.as_ref().is_none_or(|high| if range.reverse { *key <= high } else { *key < high });
            above && below
        };
        let mut listed: Vec<String> = keys.iter().filter(is_held).cloned().collect();
        if range.reverse {
            listed.reverse();
        }
        let limit = range.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
        let rest = listed.split_off(limit.min(listed.len()));
        (listed, rest.into_iter().next())
    }

    fn key() -> impl Strategy<Value = String> {
        "[a-c]{1,3}"
    }

    proptest! {
        #[test]
        fn pages_of_any_size_add_up_to_the_whole(
            keys in prop::collection::btree_set(key(), 0..20),
            start in prop::option::of(key()),
            end in prop::option::of(key()),
            limit in prop::option::of(0_u64..20),
            reverse in any::<bool>(),
            page_size in 0_u64..8,
        ) {
            let range = KeyRange { prefix: None, start, end, limit, reverse };
            let (whole, _) = serve(&keys, &range);
            let mut cursor = Cursor::new(range, page_size);
            let mut collected = Vec::new();
            while let Some(page) = cursor.next_page() {
                let (items, next_start) = serve(&keys, &page);
                cursor.advance(items.len(), next_start).unwrap();
                collected.extend(items);
            }
            prop_assert_eq!(collected, whole);
        }
    }
}
