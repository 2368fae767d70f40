//! How `read` and `poll-item` print an item.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use k2v_client::{Item, Value};
use serde::Serialize;

use super::value_text::{Heading, value_line};
use crate::failure::{Exit, Failure};
use crate::output::{Format, Out, sorted};

/// The four forms; for people if none is given.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ItemOutput {
    /// The causality token on the first line, then each value in base64 on a line; the line of a tombstone is empty
    #[arg(short, long)]
    b64: bool,
    /// The bytes of the value, and nothing else; fails with 4 if there are several, with 2 if the item is deleted
    #[arg(short, long)]
    raw: bool,
    /// For people: the causality token and the values
    #[arg(short = 'H', long)]
    human: bool,
    /// JSON: {"causality":TOKEN,"value":[BASE64 or null,…]}
    #[arg(short, long)]
    json: bool,
}

#[derive(Serialize)]
struct ItemJson<'a> {
    causality: &'a str,
    value: &'a [Value],
}

impl ItemOutput {
    pub(crate) fn print(self, out: &mut Out, item: &Item) -> Result<(), Failure> {
        let values = sorted(item.values.clone());
        let causality = item.token.as_str();
        if self.b64 {
            return print_base64(out, causality, &values);
        }
        match self.format(out) {
            Format::Raw => print_raw(out, &values),
            Format::Json => out.json_indented(&ItemJson { causality, value: &values }, 0),
            Format::Jsonl => out.json_line(&ItemJson { causality, value: &values }),
            Format::Table => print_text(out, causality, &values),
        }
    }

    /// The format that a letter asks for; where none does, --output may.
    pub(crate) fn format(self, out: &Out) -> Format {
        match out.format() {
            _ if self.raw => Format::Raw,
            _ if self.json => Format::Json,
            _ if self.human || self.b64 => Format::Table,
            format => format.unwrap_or(Format::Table),
        }
    }
}

fn print_text(out: &mut Out, causality: &str, values: &[Value]) -> Result<(), Failure> {
    out.line(&format!("causality: {causality}"))?;
    out.line("values:")?;
    for value in values {
        out.line(&value_line(value, Heading::Item, out.is_terminal()))?;
    }
    Ok(())
}

fn print_base64(out: &mut Out, causality: &str, values: &[Value]) -> Result<(), Failure> {
    out.line(causality)?;
    for value in values {
        out.line(&value.data().map(|data| STANDARD.encode(data)).unwrap_or_default())?;
    }
    Ok(())
}

/// The bytes of the only value.
fn print_raw(out: &mut Out, values: &[Value]) -> Result<(), Failure> {
    match values {
        [Value::Data(data)] => out.bytes(data),
        // Scripts tell a deleted item from a conflict by this code; the older `k2v-cli` has it.
        [Value::Tombstone] => Err(Failure::Explained(Box::new((
            Exit::Usage,
            "the item is deleted: it has no bytes to print".to_owned(),
        )))),
        several => Err(Failure::Conflict {
            message: format!("the item holds {} concurrent values, not one", several.len()),
            hint: "Print them all with --json, or make one of them with `k2v-cli resolve`.".into(),
        }),
    }
}
