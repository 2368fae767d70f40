//! `get`: the value of an item.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use k2v_client::{Item, Value};

use crate::failure::Failure;
use crate::output::{Format, Line, describe, preview, readable, sorted};
use crate::session::Session;

/// Print the value of an item, byte for byte
///
/// At a terminal, control characters are shown instead of obeyed, and bytes that are no text in base64; `-o raw` prints them as they are.
/// If the item holds concurrent values, they are listed, and the exit code is 4; `-o json` prints them all.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The partition key
    pk: String,
    /// The sort key
    sk: String,
}

impl Get {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let item = bucket.read_item(&self.pk, &self.sk).await?;
        match session.out.format_or(Format::Raw) {
            Format::Raw => print_value(session, &self.pk, &self.sk, &item),
            Format::Table => describe(&mut session.out, &item),
            Format::Json => session.out.json_document(&line(self, item)),
            Format::Jsonl => session.out.json_line(&line(self, item)),
        }
    }
}

fn line(get: Get, item: Item) -> Line {
    Line { pk: get.pk, sk: get.sk, ct: Some(item.token.into()), v: sorted(item.values) }
}

fn print_value(session: &mut Session, pk: &str, sk: &str, item: &Item) -> Result<(), Failure> {
    match item.values.as_slice() {
        [Value::Data(data)] if session.out.is_terminal() && session.out.format().is_none() => {
            show_value(session, data)
        }
        [Value::Data(data)] => session.out.bytes(data),
        [Value::Tombstone] => Err(Failure::NotFound("the item is deleted".into())),
        _ => Err(conflict(pk, sk, item)),
    }
}

/// At a terminal a value must not move the cursor, and a prompt belongs on a line of its own.
fn show_value(session: &mut Session, data: &[u8]) -> Result<(), Failure> {
    let text = readable(data).unwrap_or_else(|| STANDARD.encode(data));
    session.out.text(&text)?;
    if !text.ends_with('\n') {
        session.out.text("\n")?;
    }
    if text.as_bytes() != data {
        session.out.flush()?;
        session.terminal.remark("(not plain text, so not shown as it is; `-o raw` prints the bytes)");
    }
    Ok(())
}

/// The siblings, numbered as `resolve --keep` counts them.
pub(crate) fn conflict(pk: &str, sk: &str, item: &Item) -> Failure {
    let siblings = sorted(item.values.clone());
    let mut message = format!("the item holds {} concurrent values:", siblings.len());
    for (index, value) in siblings.iter().enumerate() {
        message.push_str(&format!("\n  {}: {}", index + 1, preview(value)));
    }
    let hint = format!(
        "`k2v-cli resolve {} {} --keep N` keeps one of them; `-o json` prints them whole.",
        quoted(pk),
        quoted(sk)
    );
    Failure::Conflict { message, hint }
}

/// A key as a shell takes it.
pub(crate) fn quoted(key: &str) -> String {
    let is_plain = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@%+=".contains(&byte));
    if is_plain && !key.starts_with('-') {
        return key.to_owned();
    }
    format!("'{}'", crate::output::printable(key).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_as_a_shell_takes_them() {
        assert_eq!(quoted("plain/key-1.x"), "plain/key-1.x");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
