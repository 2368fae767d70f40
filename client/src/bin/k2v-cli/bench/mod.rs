//! `bench`: how fast a server is.
//!
//! A load generator shares the machine with what it measures, so it must cost little: requests are signed before the clock starts
//! ([`request`]) and go over hand-made connections ([`wire`]); every answer's status is checked ([`check`]).

mod check;
mod drive;
mod keyspace;
mod poll;
mod report;
mod request;
mod stage;
mod wire;

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::output::{Format, Listing};
use crate::session::Session;

use drive::{Outcome, Until};
use report::Report;
use stage::Stage;

/// Measure how fast a server answers
///
/// Runs one workload after another: fills partitions of its own, warms up, measures, and deletes what it wrote (tombstones stay, as
/// after every deletion). Requests are signed ahead, so that this program costs little itself. The endpoint must be plain http: that of a
/// node itself.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure; everything if nothing is named
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// How many connections, each with one request at a time
    #[arg(short, long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// The length of a value
    #[arg(long, value_name = "BYTES", default_value = "256", value_parser = clap::value_parser!(u32).range(..=1_048_576))]
    value_size: u32,
    /// How many items there are to read
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    keys: u64,
    /// How long to measure each workload, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=600))]
    duration: u64,
    /// Stop each workload after so many requests, if the time is not up before
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How long to warm up before measuring, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=60))]
    warm_up: u64,
    /// How many items a batch inserts
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    batch_size: u64,
    /// How many items a range reads; partitions are filled with so many
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    range_size: u64,
    /// How many of a hundred requests of the mixed workload are reads
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = clap::value_parser!(u32).range(0..=100))]
    read_share: u32,
    /// Check every value that is read, and read back every value that was written
    #[arg(long)]
    verify: bool,
    /// Leave what was written
    #[arg(long)]
    keep: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One value a request, each under a new key
    Insert,
    /// One value a request, of a random item
    Read,
    /// Reads and inserts
    Mixed,
    /// Many new items a request
    Batch,
    /// Many items a request, of a random partition
    Range,
    /// From a write to the answer of the poll that waits for it
    Poll,
}

const ALL: [Workload; 6] =
    [Workload::Insert, Workload::Read, Workload::Mixed, Workload::Batch, Workload::Range, Workload::Poll];

impl Workload {
    fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Read => "read",
            Self::Mixed => "mixed",
            Self::Batch => "batch",
            Self::Range => "range",
            Self::Poll => "poll",
        }
    }

    /// Whether it reads items that must be there.
    fn reads(self) -> bool {
        match self {
            Self::Read | Self::Mixed | Self::Range => true,
            Self::Insert | Self::Batch | Self::Poll => false,
        }
    }
}

impl Bench {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let connection = session.connection()?;
        let bucket = connection.persistent_client()?.bucket(connection.bucket_name()?);
        let mut stage = Stage::new(bucket, &connection.endpoint.value, &self)?;
        let measured = self.measure(session, &mut stage).await;
        let cleaned = if self.keep { Ok(()) } else { stage.clean_up(session.terminal).await };
        // Why the measurement failed says more than that nothing could be cleaned up after it.
        let failed = measured?;
        cleaned?;
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::other(format!("{failed} of the answers were not what they should be")))
    }

    /// Runs the workloads; says how many requests failed.
    async fn measure(&self, session: &mut Session, stage: &mut Stage) -> Result<u64, Failure> {
        let workloads = if self.workloads.is_empty() { &ALL } else { self.workloads.as_slice() };
        let mut listing = Listing::new::<Report>(session.out.format_or(Format::Table));
        let mut failed = 0;
        if workloads.iter().any(|workload| workload.reads()) {
            stage.populate(session.terminal).await?;
        }
        for &workload in workloads {
            let outcome = self.measure_one(session, stage, workload).await?;
            failed += outcome.failed();
            for (error, count) in &outcome.errors {
                session.terminal.error(&format!("{}: {count} times: {error}", workload.name()));
            }
            if outcome.ran_out {
                session.terminal.remark(&format!(
                    "{}: the {} prepared requests were sent before the time was up",
                    workload.name(),
                    outcome.requests
                ));
            }
            let report = Report::new(
                workload.name(),
                usize::from(self.connections),
                self.value_size as usize,
                stage.items_per_request(workload),
                &outcome,
            );
            listing.push(&mut session.out, &report)?;
        }
        listing.finish(&mut session.out)?;
        session.out.flush()?;
        Ok(failed)
    }

    async fn measure_one(
        &self,
        session: &Session,
        stage: &mut Stage,
        workload: Workload,
    ) -> Result<Outcome, Failure> {
        let requests = self.count.unwrap_or(u64::MAX);
        let warm_up = Until { duration: Duration::from_secs(self.warm_up), requests };
        let until = Until { duration: Duration::from_secs(self.duration), requests };
        session.terminal.remark(&format!("{}: warming up", workload.name()));
        let warm = stage.run(workload, warm_up, stage.warm_up_requests(workload).min(requests)).await?;
        if warm.requests == warm.failed() {
            return Ok(warm);
        }
        // As many requests as the warm-up promises, and as many again.
        let rate = warm.requests as f64 / warm.elapsed.as_secs_f64().max(0.001);
        let wanted = (rate * self.duration as f64 * 2.0) as u64;
        let prepared = wanted.min(until.requests).clamp(1, stage::REQUESTS_MAX);
        session.terminal.remark(&format!("{}: measuring", workload.name()));
        stage.run(workload, until, prepared).await
    }
}
