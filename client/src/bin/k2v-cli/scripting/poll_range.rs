//! `poll-range`: waits for a partition to change.

use std::time::Duration;

use clap::Args;
use k2v_client::{Changes, SeenMarker};
use serde::Serialize;

use super::read_range::{ItemJson, print_items};
use crate::address::PartitionAddress;
use crate::failure::Failure;
use crate::filter::{Filter, Part};
use crate::output::{Format, style};
use crate::scripting::read_index::ListOutput;
use crate::session::Session;

/// Wait until items of a partition change, then print them
///
/// Without a seen marker, the whole content of the range is printed at once, with a marker. With one: what has changed since, as
/// soon as something has. Fails with 7 if nothing changes in time. (`watch` does this again and again.)
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
    filter: Filter,
    #[command(flatten)]
    output: ListOutput,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangesJson {
    seen_marker: String,
    items: Vec<ItemJson>,
}

impl PollRange {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        self.filter
            .refuse("poll-range", &[Part::Limit, Part::Reverse, Part::ConflictsOnly, Part::Tombstones])?;
        let bucket = session.bucket()?;
        let (pk, range) = (self.address.pk(), self.filter.poll_range());
        let timeout = self.timeout.map(Duration::from_secs);
        let changes = bucket.poll_range(pk, &range, self.seen_marker.as_ref(), timeout).await?;
        match changes {
            Some(changes) => print(session, pk, changes, self.output),
            None => Err(Failure::Timeout("nothing changed in time".into())),
        }
    }
}

fn print(session: &mut Session, pk: &str, changes: Changes, output: ListOutput) -> Result<(), Failure> {
    let out = &mut session.out;
    match output.format(out) {
        Format::Json | Format::Jsonl => out.json_line(&ChangesJson {
            seen_marker: changes.marker.into(),
            items: changes.items.into_iter().map(ItemJson::from).collect(),
        }),
        format @ (Format::Table | Format::Raw) => {
            let marker = out.styled(style::FAINT, changes.marker.as_str());
            print_items(out, pk, changes.items, format)?;
            if format == Format::Table { out.line(&format!("seen marker: {marker}")) } else { Ok(()) }
        }
    }
}
