//! `poll-range`: waits for a partition to change.

use std::time::Duration;

use clap::Args;
use futures_util::stream;
use k2v_client::{Changes, SeenMarker};
use serde::Serialize;

use super::json_list::{EntryJson, Head};
use super::list_output::{ListOutput, print_unchanged};
use super::read_range::print_entries;
use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::Keys;
use crate::output::{Format, Out};
use crate::session::Session;

/// Wait until items of a partition change, then print them
///
/// Without a seen marker, the whole content of the range is printed at once, with a marker. With one: what has changed since, as
/// soon as something has. If nothing changes in time, a line says so (with --json: null), and the exit code is 0. (`watch` does
/// this again and again.)
#[derive(Debug, Args)]
pub(crate) struct PollRange {
    #[command(flatten)]
    address: PartitionAddress,
    /// The seen marker of the poll before
    #[arg(short = 'S', long, value_name = "MARKER", allow_hyphen_values = true)]
    seen_marker: Option<SeenMarker>,
    /// How long to wait, in seconds [default: the server's, 300]
    #[arg(short = 'T', long, value_name = "SECS")]
    timeout: Option<u64>,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    output: ListOutput,
}

impl PollRange {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let (pk, range) = (self.address.pk(), self.keys.poll_range());
        let timeout = self.timeout.map(Duration::from_secs);
        let changes = bucket.poll_range(pk, &range, self.seen_marker.as_ref(), timeout).await?;
        let out = &mut session.out;
        let format = self.output.format(out);
        match changes {
            Some(changes) => print(out, format, changes).await,
            None => print_unchanged(out, format),
        }
    }
}

async fn print(out: &mut Out, format: Format, changes: Changes) -> Result<(), Failure> {
    let Changes { mut items, marker, .. } = changes;
    items.sort_by(|a, b| a.sort_key.cmp(&b.sort_key));
    match format {
        Format::Table | Format::Json => {
            let head = Head::SeenMarker(marker.into());
            print_entries(out, format, head, stream::iter(items.into_iter().map(Ok))).await
        }
        Format::Jsonl => {
            let values = items.into_iter().map(EntryJson::from).collect();
            out.json_line(&ChangesJson { seen_marker: marker.into(), values })
        }
        Format::Raw => items.iter().try_for_each(|entry| out.line(&entry.sort_key)),
    }
}

/// The whole answer, for one line.
#[derive(Serialize)]
struct ChangesJson {
    seen_marker: String,
    values: Vec<EntryJson>,
}
