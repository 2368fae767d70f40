//! The standard output.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::format::Format;
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
        // Some terminals do not know their width, and say 0.
        let width = terminal_size::terminal_size().map_or(0, |(width, _)| usize::from(width.0));
        Some(if width == 0 { WIDTH_UNKNOWN } else { width })
    }

    /// The lines of a text that begins at a column, broken between words where the terminal ends.
    pub(crate) fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        let width = self.width().map_or(usize::MAX, |width| width.saturating_sub(indent));
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if line.width() + 1 + word.width() <= width => line.extend([" ", word]),
                _ => lines.push(word.to_owned()),
            }
        }
        lines
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
