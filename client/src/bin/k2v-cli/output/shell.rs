//! Keys as a shell takes them, for commands that a message proposes.

/// The key as one word of a command: bare, in single quotes, or, if it holds what cannot be typed, as `$'…'` of bash and zsh.
pub(crate) fn quoted(key: &str) -> String {
    let is_plain = !key.is_empty()
        && !key.starts_with('-')
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte));
    if is_plain {
        return key.to_owned();
    }
    if super::text::can_be_typed(key) {
        return format!("'{}'", key.replace('\'', "'\\''"));
    }
    let escaped = |byte: u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("$'{}'", key.bytes().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_as_a_shell_takes_them() {
        assert_eq!(quoted("plain/key-1.x"), "plain/key-1.x");
        assert_eq!(quoted("-x"), "'-x'");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("line\nit's\u{200b}"), "$'line\\x0ait\\'s\\xe2\\x80\\x8b'");
    }

    /// Where there is a bash, it takes them back.
    #[test]
    fn bash_reads_the_key_back() {
        for key in ["it's", "line\nfeed", "tab\tand '\\' 🦀", "\u{202e}", "$HOME `x`"] {
            let script = format!("printf %s {}", quoted(key));
            let Ok(output) = std::process::Command::new("bash").args(["-c", &script]).output() else {
                return;
            };
            assert_eq!(String::from_utf8_lossy(&output.stdout), key);
        }
    }
}
