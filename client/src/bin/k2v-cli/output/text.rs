//! Text that is safe and pleasant to read.

use k2v_client::Value;

/// Text with every control character escaped. Keys and values come from anybody: printed as they are, they
/// could move the cursor, hide lines or rename the window.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) {
            out.push(character);
        } else {
            out.extend(character.escape_default());
        }
    }
    out
}

/// Whether a terminal prints the character and does nothing else. The directional overrides of Unicode
/// are no control characters, but make text read other than it is.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The longest preview that makes sense in a table that nothing bounds.
const PREVIEW_CHARS_MAX: usize = 200;

/// One line that gives an idea of a value.
pub(crate) fn preview(value: &Value) -> String {
    let Some(data) = value.data() else { return "(deleted)".into() };
    if data.is_empty() {
        return "(empty)".into();
    }
    // Text may be cut within a character: then the rest is still text.
    let head = &data[..data.len().min(PREVIEW_CHARS_MAX * 4)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if head.len() < data.len() && error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return format!("(binary) {}", hex::encode(&data[..data.len().min(32)])),
    };
    let shown: String = text.chars().take(PREVIEW_CHARS_MAX).collect();
    let dots = if shown.len() < data.len() { "…" } else { "" };
    format!("{}{dots}", printable(&shown))
}

/// A number of bytes with a unit of 1,024s.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A number and its noun: `1 item`, `2 items`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\x1b[2Jb\n\u{202e}c é🦀"), "a\\u{1b}[2Jb\\n\\u{202e}c é🦀");
    }

    #[test]
    fn previews_say_what_a_value_is() {
        assert_eq!(preview(&Value::Tombstone), "(deleted)");
        assert_eq!(preview(&"".into()), "(empty)");
        assert_eq!(preview(&"one\ntwo".into()), "one\\ntwo");
        assert_eq!(preview(&[0xff_u8, 0].into()), "(binary) ff00");
        let long = "é".repeat(1_000);
        assert_eq!(preview(&long.into()), format!("{}…", "é".repeat(PREVIEW_CHARS_MAX)));
    }

    #[test]
    fn a_value_that_ends_within_a_character_is_binary() {
        assert_eq!(preview(&[b'a', 0xc3].into()), "(binary) 61c3");
    }

    #[test]
    fn sizes_have_one_decimal() {
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_024), "1.0 KiB");
        assert_eq!(bytes(1_587), "1.5 KiB");
        assert_eq!(bytes(1_048_576), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
    }
}
