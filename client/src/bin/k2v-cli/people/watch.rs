//! `watch`: a partition as it is, then every change.

use clap::Args;
use futures_util::TryStreamExt;
use k2v_client::{Error, SeenMarker};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Line;
use crate::session::Session;

/// Print what a partition holds, then every change, as JSON lines
///
/// Each line has the fields pk, sk, ct (causality token) and v (values in base64, null for a deleted one), and `event`: "snapshot" for what was there
/// at the start, "change" for what came after. The watch goes on after lost connections and restarts of the server: a line may then come
/// twice, but none is missed. It ends only with an error that waiting does not cure.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The partition key
    pk: String,
    /// Only sort keys that begin with this
    #[arg(short, long, value_name = "TEXT")]
    prefix: Option<String>,
    /// The first sort key, included
    #[arg(short, long, value_name = "KEY")]
    start: Option<String>,
    /// Where to stop, excluded
    #[arg(short, long, value_name = "KEY")]
    end: Option<String>,
    /// Go on after an earlier watch, from the marker that it printed: no snapshot, only what changed since
    #[arg(short = 'S', long, value_name = "MARKER", allow_hyphen_values = true)]
    since: Option<SeenMarker>,
    /// Print a line {"event":"seen","marker":…} after each group of changes, for --since
    #[arg(short, long)]
    markers: bool,
}

#[derive(Serialize)]
struct EventLine<'a> {
    event: &'static str,
    #[serde(flatten)]
    line: &'a Line,
}

#[derive(Serialize)]
struct SeenLine<'a> {
    event: &'static str,
    marker: &'a str,
}

impl Watch {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        let terminal = session.terminal;
        let mut watch = bucket.watch(&self.pk).on_interruption(move |error| {
            terminal.remark(&format!("interrupted ({error}); trying again"));
        });
        if let Some(prefix) = self.prefix {
            watch = watch.prefix(prefix);
        }
        if let Some(start) = self.start {
            watch = watch.start(start);
        }
        if let Some(end) = self.end {
            watch = watch.end(end);
        }
        let mut event = "snapshot";
        if let Some(marker) = self.since {
            watch = watch.since(marker);
            event = "change";
        }
        while let Some(changes) = watch.try_next().await.map_err(explain)? {
            for entry in changes.items {
                let line = Line::new(&self.pk, entry);
                session.out.json_line(&EventLine { event, line: &line })?;
            }
            if self.markers {
                session.out.json_line(&SeenLine { event: "seen", marker: changes.marker.as_str() })?;
            }
            session.out.flush()?;
            event = "change";
        }
        Ok(())
    }
}

fn explain(error: Error) -> Failure {
    let is_about_the_marker = matches!(error, Error::InvalidToken(_));
    let failure = Failure::from(error);
    if is_about_the_marker {
        return failure.advised(
            "Give the marker that an earlier watch of this partition printed, or leave --since out.",
        );
    }
    failure
}
