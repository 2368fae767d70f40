//! Several layers of rows as one: of rows with one key the newest layer's shows, unless it says that the row is gone.

use crate::store::StoreError;
use std::cmp::Ordering;
use std::iter::Peekable;

/// Rows of one layer, in the order of the merge; without a content where the row is gone.
pub(super) type Layer<'v> = Box<dyn Iterator<Item = Result<(&'v [u8], Option<&'v [u8]>), StoreError>> + 'v>;

/// The rows that show.
pub(super) struct Merge<'v> {
    /// The newest first.
    layers: Vec<Peekable<Layer<'v>>>,
    descending: bool,
}

impl<'v> Merge<'v> {
    /// Merges layers, the newest first. Each must be ascending by key, or each descending.
    pub(super) fn new(layers: Vec<Layer<'v>>, descending: bool) -> Merge<'v> {
        Merge { layers: layers.into_iter().map(Iterator::peekable).collect(), descending }
    }

    /// The key that comes next.
    fn next_key(&mut self) -> Option<Result<&'v [u8], StoreError>> {
        let mut next: Option<&'v [u8]> = None;
        for layer in &mut self.layers {
            match layer.peek() {
                Some(Ok((key, _))) => {
                    let order = next.map_or(Ordering::Less, |next| (*key).cmp(next));
                    let is_before =
                        if self.descending && next.is_some() { order.is_gt() } else { order.is_lt() };
                    next = if is_before { Some(key) } else { next };
                }
                Some(Err(error)) => return Some(Err(error.clone())),
                None => {}
            }
        }
        next.map(Ok)
    }
}

impl<'v> Iterator for Merge<'v> {
    type Item = Result<(&'v [u8], &'v [u8]), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = match self.next_key()? {
                Ok(key) => key,
                Err(error) => {
                    self.layers.clear();
                    return Some(Err(error));
                }
            };
            let mut newest = None;
            for layer in &mut self.layers {
                if let Some(Ok((_, value))) =
                    layer.next_if(|row| matches!(row, Ok((other, _)) if *other == key))
                {
                    newest = newest.or(Some(value));
                }
            }
            if let Some(value) = newest.flatten() {
                return Some(Ok((key, value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FailureCause;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    fn layers() -> impl Strategy<Value = Vec<Rows>> {
        let key = prop::collection::vec(0..4u8, 0..3);
        let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..3));
        prop::collection::vec(prop::collection::btree_map(key, value, 0..12), 0..4)
    }

    fn layer(rows: &Rows, descending: bool) -> Layer<'_> {
        let rows = rows.iter().map(|(key, value)| Ok((key.as_slice(), value.as_deref())));
        if descending { Box::new(rows.rev()) } else { Box::new(rows) }
    }

    proptest! {
        #[test]
        fn what_shows_is_the_newest_state_of_each_row(layers in layers(), descending: bool) {
            let mut expected = Rows::new();
            for rows in layers.iter().rev() {
                expected.extend(rows.clone());
            }
            let mut expected: Vec<_> = expected.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            if descending {
                expected.reverse();
            }
            let merge = Merge::new(layers.iter().map(|rows| layer(rows, descending)).collect(), descending);
            let shown: Result<Vec<_>, _> = merge.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect();
            prop_assert_eq!(shown, Ok(expected));
        }
    }

    #[test]
    fn a_layer_that_cannot_be_read_ends_the_merge() {
        let error = StoreError::Unreadable(FailureCause::Io(std::io::Error::other("a page is gone")).into());
        let broken: Layer<'_> = Box::new([Ok((&b"b"[..], None)), Err(error.clone())].into_iter());
        let sound: Layer<'_> =
            Box::new([Ok((&b"a"[..], Some(&b"1"[..]))), Ok((b"c", Some(b"2")))].into_iter());
        let shown: Vec<_> = Merge::new(vec![sound, broken], false).collect();
        assert_eq!(shown, [Ok((&b"a"[..], &b"1"[..])), Err(error)]);
    }
}
