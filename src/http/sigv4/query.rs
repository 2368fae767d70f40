//! The canonical query: every pair in its one encoded form, sorted by name, then by value.

use super::encode::{decode_canonical, push_query_part};
use super::error::SigV4Error;
use std::ops::Range;

/// The parameters that a presigned request may hold once each.
pub(super) mod parameter {
    pub(in super::super) const ALGORITHM: &str = "X-Amz-Algorithm";
    pub(in super::super) const CREDENTIAL: &str = "X-Amz-Credential";
    pub(in super::super) const DATE: &str = "X-Amz-Date";
    pub(in super::super) const EXPIRES: &str = "X-Amz-Expires";
    pub(in super::super) const SIGNATURE: &str = "X-Amz-Signature";
    pub(in super::super) const SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";
}

/// The pairs of one query. Reused from request to request, so that the buffers are allocated once per thread.
#[derive(Default)]
pub(super) struct CanonicalQuery {
    encoded: Vec<u8>,
    pairs: Vec<Pair>,
}

/// Where a name and its value lie in `encoded`.
struct Pair {
    name: Range<usize>,
    value: Range<usize>,
}

impl CanonicalQuery {
    /// Replaces the pairs by those of `raw_query`. A bare keyword has an empty value; empty segments are no pairs.
    pub(super) fn read(&mut self, raw_query: &str) -> Result<(), SigV4Error> {
        self.encoded.clear();
        self.pairs.clear();
        for segment in raw_query.as_bytes().split(|byte| *byte == b'&').filter(|segment| !segment.is_empty())
        {
            let (name, value) = match segment.iter().position(|byte| *byte == b'=') {
                Some(at) => (&segment[..at], &segment[at + 1..]),
                None => (segment, &[][..]),
            };
            let name = self.push(name)?;
            let value = self.push(value)?;
            self.pairs.push(Pair { name, value });
        }
        let encoded = &self.encoded;
        let key = |pair: &Pair| (&encoded[pair.name.clone()], &encoded[pair.value.clone()]);
        self.pairs.sort_unstable_by(|left, right| key(left).cmp(&key(right)));
        Ok(())
    }

    fn push(&mut self, raw: &[u8]) -> Result<Range<usize>, SigV4Error> {
        let start = self.encoded.len();
        push_query_part(&mut self.encoded, raw)?;
        Ok(start..self.encoded.len())
    }

    /// Appends the canonical form, without the signature itself.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut is_first = true;
        for pair in &self.pairs {
            let name = &self.encoded[pair.name.clone()];
            if name == parameter::SIGNATURE.as_bytes() {
                continue;
            }
            if !is_first {
                out.push(b'&');
            }
            is_first = false;
            out.extend_from_slice(name);
            out.push(b'=');
            out.extend_from_slice(&self.encoded[pair.value.clone()]);
        }
    }

    /// Whether the query tries to authenticate: either of the two parameters that say nothing else.
    pub(super) fn is_presigned(&self) -> bool {
        self.pairs.iter().any(|pair| {
            let name = &self.encoded[pair.name.clone()];
            [parameter::SIGNATURE, parameter::CREDENTIAL, parameter::ALGORITHM]
                .iter()
                .any(|known| name == known.as_bytes())
        })
    }

    /// The decoded value of a parameter that must be there exactly once. `None` inside if it is not UTF-8.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<String>, SigV4Error> {
        let mut found = self.pairs.iter().filter(|pair| &self.encoded[pair.name.clone()] == name.as_bytes());
        match (found.next(), found.next()) {
            (Some(pair), None) => Ok(decode_canonical(&self.encoded[pair.value.clone()])),
            (None, _) => Err(SigV4Error::MissingParameter { name }),
            (Some(_), Some(_)) => Err(SigV4Error::RepeatedParameter { name }),
        }
    }

    /// Bytes of memory that the buffers hold on to.
    pub(super) fn bytes_kept(&self) -> usize {
        self.encoded.capacity() + self.pairs.capacity() * size_of::<Pair>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(raw: &str) -> Result<String, SigV4Error> {
        let mut query = CanonicalQuery::default();
        query.read(raw)?;
        let mut out = Vec::new();
        query.write(&mut out);
        Ok(String::from_utf8(out).expect("a canonical query is ASCII"))
    }

    #[track_caller]
    fn check(raw: &str, expect: &str) {
        assert_eq!(canonical(raw).as_deref(), Ok(expect), "{raw}");
    }

    #[test]
    fn a_bare_keyword_and_one_with_an_empty_value_are_the_same() {
        check("search", "search=");
        check("search=", "search=");
        check("&&search&", "search=");
        check("=x&=", "=&=x");
    }

    #[test]
    fn pairs_are_sorted_by_encoded_name_and_then_by_value() {
        check("b=1&a=2&a=1", "a=1&a=2&b=1");
        // '-' sorts before '=', so comparing whole pairs instead of names would get this wrong.
        check("Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3");
        check("a=b=c", "a=b%3Dc");
    }

    #[test]
    fn one_text_has_one_form_however_it_was_written() {
        check("k=%7e%41+%20", "k=~A%20%20");
        check("k=%2b%2B", "k=%2B%2B");
        check("k='\"/:@!", "k=%27%22%2F%3A%40%21");
        check("k=%ff%00", "k=%FF%00");
        check("k=😀", "k=%F0%9F%98%80");
    }

    #[test]
    fn a_percent_sign_without_two_hex_digits_is_refused() {
        for raw in ["k=%", "k=%4", "k=%4g", "%g4", "a=1&b%", "k=%%41"] {
            assert_eq!(canonical(raw), Err(SigV4Error::InvalidQueryEscape), "{raw}");
        }
    }

    #[test]
    fn only_the_signature_is_left_out() {
        check("X-Amz-Signature=ab&X-Amz-Date=d&z", "X-Amz-Date=d&z=");
        check("%58-Amz-Signature=ab&a", "a=");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_query_parser_panic(raw in any::<String>()) {
            let _ = canonical(&raw);
        }

        #[test]
        fn the_canonical_form_is_its_own_canonical_form(raw in "[a-c=&+%0-9A-F-]{0,40}") {
            if let Ok(once) = canonical(&raw) {
                prop_assert_eq!(canonical(&once), Ok(once));
            }
        }
    }
}
