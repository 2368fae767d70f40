//! `watch`: a partition as it is, then every change.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Error, SeenMarker, Watch as Changes};
use serde::Serialize;

use super::change_command::{self, Event};
use crate::failure::Failure;
use crate::filter::Span;
use crate::output::{Cell, Column, Format, Line, Out, Row, Table, style};
use crate::session::Session;

/// Show what a partition holds, then every change
///
/// At a terminal as a table, elsewhere as JSON lines with the fields pk, sk, ct (causality token) and v (values in base64, null for
/// a deleted one), and `event`: "snapshot" for what was there at the start, "change" for what came after. `-o` chooses.
///
/// The watch goes on after lost connections and restarts of the server: a change may then come twice, but none is missed. It ends only
/// with an error that waiting does not cure.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The partition key
    pk: String,
    #[command(flatten)]
    span: Span,
    /// Run this shell command for each item instead of printing it, one after the other. It reads the JSON line; K2V_EVENT,
    /// K2V_PARTITION_KEY and K2V_SORT_KEY are set. If it fails, that is said, and the watch goes on
    #[arg(short = 'x', long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Go on after an earlier watch, from the marker that it printed: no snapshot, only what changed since
    #[arg(short = 'S', long, value_name = "MARKER", allow_hyphen_values = true)]
    since: Option<SeenMarker>,
    /// Print a JSON line {"event":"seen","marker":…} after each group of changes, for --since
    #[arg(short, long, conflicts_with = "exec")]
    markers: bool,
}

#[derive(Serialize)]
struct SeenLine<'a> {
    event: &'static str,
    marker: &'a str,
}

const COLUMNS: &[Column] =
    &[Column::text("EVENT"), Column::key("SORT KEY"), Column::number("SIZE"), Column::text("VALUE")];

/// The rows that come later are not known when the first ones are printed: these widths suit most.
const WIDTHS_MIN: [usize; 3] = ["snapshot".len(), 20, "1000.0 KiB".len()];

impl Watch {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut printer = self.printer(&session.out)?;
        let bucket = session.bucket()?;
        let terminal = session.terminal;
        let mut watch = self.narrow(bucket.watch(&self.pk)).on_interruption(move |error| {
            terminal.remark(&format!("interrupted ({error}); trying again"));
        });
        let mut event = "snapshot";
        let is_continued = self.since.is_some();
        if let Some(marker) = self.since {
            watch = watch.since(marker);
            event = "change";
        }
        while let Some(changes) = watch.try_next().await.map_err(|error| explain(error, is_continued))? {
            for entry in changes.items {
                let event = Event { event, line: Line::new(&self.pk, entry) };
                if let Some(command) = &self.exec {
                    let done = tokio::task::block_in_place(|| change_command::run(command, &event));
                    if let Err(failure) = done {
                        terminal.error(&failure.to_string());
                    }
                }
                printer.print(&mut session.out, &event)?;
            }
            if self.markers {
                session.out.json_line(&SeenLine { event: "seen", marker: changes.marker.as_str() })?;
            }
            printer.flush(&mut session.out)?;
            event = "change";
        }
        Ok(())
    }

    fn narrow(&self, mut watch: Changes) -> Changes {
        let Span { prefix, start, end } = self.span.clone();
        if let Some(prefix) = prefix {
            watch = watch.prefix(prefix);
        }
        if let Some(start) = start {
            watch = watch.start(start);
        }
        if let Some(end) = end {
            watch = watch.end(end);
        }
        watch
    }

    fn printer(&self, out: &Out) -> Result<Printer, Failure> {
        let suited = if out.is_terminal() && !self.markers { Format::Table } else { Format::Jsonl };
        match out.format() {
            None if self.exec.is_some() => Ok(Printer::Nothing),
            Some(Format::Table | Format::Raw) if self.markers => {
                Err(Failure::usage("--markers prints JSON lines: leave --output out, or choose jsonl"))
            }
            format => Ok(match format.unwrap_or(suited) {
                Format::Table => Printer::Table(Table::new(COLUMNS).at_least(&WIDTHS_MIN)),
                // A watch has no end, and so no one document.
                Format::Json | Format::Jsonl => Printer::Lines,
                Format::Raw => Printer::Keys,
            }),
        }
    }
}

/// How events are printed.
enum Printer {
    Table(Table),
    Lines,
    Keys,
    Nothing,
}

impl Printer {
    fn print(&mut self, out: &mut Out, event: &Event) -> Result<(), Failure> {
        match self {
            Self::Table(table) => {
                let is_change = event.event == "change";
                let style = if is_change { style::GOOD } else { style::FAINT };
                let mut row = vec![Cell::styled(event.event, style)];
                row.extend(event.line.cells());
                table.push(out, row)
            }
            Self::Lines => out.json_line(event),
            Self::Keys => out.line(&event.line.raw()),
            Self::Nothing => Ok(()),
        }
    }

    /// What was printed becomes visible.
    fn flush(&mut self, out: &mut Out) -> Result<(), Failure> {
        if let Self::Table(table) = self {
            table.print_so_far(out)?;
        }
        out.flush()
    }
}

fn explain(error: Error, is_continued: bool) -> Failure {
    let is_about_the_marker =
        is_continued && matches!(error, Error::InvalidToken(_) | Error::InvalidRequest(_));
    let failure = Failure::from(error);
    if is_about_the_marker {
        return failure.advised(
            "Give the marker that an earlier watch of this partition printed, or leave --since out.",
        );
    }
    failure
}
