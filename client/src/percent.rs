//! Percent-encoding of keys, so that every key survives every hop.
//!
//! Each byte outside RFC 3986's unreserved set is encoded, `/` too: a partition key is one path segment
//! whatever it holds, and nothing on the way finds anything in it to normalise.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ESCAPED_AGAIN: &AsciiSet = &ESCAPED.remove(b'/');

/// Appends `text` to `out`, every byte but the unreserved ones as `%XX`.
pub(crate) fn encode_into(out: &mut String, text: &str) {
    out.extend(utf8_percent_encode(text, ESCAPED));
}

/// Appends one path segment. A key of one or two dots would be a *dot segment*, which proxies remove
/// from a path, so there the dots are encoded as well.
pub(crate) fn encode_segment_into(out: &mut String, segment: &str) {
    let escaped = if segment == "." || segment == ".." { NON_ALPHANUMERIC } else { ESCAPED };
    out.extend(utf8_percent_encode(segment, escaped));
}

/// Encodes a path that is already encoded once more, as SigV4's canonical URI asks: `/` stays, `%` becomes
/// `%25`.
pub(crate) fn encode_path_again(path: &str) -> String {
    utf8_percent_encode(path, ESCAPED_AGAIN).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A decoder written for the test, the plain reading of RFC 3986.
    fn decode(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            if *first == b'%' {
                let digits = std::str::from_utf8(&tail[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &tail[2..];
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    fn check_segment(key: &str, expected: &str) {
        let mut out = String::new();
        encode_segment_into(&mut out, key);
        assert_eq!(out, expected);
        assert_eq!(decode(&out), key);
    }

    #[test]
    fn awkward_keys_become_one_plain_segment() {
        check_segment("a//b", "a%2F%2Fb");
        check_segment("a/../b", "a%2F..%2Fb");
        check_segment("/x", "%2Fx");
        check_segment("%2F", "%252F");
        check_segment("..", "%2E%2E");
        check_segment(".", "%2E");
        check_segment("...", "...");
        check_segment("\"'\n", "%22%27%0A");
        check_segment("é🦀", "%C3%A9%F0%9F%A6%80");
        check_segment("a b+c", "a%20b%2Bc");
    }

    #[test]
    fn the_canonical_path_is_encoded_a_second_time() {
        assert_eq!(encode_path_again("/b/a%2Fb"), "/b/a%252Fb");
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in any::<String>()) {
            let mut out = String::new();
            encode_segment_into(&mut out, &key);
            prop_assert_eq!(decode(&out), key);
        }

        #[test]
        fn an_encoded_key_holds_only_unreserved_bytes_and_escapes(key in any::<String>()) {
            let mut out = String::new();
            encode_into(&mut out, &key);
            prop_assert!(out.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        }
    }
}
