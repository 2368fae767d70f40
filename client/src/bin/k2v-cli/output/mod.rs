//! Printing results: where they go, in which format, and how wide the paper is.

mod entry;
mod format;
mod listing;
mod out;
mod shell;
pub(crate) mod style;
mod table;
mod text;

pub(crate) use entry::{Line, conflict_preview, describe, readable, sorted};
pub(crate) use format::{ColorChoice, Format};
pub(crate) use listing::{Listing, Row};
pub(crate) use out::{Out, stderr_width};
pub(crate) use shell::quoted;
pub(crate) use table::{Cell, Column, Table};
pub(crate) use text::{bytes, count, key, preview, printable, short_key, wrap};
