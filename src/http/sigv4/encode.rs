//! Percent encoding as AWS Signature Version 4 has it: everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX`,
//! in upper case.

use super::error::SigV4Error;

const fn unreserved(extra: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    let mut i = 0;
    while i < extra.len() {
        table[extra[i] as usize] = true;
        i += 1;
    }
    table
}

static PLAIN_IN_QUERY: [bool; 256] = unreserved(b"");
static PLAIN_IN_PATH: [bool; 256] = unreserved(b"/");

/// Appends the raw path encoded once more. What was `%2F` on the wire becomes `%252F`; no segment is removed, so
/// that `a//b` and `a/../b` stay the keys they are.
pub(super) fn push_path(out: &mut Vec<u8>, raw_path: &str) {
    push_encoded(out, raw_path.as_bytes(), &PLAIN_IN_PATH);
}

fn push_encoded(out: &mut Vec<u8>, bytes: &[u8], plain: &[bool; 256]) {
    let mut rest = bytes;
    loop {
        let run = rest.iter().position(|b| !plain[usize::from(*b)]).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(run);
        out.extend_from_slice(head);
        let Some((special, after)) = tail.split_first() else { return };
        push_escape(out, *special);
        rest = after;
    }
}

/// Appends one name or value of the raw query, decoded and encoded again, so that every way to write the same
/// text has one canonical form. A `+` is a space here, as in every form decoder.
pub(super) fn push_query_part(out: &mut Vec<u8>, raw: &[u8]) -> Result<(), SigV4Error> {
    let mut rest = raw;
    loop {
        let run = rest.iter().position(|b| !PLAIN_IN_QUERY[usize::from(*b)]).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(run);
        out.extend_from_slice(head);
        rest = match tail {
            [] => return Ok(()),
            [b'%', high, low, after @ ..] => {
                let decoded = hex_pair(*high, *low).ok_or(SigV4Error::InvalidQueryEscape)?;
                if PLAIN_IN_QUERY[usize::from(decoded)] {
                    out.push(decoded);
                } else {
                    push_escape(out, decoded);
                }
                after
            }
            [b'%', ..] => return Err(SigV4Error::InvalidQueryEscape),
            [b'+', after @ ..] => {
                out.extend_from_slice(b"%20");
                after
            }
            [special, after @ ..] => {
                push_escape(out, *special);
                after
            }
        };
    }
}

/// The text behind a canonical name or value; `None` if it is not UTF-8.
pub(super) fn decode_canonical(encoded: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                decoded.push(hex_pair(*high, *low)?);
                rest = after;
            }
            _ => decoded.push(*byte),
        }
    }
    String::from_utf8(decoded).ok()
}

/// Decodes 64 hex digits.
pub(super) fn hex_32(digits: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = digits.try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_pair(pair[0], pair[1])?;
    }
    Some(bytes)
}

/// Appends 32 bytes as lower-case hex.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8; 32]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out.extend_from_slice(&text);
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (HEX_VALUE[usize::from(high)], HEX_VALUE[usize::from(low)]);
    // One test for both: a digit's value fits in four bits, NOT_HEX does not.
    ((high | low) < 16).then_some(high << 4 | low)
}

const NOT_HEX: u8 = 0xff;

/// Digits and letters come in no order that a branch predictor could learn, so they are looked up.
static HEX_VALUE: [u8; 256] = {
    let mut table = [NOT_HEX; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_digits_of_both_cases_decode_and_nothing_else_does() {
        for high in 0..=255 {
            for low in 0..=255 {
                let text = [high, low];
                let expect = std::str::from_utf8(&text)
                    .ok()
                    .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    .and_then(|text| u8::from_str_radix(text, 16).ok());
                assert_eq!(hex_pair(high, low), expect, "{text:?}");
            }
        }
    }

    #[test]
    fn thirty_two_bytes_are_sixty_four_digits_exactly() {
        let bytes: [u8; 32] = std::array::from_fn(|n| n as u8 * 8 + 7);
        let mut text = Vec::new();
        push_hex(&mut text, &bytes);
        assert_eq!(text, hex::encode(bytes).as_bytes());
        assert_eq!(hex_32(&text), Some(bytes));
        assert_eq!(hex_32(&text[1..]), None);
        assert_eq!(hex_32(b""), None);
    }
}
