//! JSON lists as the older `k2v-cli` prints them, streamed: a range may be larger than the memory.
//!
//! ```json
//! {
//!   "next_key": null,
//!   "values": [
//!     {
//!       "causality": "…",
//!       "sort_key": "…",
//!       "value": ["…", null]
//!     }
//!   ]
//! }
//! ```
//!
//! Names stand in alphabetical order, each nested value is indented by two spaces, and no line feed follows.

use k2v_client::{Entry, Partition, Value};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Out, sorted};

/// What stands before the values of a list.
#[derive(Clone, Debug)]
pub(crate) enum Head {
    NextKey(Option<String>),
    SeenMarker(String),
}

/// An item within a list.
#[derive(Debug, Serialize)]
pub(crate) struct EntryJson {
    causality: String,
    sort_key: String,
    value: Vec<Value>,
}

impl From<Entry> for EntryJson {
    fn from(entry: Entry) -> Self {
        let Entry { sort_key, item } = entry;
        Self { causality: item.token.into(), sort_key, value: sorted(item.values) }
    }
}

/// A partition within the index.
#[derive(Debug, Serialize)]
pub(crate) struct PartitionJson {
    bytes: u64,
    conflicts: u64,
    entries: u64,
    partition_key: String,
    values: u64,
}

impl From<Partition> for PartitionJson {
    fn from(partition: Partition) -> Self {
        let Partition { partition_key, entries, conflicts, values, bytes } = partition;
        Self { bytes, conflicts, entries, partition_key, values }
    }
}

/// A list that is being printed.
pub(crate) struct JsonList {
    is_empty: bool,
}

impl JsonList {
    pub(crate) fn begin(out: &mut Out, head: &Head) -> Result<Self, Failure> {
        match head {
            Head::NextKey(key) => {
                out.text("{\n  \"next_key\": ")?;
                out.json(key)?;
            }
            Head::SeenMarker(marker) => {
                out.text("{\n  \"seen_marker\": ")?;
                out.json(marker)?;
            }
        }
        out.text(",\n  \"values\": [")?;
        Ok(Self { is_empty: true })
    }

    pub(crate) fn push(&mut self, out: &mut Out, value: &impl Serialize) -> Result<(), Failure> {
        out.text(if self.is_empty { "\n    " } else { ",\n    " })?;
        self.is_empty = false;
        out.json_indented(value, 4)
    }

    pub(crate) fn finish(self, out: &mut Out) -> Result<(), Failure> {
        out.text(if self.is_empty { "]\n}" } else { "\n  ]\n}" })
    }
}
