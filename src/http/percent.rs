//! Percent-decoding of paths and query strings.

use super::sigv4::escapes_are_complete;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A percent-encoded text that has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PercentError {
    /// `%` without two hex digits.
    #[error("it holds a '%' that is not followed by two hex digits: percent-encode it as %25")]
    Escape,
    /// The decoded bytes are no text.
    #[error("it is not valid UTF-8 once percent-decoded")]
    Utf8,
}

/// Decodes a name or a value of a query: `%xx`, and `+` for a space, as the signature reads them.
pub(crate) fn decode_query(text: &str) -> Result<Cow<'_, str>, PercentError> {
    if memchr::memchr(b'+', text.as_bytes()).is_none() {
        return decode(text);
    }
    decode(&text.replace('+', " ")).map(|decoded| Cow::Owned(decoded.into_owned()))
}

/// Decodes a path: `%xx`; everything else stands for itself.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, PercentError> {
    if !escapes_are_complete(text.as_bytes()) {
        return Err(PercentError::Escape);
    }
    percent_decode_str(text).decode_utf8().map_err(|_| PercentError::Utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<&str, PercentError>) {
        assert_eq!(decode(text).as_deref().map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn an_escape_is_two_hex_digits_in_either_case() {
        check("plain+text/..//", Ok("plain+text/..//"));
        check("a%2Fb%2fc%C3%a9", Ok("a/b/cé"));
        check("%00", Ok("\0"));
        check("%2", Err(PercentError::Escape));
        check("100%", Err(PercentError::Escape));
        check("%g0", Err(PercentError::Escape));
        check("%+1", Err(PercentError::Escape));
        check("%ff", Err(PercentError::Utf8));
        check("%ed%a0%80", Err(PercentError::Utf8));
    }

    #[test]
    fn in_a_query_a_plus_is_a_space() {
        assert_eq!(decode_query("a+b%2Bc").unwrap(), "a b+c");
    }

    proptest! {
        #[test]
        fn whatever_was_encoded_comes_back(text in ".*") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded).unwrap(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[%0-9a-fA-Gé]*") {
            let _ = decode(&text);
        }
    }
}
