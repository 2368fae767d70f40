//! Lists of rows, in each of the four formats.

use serde::Serialize;

use super::format::Format;
use super::out::Out;
use super::table::{Cell, Column, Table};
use crate::failure::Failure;

/// Something that is listed. In JSON it is what it serialises to.
pub(crate) trait Row: Serialize {
    /// The columns of the table.
    const COLUMNS: &'static [Column];
    /// One cell a column.
    fn cells(&self) -> Vec<Cell>;
    /// What the raw format prints on a line: the key, unless a command has something better.
    fn raw(&self) -> String;
}

/// A list that is being printed, row by row.
pub(crate) struct Listing {
    format: Format,
    table: Table,
    is_empty: bool,
}

impl Listing {
    pub(crate) fn new<R: Row>(format: Format) -> Self {
        Self { format, table: Table::new(R::COLUMNS), is_empty: true }
    }

    pub(crate) fn push(&mut self, out: &mut Out, row: &impl Row) -> Result<(), Failure> {
        let is_first = std::mem::replace(&mut self.is_empty, false);
        match self.format {
            Format::Table => self.table.push(out, row.cells()),
            Format::Json => {
                out.text(if is_first { "[\n" } else { ",\n" })?;
                out.json(row)
            }
            Format::Jsonl => out.json_line(row),
            Format::Raw => out.line(&row.raw()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub(crate) fn finish(self, out: &mut Out) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.table.finish(out),
            Format::Json => out.text(if self.is_empty { "[]\n" } else { "\n]\n" }),
            Format::Jsonl | Format::Raw => Ok(()),
        }
    }
}
