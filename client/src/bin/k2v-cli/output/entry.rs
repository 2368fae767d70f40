//! Items, as they are printed: in listings, in exports, and one at a time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k2v_client::{Entry, Item, Value};
use serde::{Deserialize, Serialize};

use super::listing::Row;
use super::out::Out;
use super::style;
use super::table::{Cell, Column};
use super::text::{bytes, key, preview, printable};
use crate::failure::Failure;

/// An item with its address: a row of `ls` and `conflicts ls`, and a line of `export` and `watch`. Its fields have the protocol's names:
/// partition key, sort key, causality token, values in base64 (`null` for a tombstone).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) pk: String,
    pub(crate) sk: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ct: Option<String>,
    pub(crate) v: Vec<Value>,
}

impl Line {
    pub(crate) fn new(pk: &str, entry: Entry) -> Self {
        Self {
            pk: pk.to_owned(),
            sk: entry.sort_key,
            ct: Some(entry.item.token.into()),
            v: sorted(entry.item.values),
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [Column] =
        &[Column::key("SORT KEY"), Column::number("SIZE"), Column::text("VALUE")];

    fn cells(&self) -> Vec<Cell> {
        let size = self.v.iter().filter_map(Value::data).map(|data| data.len() as u64).sum();
        let value = match self.v.as_slice() {
            [single @ Value::Tombstone] => Cell::styled(preview(single), style::FAINT),
            [single] => Cell::plain(preview(single)),
            several => Cell::styled(conflict_preview(several), style::ODD),
        };
        vec![Cell::styled(key(&self.sk), style::KEY), Cell::plain(bytes(size)), value]
    }

    fn raw(&self) -> String {
        self.sk.clone()
    }
}

pub(crate) fn conflict_preview(siblings: &[Value]) -> String {
    let previews: Vec<_> = siblings.iter().map(preview).collect();
    format!("{} siblings: {}", siblings.len(), previews.join(" | "))
}

/// Siblings in an order of their own, so that `--keep 2` means the same whichever server answers.
pub(crate) fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort();
    values
}

/// Prints an item for a person: the token, then each value.
pub(crate) fn describe(out: &mut Out, item: &Item) -> Result<(), Failure> {
    let values = sorted(item.values.clone());
    let token = out.styled(style::FAINT, item.token.as_str());
    out.line(&format!("causality: {token}"))?;
    let several = values.len() > 1;
    for (index, value) in values.iter().enumerate() {
        let number = if several { format!(" {}", index + 1) } else { String::new() };
        // What stands before the colon is never the value's own text.
        let line = match value.data().map(|data| (data, readable(data))) {
            None => format!("value{number} is {}", out.styled(style::FAINT, "deleted")),
            Some((_, Some(text))) => format!("value{number}: {text}"),
            Some((data, None)) => {
                let encoding = out.styled(style::FAINT, "(base64)");
                format!("value{number} {encoding}: {}", STANDARD.encode(data))
            }
        };
        out.line(&line)?;
    }
    if several {
        let warning = format!("{} concurrent values: `k2v-cli resolve` makes one of them", values.len());
        out.line(&out.styled(style::ODD, &warning))?;
    }
    Ok(())
}

/// Text with its lines and tabs kept and every other control character shown; `None` for what is not UTF-8.
pub(crate) fn readable(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    let line = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    Some(text.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}
