//! The table of `read-index`: five columns, flush left, two spaces between them.

use k2v_client::Partition;
use unicode_width::UnicodeWidthStr;

use super::value_text::key_text;
use crate::failure::Failure;
use crate::output::Out;

const TITLES: [&str; 5] = ["partition_key", "entries", "conflicts", "values", "bytes"];

/// How many rows decide on the widths of the columns. Later rows are printed as they come, so that an index of any length needs no
/// memory: a key that is longer than all of these moves the rest of its line.
const ROWS_MEASURED: usize = 10_000;

/// A table that is being printed.
#[derive(Default)]
pub(crate) struct IndexTable {
    waiting: Vec<[String; 5]>,
    widths: Option<[usize; 5]>,
}

impl IndexTable {
    pub(crate) fn push(&mut self, out: &mut Out, partition: &Partition) -> Result<(), Failure> {
        let Partition { partition_key, entries, conflicts, values, bytes } = partition;
        let [entries, conflicts, values, bytes] =
            [entries, conflicts, values, bytes].map(ToString::to_string);
        let row = [key_text(out, partition_key), entries, conflicts, values, bytes];
        if let Some(widths) = &self.widths {
            return out.line(&padded(&row, widths));
        }
        self.waiting.push(row);
        if self.waiting.len() == ROWS_MEASURED { self.print_waiting(out) } else { Ok(()) }
    }

    /// Prints what waits. A table without rows has its titles nevertheless.
    pub(crate) fn finish(mut self, out: &mut Out) -> Result<(), Failure> {
        if self.widths.is_none() { self.print_waiting(out) } else { Ok(()) }
    }

    fn print_waiting(&mut self, out: &mut Out) -> Result<(), Failure> {
        let mut widths = TITLES.map(UnicodeWidthStr::width);
        for row in &self.waiting {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.width());
            }
        }
        out.line(&padded(&TITLES, &widths))?;
        for row in self.waiting.drain(..) {
            out.line(&padded(&row, &widths))?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

fn padded(row: &[impl AsRef<str>; 5], widths: &[usize; 5]) -> String {
    let mut line = String::new();
    for (text, width) in row.iter().map(AsRef::as_ref).zip(widths) {
        line.push_str(text);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width()) + 2));
    }
    line.truncate(line.trim_end_matches(' ').len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_flush_left_by_what_a_terminal_shows() {
        let widths = [6, 2, 1, 1, 1];
        assert_eq!(padded(&["ü", "1", "2", "3", "4"], &widths), "ü       1   2  3  4");
        assert_eq!(padded(&["longer than", "1", "2", "3", "4"], &widths), "longer than  1   2  3  4");
    }
}
