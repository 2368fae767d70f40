//! Aligned columns without frames: easy to read, easy to cut.

use comfy_table::{Table, presets};
use std::io::{self, Write};

/// Prints to standard output. A reader that closes early, as `head` does, is not an error.
pub(super) fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// A table with a head line.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain();
    table.set_header(head.to_vec());
    table.add_rows(rows);
    trimmed(&table)
}

/// Lines of a name and a value.
pub(super) fn fields(rows: &[(&str, String)]) -> String {
    let mut table = plain();
    table.add_rows(rows.iter().map(|(name, value)| vec![format!("{name}:"), value.clone()]));
    trimmed(&table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Without the blanks at either end of each line.
fn trimmed(table: &Table) -> String {
    let lines = table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}
