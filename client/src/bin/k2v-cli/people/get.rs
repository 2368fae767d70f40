//! `get`: the value of an item.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use k2v_client::{Item, Value};

use super::siblings::conflict;
use crate::failure::Failure;
use crate::output::{Format, Line, describe, readable, sorted};
use crate::session::Session;

/// Print the value of an item, byte for byte
///
/// At a terminal, control characters are shown instead of obeyed, and bytes that are no text in base64; `-o raw` prints them as they are.
/// If the item holds concurrent values, they are listed with how to settle them, and the exit code is 4; `-o json` prints them all.
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
