//! Making one value of several.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;

use crate::value::Value;

/// Makes one value of the concurrent values of an item.
///
/// Give the same answer whatever the order of the siblings, and however often they are merged: two clients
/// may resolve the same conflict at once, and a third then resolves their results.
///
/// A plain function is a resolver:
///
/// ```
/// use k2v_client::{Resolver, Value};
/// let longest = |siblings: &[Value]| {
///     siblings.iter().max_by_key(|value| value.data().map(|data| data.len())).cloned().unwrap_or(Value::Tombstone)
/// };
/// assert_eq!(longest.resolve(&["a".into(), "bb".into(), Value::Tombstone]), "bb".into());
/// ```
pub trait Resolver {
    /// The value that takes the place of all the siblings.
    fn resolve(&self, siblings: &[Value]) -> Value;
}

impl<F: Fn(&[Value]) -> Value> Resolver for F {
    fn resolve(&self, siblings: &[Value]) -> Value {
        self(siblings)
    }
}

/// Keeps the value with the greatest key, such as a time within the value; between equal keys, the greater
/// bytes. A tombstone gives way to any value.
///
/// ```
/// use k2v_client::{LastBy, Resolver};
/// // The values begin with an eight-byte time.
/// let newest = LastBy(|data: &[u8]| data.first_chunk::<8>().copied());
/// let (old, new) = (b"00000001old".into(), b"00000002new".into());
/// assert_eq!(newest.resolve(&[old, new]), b"00000002new".into());
/// ```
#[derive(Clone, Copy)]
pub struct LastBy<F>(pub F);

impl<K: Ord, F: Fn(&[u8]) -> K> Resolver for LastBy<F> {
    fn resolve(&self, siblings: &[Value]) -> Value {
        let rank = |value: &&Value| value.data().map(|data| ((self.0)(data), data.clone()));
        siblings.iter().max_by_key(rank).cloned().unwrap_or(Value::Tombstone)
    }
}

impl<F> fmt::Debug for LastBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastBy").finish_non_exhaustive()
    }
}

/// Reads each value as a set and keeps what is in any of them. Tombstones add nothing; tombstones alone stay
/// a tombstone.
///
/// An element that one side removed comes back if the other side still had it: a value does not say what was
/// removed.
///
/// ```
/// use k2v_client::{Resolver, Union};
/// let lines = Union::lines();
/// assert_eq!(lines.resolve(&["b\na\n".into(), "c\nb\n".into()]), "a\nb\nc\n".into());
/// ```
#[derive(Clone, Copy)]
pub struct Union<T> {
    decode: fn(&[u8]) -> BTreeSet<T>,
    encode: fn(BTreeSet<T>) -> Bytes,
}

impl<T> Union<T> {
    /// A union of whatever elements `decode` finds in a value and `encode` writes.
    ///
    /// ```
    /// use k2v_client::{Resolver, Union};
    /// let bytes = Union::new(|data| data.iter().copied().collect(), |set| set.into_iter().collect());
    /// assert_eq!(bytes.resolve(&[[1_u8, 2].into(), [2, 3].into()]), [1, 2, 3].into());
    /// ```
    pub fn new(decode: fn(&[u8]) -> BTreeSet<T>, encode: fn(BTreeSet<T>) -> Bytes) -> Self {
        Self { decode, encode }
    }
}

impl Union<Vec<u8>> {
    /// A union of lines, written in order, each with its line feed.
    #[must_use]
    pub fn lines() -> Self {
        Self { decode: split_lines, encode: join_lines }
    }
}

fn split_lines(data: &[u8]) -> BTreeSet<Vec<u8>> {
    let lines = data.strip_suffix(b"\n").unwrap_or(data);
    if data.is_empty() {
        return BTreeSet::new();
    }
    lines.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn join_lines(lines: BTreeSet<Vec<u8>>) -> Bytes {
    lines.into_iter().flat_map(|line| line.into_iter().chain([b'\n'])).collect()
}

impl<T: Ord> Resolver for Union<T> {
    fn resolve(&self, siblings: &[Value]) -> Value {
        let mut sets = siblings.iter().filter_map(Value::data).map(|data| (self.decode)(data));
        let Some(mut union) = sets.next() else { return Value::Tombstone };
        union.extend(sets.flatten());
        Value::Data((self.encode)(union))
    }
}

impl<T> fmt::Debug for Union<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Union").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The laws that make it harmless when several clients resolve the same conflict.
    fn check_laws(resolver: &impl Resolver, a: &Value, b: &Value, c: &Value) {
        let merge = |values: &[&Value]| {
            resolver.resolve(&values.iter().map(|&value| value.clone()).collect::<Vec<_>>())
        };
        let all = merge(&[a, b, c]);
        assert_eq!(merge(&[c, a, b]), all, "the order does not matter");
        assert_eq!(merge(&[&merge(&[a, b]), c]), all, "nor does what is merged first");
        assert_eq!(merge(&[&all, a]), all, "nor merging again");
    }

    fn value() -> impl Strategy<Value = Value> {
        any::<Option<Vec<u8>>>().prop_map(Value::from)
    }

    fn text() -> impl Strategy<Value = Value> {
        prop::option::of("[ab\n]{0,6}").prop_map(Value::from)
    }

    #[test]
    fn tombstones_alone_stay_a_tombstone() {
        let alone = [Value::Tombstone, Value::Tombstone];
        assert_eq!(Union::lines().resolve(&alone), Value::Tombstone);
        assert_eq!(LastBy(<[u8]>::len).resolve(&alone), Value::Tombstone);
        assert_eq!(LastBy(<[u8]>::len).resolve(&[Value::Tombstone, "".into()]), "".into());
    }

    proptest! {
        #[test]
        fn the_last_one_is_the_same_in_any_order(a in value(), b in value(), c in value()) {
            check_laws(&LastBy(<[u8]>::len), &a, &b, &c);
        }

        #[test]
        fn a_union_of_lines_is_the_same_in_any_order(a in text(), b in text(), c in text()) {
            check_laws(&Union::lines(), &a, &b, &c);
        }
    }
}
