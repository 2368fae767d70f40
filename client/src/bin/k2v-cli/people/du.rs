//! `du`: how much a bucket holds.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{KeyRange, Partition};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Cell, Column, Format, Row, Table, bytes, key, style};
use crate::session::Session;

/// Count items, values and bytes, by partition and in all
///
/// The numbers are those of the server's index: nothing is read to count it.
#[derive(Debug, Args)]
pub(crate) struct Du {
    /// Only this partition
    pk: Option<String>,
    /// Only partitions whose key begins with this
    #[arg(short, long, value_name = "TEXT", conflicts_with = "pk")]
    prefix: Option<String>,
    /// Only the total
    #[arg(short, long)]
    summarize: bool,
    /// Sizes in bytes instead of KiB and MiB
    #[arg(short, long)]
    bytes: bool,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Total {
    partitions: u64,
    entries: u64,
    conflicts: u64,
    values: u64,
    bytes: u64,
}

const COLUMNS: &[Column] = &[
    Column::number("SIZE"),
    Column::number("ITEMS"),
    Column::number("VALUES"),
    Column::number("CONFLICTS"),
    Column::key("PARTITION KEY"),
];

impl Du {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let out = &mut session.out;
        let format = out.format_or(Format::Table);
        let mut table = Table::new(COLUMNS);
        let mut total = Total::default();
        if format == Format::Json {
            out.text("{\"partitions\":[")?;
        }
        let mut partitions = bucket.partitions().range(self.range());
        while let Some(partition) = partitions.try_next().await? {
            if self.pk.as_ref().is_some_and(|pk| *pk != partition.partition_key) {
                break;
            }
            let is_first = total.partitions == 0;
            total.add(&partition);
            if self.summarize {
                continue;
            }
            match format {
                Format::Table => {
                    let name = Cell::styled(key(&partition.partition_key), style::KEY);
                    table.push(out, self.row(total_of(&partition), name))?;
                }
                Format::Json => {
                    out.text(if is_first { "" } else { "," })?;
                    out.json(&partition)?;
                }
                Format::Jsonl => out.json_line(&partition)?,
                Format::Raw => out.line(&format!("{}\t{}", partition.bytes, partition.raw()))?,
            }
        }
        match format {
            Format::Table => {
                let noun = crate::output::count(total.partitions, "partition");
                table
                    .push(out, self.row(total, Cell::styled(format!("(total of {noun})"), style::HEADING)))?;
                table.finish(out)
            }
            Format::Json => {
                out.text("],\"total\":")?;
                out.json(&total)?;
                out.line("}")
            }
            Format::Jsonl => out.json_line(&serde_json::json!({ "total": total })),
            Format::Raw => out.line(&total.bytes.to_string()),
        }
    }

    fn range(&self) -> KeyRange {
        KeyRange {
            prefix: self.prefix.clone(),
            start: self.pk.clone(),
            limit: self.pk.as_ref().map(|_| 1),
            ..KeyRange::all()
        }
    }

    fn row(&self, total: Total, key: Cell) -> Vec<Cell> {
        let size = if self.bytes { total.bytes.to_string() } else { bytes(total.bytes) };
        vec![
            Cell::plain(size),
            Cell::number(total.entries),
            Cell::number(total.values),
            Cell::number(total.conflicts),
            key,
        ]
    }
}

fn total_of(partition: &Partition) -> Total {
    let mut total = Total::default();
    total.add(partition);
    total
}

impl Total {
    fn add(&mut self, partition: &Partition) {
        self.partitions += 1;
        self.entries = self.entries.saturating_add(partition.entries);
        self.conflicts = self.conflicts.saturating_add(partition.conflicts);
        self.values = self.values.saturating_add(partition.values);
        self.bytes = self.bytes.saturating_add(partition.bytes);
    }
}
