//! Percent encoding as AWS Signature Version 4 has it: everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX`,
//! in upper case.

use super::error::SigV4Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use std::borrow::Cow;

const ESCAPED_IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ESCAPED_IN_PATH: &AsciiSet = &ESCAPED_IN_QUERY.remove(b'/');

/// Appends the raw path encoded once more. What was `%2F` on the wire becomes `%252F`; no segment is removed, so
/// that `a//b` and `a/../b` stay the keys they are.
pub(super) fn push_path(out: &mut Vec<u8>, raw_path: &str) {
    push_encoded(out, raw_path.as_bytes(), ESCAPED_IN_PATH);
}

/// Appends one name or value of the raw query, decoded and encoded again, so that every way to write the same
/// text has one canonical form. A `+` is a space here, as in every form decoder.
pub(super) fn push_query_part(out: &mut Vec<u8>, raw: &[u8]) -> Result<(), SigV4Error> {
    if memchr::memchr2(b'%', b'+', raw).is_none() {
        push_encoded(out, raw, ESCAPED_IN_QUERY);
        return Ok(());
    }
    if !escapes_are_complete(raw) {
        return Err(SigV4Error::InvalidQueryEscape);
    }
    let spaced: Vec<u8> = raw.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let decoded: Cow<'_, [u8]> = percent_decode(&spaced).into();
    push_encoded(out, &decoded, ESCAPED_IN_QUERY);
    Ok(())
}

fn push_encoded(out: &mut Vec<u8>, bytes: &[u8], escaped: &'static AsciiSet) {
    for part in percent_encode(bytes, escaped) {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The text behind a canonical name or value; `None` if it is not UTF-8.
pub(super) fn decode_canonical(encoded: &[u8]) -> Option<String> {
    percent_decode(encoded).decode_utf8().ok().map(Cow::into_owned)
}

/// Whether two hex digits follow each `%`. A decoder that lets others stand for themselves would read two texts as one.
pub(crate) fn escapes_are_complete(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text)
        .all(|at| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// Decodes 64 hex digits.
pub(super) fn hex_32(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok().map(|()| bytes)
}

/// Appends 32 bytes as lower-case hex.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8; 32]) {
    let mut text = [0; 64];
    hex::encode_to_slice(bytes, &mut text).expect("64 digits hold 32 bytes");
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_query_part(raw: &str, canonical: Option<&str>) {
        let mut out = Vec::new();
        let pushed = push_query_part(&mut out, raw.as_bytes());
        assert_eq!(pushed.ok().map(|()| String::from_utf8(out).unwrap()).as_deref(), canonical, "{raw}");
    }

    #[test]
    fn every_way_to_write_a_text_has_one_canonical_form() {
        check_query_part("a-b._~9", Some("a-b._~9"));
        check_query_part("%61%2d", Some("a-"));
        check_query_part("a b/c", Some("a%20b%2Fc"));
        check_query_part("a+b%2bc%20", Some("a%20b%2Bc%20"));
        check_query_part("\u{e9}%c3%A9", Some("%C3%A9%C3%A9"));
        check_query_part("%2541", Some("%2541"));
        for broken in ["%", "%4", "%4g", "%%41", "a+%"] {
            check_query_part(broken, None);
        }
    }

    #[test]
    fn a_path_keeps_its_slashes_and_escapes_its_escapes() {
        let mut out = Vec::new();
        push_path(&mut out, "/b/a%2Fb//../\u{e9}");
        assert_eq!(String::from_utf8(out).unwrap(), "/b/a%252Fb//../%C3%A9");
    }

    #[test]
    fn thirty_two_bytes_are_sixty_four_digits_exactly() {
        let bytes: [u8; 32] = std::array::from_fn(|n| n as u8 * 8 + 7);
        let mut text = Vec::new();
        push_hex(&mut text, &bytes);
        assert_eq!(text, hex::encode(bytes).as_bytes());
        assert_eq!(hex_32(&text), Some(bytes));
        assert_eq!(hex_32(&text.to_ascii_uppercase()), Some(bytes));
        assert_eq!(hex_32(&text[1..]), None);
        assert_eq!(hex_32(b""), None);
    }
}
