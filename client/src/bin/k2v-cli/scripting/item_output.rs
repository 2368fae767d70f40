//! How `read` and `poll-item` print an item.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use k2v_client::{Item, Value};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Format, Out, describe, sorted};

/// The four forms; for people if none is given.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ItemOutput {
    /// Each value in base64 on a line; a deleted one is -
    #[arg(short, long)]
    base64: bool,
    /// The bytes of the value, and nothing else; fails with 4 if there are several
    #[arg(short, long)]
    raw: bool,
    /// For people: the causality token and the values
    #[arg(short = 'H', long)]
    human: bool,
    /// JSON: {"causality":TOKEN,"values":[BASE64 or null,…]}
    #[arg(short, long)]
    json: bool,
}

#[derive(Serialize)]
struct ItemJson<'a> {
    causality: &'a str,
    values: Vec<Value>,
}

impl ItemOutput {
    pub(crate) fn print(self, out: &mut Out, item: &Item) -> Result<(), Failure> {
        if self.base64 {
            return print_base64(out, item);
        }
        // Where no letter says otherwise, --output may.
        let format = match out.format() {
            _ if self.raw => Format::Raw,
            _ if self.json => Format::Json,
            _ if self.human => Format::Table,
            format => format.unwrap_or(Format::Table),
        };
        match format {
            Format::Raw => print_raw(out, item),
            Format::Json | Format::Jsonl => out
                .json_line(&ItemJson { causality: item.token.as_str(), values: sorted(item.values.clone()) }),
            Format::Table => describe(out, item),
        }
    }
}

fn print_base64(out: &mut Out, item: &Item) -> Result<(), Failure> {
    for value in sorted(item.values.clone()) {
        match value.data() {
            Some(data) => out.line(&STANDARD.encode(data))?,
            None => out.line("-")?,
        }
    }
    Ok(())
}

/// The bytes of the only value.
pub(crate) fn print_raw(out: &mut Out, item: &Item) -> Result<(), Failure> {
    match item.values.as_slice() {
        [Value::Data(data)] => out.bytes(data),
        [Value::Tombstone] => Err(Failure::NotFound("the item is deleted: it has no bytes to print".into())),
        several => Err(Failure::Conflict {
            message: format!("the item holds {} concurrent values, not one", several.len()),
            hint: "Print them all with --json, or make one of them with `k2v-cli resolve`.".into(),
        }),
    }
}
