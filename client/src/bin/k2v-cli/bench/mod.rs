//! `bench`: how fast a server is.
//!
//! A load generator shares the machine with what it measures, so it must cost little: requests are signed before the clock starts
//! ([`request`]) and go over hand-made connections ([`wire`]); every answer's status is checked ([`check`]).

mod args;
mod check;
mod drive;
mod keyspace;
mod poll;
mod report;
mod request;
mod stage;
mod stop;
mod wire;
mod workload;

use std::time::Duration;

use crate::failure::Failure;
use crate::output::{Format, Listing};
use crate::session::Session;

pub(crate) use args::Bench;
use drive::{Outcome, Until};
use report::Report;
use stage::Stage;
use stop::Stop;
use workload::{ALL, Workload};

impl Bench {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let connection = session.connection()?;
        let bucket = connection.persistent_client()?.bucket(connection.bucket_name()?);
        let stop = Stop::on_signal(session.terminal);
        let mut stage = Stage::new(bucket, &connection.endpoint.value, &self, stop.clone())?;
        let measured = self.measure(session, &mut stage).await;
        let cleaned = if self.keep { Ok(()) } else { stage.clean_up(session.terminal).await };
        // Why the measurement failed says more than that nothing could be cleaned up after it.
        let failed = measured?;
        cleaned?;
        if stop.is_set() {
            let left = if self.keep { "what was written stays" } else { "what was written is deleted" };
            return Err(Failure::Interrupted(format!("interrupted; {left}")));
        }
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
            if stage.is_stopped() {
                break;
            }
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
        if warm.requests == warm.failed() || stage.is_stopped() {
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
