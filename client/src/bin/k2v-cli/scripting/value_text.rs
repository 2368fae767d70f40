//! One value as text, in the words of the older `k2v-cli`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k2v_client::Value;

use crate::output::{Out, printable, readable};

/// What stands before a value: an item that is printed alone names the encoding only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    Item,
    List,
}

/// The line of a value, without its end. Text is printed as it is, line feeds included, unless a terminal would obey it.
pub(crate) fn value_line(value: &Value, heading: Heading, is_terminal: bool) -> String {
    let Some(data) = value.data() else { return "  tombstone".to_owned() };
    let (encoding, text) = match std::str::from_utf8(data) {
        Ok(text) if is_terminal => ("utf-8", readable(data).unwrap_or_else(|| printable(text))),
        Ok(text) => ("utf-8", text.to_owned()),
        Err(_) => ("base64", STANDARD.encode(data)),
    };
    match heading {
        Heading::Item => format!("  {encoding}: {text}"),
        Heading::List => format!("  value({encoding}): {text}"),
    }
}

/// A key as it is, unless a terminal would obey it.
pub(crate) fn key_text(out: &Out, key: &str) -> String {
    if out.is_terminal() { printable(key) } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_text_base64_or_a_tombstone() {
        let line = |value: Value| value_line(&value, Heading::List, false);
        assert_eq!(line("one\ntwo".into()), "  value(utf-8): one\ntwo");
        assert_eq!(line([0xff_u8, 0].into()), "  value(base64): /wA=");
        assert_eq!(line(Value::Tombstone), "  tombstone");
        assert_eq!(value_line(&"".into(), Heading::Item, false), "  utf-8: ");
    }

    #[test]
    fn only_a_terminal_is_protected_from_control_characters() {
        let line = |is_terminal| value_line(&"a\x1b[2J\nb".into(), Heading::Item, is_terminal);
        assert_eq!(line(false), "  utf-8: a\x1b[2J\nb");
        assert_eq!(line(true), "  utf-8: a\\u{1b}[2J\nb");
    }
}
