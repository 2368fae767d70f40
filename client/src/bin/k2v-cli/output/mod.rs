//! Printing results: where they go, in which format, and how wide the paper is.

mod entry;
mod listing;
mod table;
mod text;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

pub(crate) use entry::{Line, conflict_preview, describe, readable, sorted};
pub(crate) use listing::{Listing, Row};
pub(crate) use table::{Cell, Column, Table};
pub(crate) use text::{bytes, count, preview, printable};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns, for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// Nothing but the values, or the keys
    Raw,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// At a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// Tells the libraries that print by themselves.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// The standard output, as a command sees it.
///
/// It writes bytes as they are: colours are left out where they are not wanted, never filtered out of what a
/// value happens to contain.
pub(crate) struct Out {
    writer: BufWriter<Stdout>,
    format: Option<Format>,
    is_terminal: bool,
    has_colours: bool,
}

impl Out {
    pub(crate) fn new(format: Option<Format>) -> Self {
        let stdout = io::stdout();
        let choice = anstream::AutoStream::choice(&stdout);
        Self {
            is_terminal: stdout.is_terminal(),
            has_colours: choice != anstream::ColorChoice::Never,
            writer: BufWriter::new(stdout),
            format,
        }
    }

    /// The format that was asked for, or what suits the command.
    pub(crate) fn format_or(&self, default: Format) -> Format {
        self.format.unwrap_or(default)
    }

    /// The format that was asked for, if any was.
    pub(crate) fn format(&self) -> Option<Format> {
        self.format
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The width of the terminal; nothing is cut where there is none.
    pub(crate) fn width(&self) -> Option<usize> {
        if !self.is_terminal {
            return None;
        }
        terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
    }

    /// The text in a style, if colours are wanted.
    pub(crate) fn styled(&self, style: anstyle::Style, text: &str) -> String {
        if self.has_colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(bytes).map_err(Failure::output)
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.text(text)?;
        self.text("\n")
    }

    /// One JSON value, without a line end.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.writer, value).map_err(|error| Failure::output(error.into()))
    }

    /// One JSON value on a line of its own.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.json(value)?;
        self.text("\n")
    }

    /// One JSON value over several lines, all but the first moved in by this many spaces; no line end.
    pub(crate) fn json_indented(&mut self, value: &impl Serialize, spaces: usize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::output(error.into()))?;
        // Within strings, line feeds are escaped.
        self.text(&text.replace('\n', &format!("\n{}", " ".repeat(spaces))))
    }

    /// One JSON value, indented if a person reads it.
    pub(crate) fn json_document(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        if self.is_terminal {
            serde_json::to_writer_pretty(&mut self.writer, value)
                .map_err(|error| Failure::output(error.into()))?;
            return self.text("\n");
        }
        self.json_line(value)
    }

    /// Everything printed so far becomes visible.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(Failure::output)
    }
}

/// The styles, few and plain.
pub(crate) mod style {
    use anstyle::{AnsiColor, Style};

    pub(crate) const HEADING: Style = Style::new().bold();
    pub(crate) const KEY: Style = AnsiColor::Cyan.on_default();
    pub(crate) const FAINT: Style = Style::new().dimmed();
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
}
