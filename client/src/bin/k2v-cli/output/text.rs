//! Text that is safe to print, and numbers that are pleasant to read.

use std::borrow::Cow;

use k2v_client::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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

/// A key as a table or a sentence shows it: as it is where nothing about it can be misread, in quotes and with escapes otherwise.
/// No two keys have the same form.
///
/// Quotes are used for empty keys, for spaces that would not be seen (at an end, or two in a row), for characters that are not
/// seen, that join the one before them or that the tables use themselves (`…`, and `"` or `(` at the start).
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    if is_unmistakable(text) { Cow::Borrowed(text) } else { Cow::Owned(in_quotes(text)) }
}

/// The longest key that a sentence quotes whole.
const KEY_CHARS_MAX: usize = 60;

/// A key within a sentence: as [`key`], but cut if it is long.
pub(crate) fn short_key(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(KEY_CHARS_MAX) {
        None => key(text),
        Some((end, _)) => Cow::Owned(format!("{}…", key(&text[..end]))),
    }
}

fn is_unmistakable(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['"', '(', ' '])
        && !text.ends_with(' ')
        && !text.contains("  ")
        && can_be_typed(text)
}

/// Whether a person sees every character of a text, and can tell it from any other text.
pub(super) fn can_be_typed(text: &str) -> bool {
    text.chars().all(|character| character == ' ' || is_visible(character))
}

fn in_quotes(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' ' => out.push(' '),
            _ if is_visible(character) => out.push(character),
            _ => out.extend(character.escape_default()),
        }
    }
    out.push('"');
    out
}

/// Whether a terminal prints a mark of its own for the character, and does nothing else.
///
/// Left out are control characters, white space, the directional marks that make text read other than it is, what has no width
/// (joiners, combining accents, variation selectors), letters that are blank, and the ellipsis that stands for a cut.
fn is_visible(character: char) -> bool {
    match character {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '…' => false,
        _ => !character.is_control() && !character.is_whitespace() && character.width() > Some(0),
    }
}

/// The longest preview that makes sense in a table that nothing bounds.
const PREVIEW_CHARS_MAX: usize = 200;

/// One line that gives an idea of a value. What is in parentheses is never the value's own text: that would be in quotes.
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
    // What a row with several values consists of.
    let looks_like_siblings = shown.contains(" | ") || shown.contains(" siblings: ");
    let shown = if looks_like_siblings { Cow::Owned(in_quotes(&shown)) } else { key(&shown) };
    format!("{shown}{dots}")
}

/// A text in lines of at most this width, broken between words; lines that it has already stay apart.
pub(crate) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let width = width.unwrap_or(usize::MAX);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        // Spaces at the start of a line are part of its first word.
        let words = paragraph.trim_start_matches(' ');
        let mut line = " ".repeat(paragraph.len() - words.len());
        let mut is_first = true;
        for word in words.split(' ') {
            let fits = line.width() + 1 + word.width() <= width;
            match (is_first, fits) {
                (true, _) => line.push_str(word),
                (false, true) => line.extend([" ", word]),
                (false, false) => lines.push(std::mem::replace(&mut line, word.to_owned())),
            }
            is_first = false;
        }
        lines.push(line);
    }
    lines
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\x1b[2Jb\n\u{202e}c é🦀"), "a\\u{1b}[2Jb\\n\\u{202e}c é🦀");
    }

    #[test]
    fn keys_that_look_alike_are_printed_apart() {
        for plain in ["a", "a b", "it's", "C:\\dir", "日本語", "é", "a\"b", "a(b)", "🦀"] {
            assert_eq!(key(plain), plain);
        }
        for (text, shown) in [
            ("", r#""""#),
            ("a ", r#""a ""#),
            (" a", r#"" a""#),
            ("a  3 B", r#""a  3 B""#),
            ("a\n", r#""a\n""#),
            ("\"a\"", r#""\"a\"""#),
            ("\"a\\", r#""\"a\\""#),
            ("(deleted)", r#""(deleted)""#),
            ("a\u{200b}", r#""a\u{200b}""#),
            ("a\u{202e}b", r#""a\u{202e}b""#),
            ("e\u{301}", r#""e\u{301}""#),
            ("a\u{a0}b", r#""a\u{a0}b""#),
            ("long…", r#""long\u{2026}""#),
        ] {
            assert_eq!(key(text), shown);
        }
    }

    proptest! {
        /// The alphabet is what escapes and quotes are made of.
        #[test]
        fn no_two_keys_have_the_same_form(
            one in r#"[a n"\\( u{}0…\n\u{200b}]{0,6}"#,
            other in r#"[a n"\\( u{}0…\n\u{200b}]{0,6}"#,
        ) {
            prop_assert_eq!(one == other, key(&one) == key(&other));
        }
    }

    #[test]
    fn previews_say_what_a_value_is() {
        assert_eq!(preview(&Value::Tombstone), "(deleted)");
        assert_eq!(preview(&"(deleted)".into()), "\"(deleted)\"");
        assert_eq!(preview(&"".into()), "(empty)");
        assert_eq!(preview(&"one\ntwo".into()), "\"one\\ntwo\"");
        assert_eq!(preview(&"2 siblings: a | b".into()), "\"2 siblings: a | b\"");
        assert_eq!(preview(&[0xff_u8, 0].into()), "(binary) ff00");
        let long = "é".repeat(1_000);
        assert_eq!(preview(&long.into()), format!("{}…", "é".repeat(PREVIEW_CHARS_MAX)));
    }

    #[test]
    fn a_value_that_ends_within_a_character_is_binary() {
        assert_eq!(preview(&[b'a', 0xc3].into()), "(binary) 61c3");
    }

    #[test]
    fn texts_are_broken_between_words() {
        assert_eq!(wrap("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrap("far too long", Some(2)), ["far", "too", "long"]);
        assert_eq!(wrap("a:\n  1: x  y\n\nb", Some(80)), ["a:", "  1: x  y", "", "b"]);
        assert_eq!(wrap("one two", None), ["one two"]);
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
