//! The standard output.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;
use terminal_size::{Height, Width};

use super::format::Format;
use super::text::wrap;
use crate::failure::Failure;

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

/// The width of a terminal that does not tell its own.
const WIDTH_UNKNOWN: usize = 80;

/// The width of the terminal behind the standard error.
pub(crate) fn stderr_width() -> usize {
    columns(terminal_size::terminal_size_of(io::stderr()))
}

/// Some terminals do not know their size, and say 0.
fn columns(size: Option<(Width, Height)>) -> usize {
    match size {
        Some((Width(columns), _)) if columns > 0 => usize::from(columns),
        Some(_) | None => WIDTH_UNKNOWN,
    }
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

    /// The width of the terminal; nothing is cut without a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        if !self.is_terminal {
            return None;
        }
        Some(columns(terminal_size::terminal_size_of(io::stdout())))
    }

    /// The lines of a text that begins at a column, broken between words where the terminal ends.
    pub(crate) fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        wrap(text, self.width().map(|width| width.saturating_sub(indent)))
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
