//! How `read-index`, `read-range`, `poll-range` and `delete-range` print.

use clap::Args;

use crate::failure::Failure;
use crate::output::{Format, Out};

/// The two forms of lists; for people if none is given.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ListOutput {
    /// For people
    #[arg(short = 'H', long)]
    human: bool,
    /// JSON
    #[arg(short, long)]
    json: bool,
}

impl ListOutput {
    /// The format that a letter asks for; where none does, --output may.
    pub(crate) fn format(self, out: &Out) -> Format {
        match (self.human, self.json) {
            (true, _) => Format::Table,
            (false, true) => Format::Json,
            (false, false) => out.format_or(Format::Table),
        }
    }
}

/// What a poll prints whose time ran out.
pub(crate) fn print_unchanged(out: &mut Out, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json | Format::Jsonl => out.line("null"),
        Format::Table | Format::Raw => out.line("Delay expired and value didn't change."),
    }
}
