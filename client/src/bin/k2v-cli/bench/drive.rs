//! Driving a workload: as many connections as asked for, each one request at a time, until time or requests run out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::check::Checker;
use super::request::Pool;
use super::stop::Stop;
use super::wire::Wire;
use crate::failure::Failure;

/// Latencies in microseconds, up to a minute, to three digits.
pub(crate) type Latencies = Histogram<u64>;

/// The longest latency that is told apart.
const LATENCY_MAX_US: u64 = 60_000_000;

/// How many different errors are kept.
const ERRORS_MAX: usize = 20;

/// An empty histogram.
pub(crate) fn latencies() -> Result<Latencies, Failure> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)
        .map_err(|error| Failure::other(format!("cannot make a histogram: {error}")))
}

/// Whole microseconds, at least one: what a histogram can hold.
pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// What a connection sends next.
#[derive(Debug)]
pub(crate) enum Source {
    /// Any of these requests, as often as one likes.
    Random(Pool),
    /// Each of these requests once.
    Each { pool: Pool, next: AtomicU64 },
}

impl Source {
    pub(crate) fn each(pool: Pool) -> Self {
        let next = AtomicU64::new(pool.numbers().start);
        Self::Each { pool, next }
    }

    fn pool(&self) -> &Pool {
        match self {
            Self::Random(pool) | Self::Each { pool, .. } => pool,
        }
    }

    /// The number of the next request; none when there are no more.
    fn next(&self, rng: &mut SmallRng) -> Option<u64> {
        match self {
            Self::Random(pool) => Some(rng.random_range(pool.numbers())),
            Self::Each { pool, next } => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                pool.numbers().contains(&number).then_some(number)
            }
        }
    }

    /// The requests that were handed out so far.
    pub(crate) fn used(&self) -> Range<u64> {
        match self {
            Self::Random(pool) => pool.numbers(),
            Self::Each { pool, next } => {
                let numbers = pool.numbers();
                numbers.start..next.load(Ordering::Relaxed).clamp(numbers.start, numbers.end)
            }
        }
    }
}

/// A workload, ready to be driven.
#[derive(Debug)]
pub(crate) struct Job {
    /// One source, or two to choose between.
    pub(crate) sources: Vec<Source>,
    /// How many of a hundred requests come from the first source.
    pub(crate) first_share_percent: u32,
    pub(crate) checker: Checker,
    pub(crate) stop: Stop,
}

/// When driving ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    pub(crate) duration: Duration,
    pub(crate) requests: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) latencies: Latencies,
    pub(crate) requests: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) elapsed: Duration,
    /// The requests ran out before the time did.
    pub(crate) ran_out: bool,
}

impl Outcome {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            latencies: latencies()?,
            requests: 0,
            errors: BTreeMap::new(),
            elapsed: Duration::ZERO,
            ran_out: false,
        })
    }

    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn note_error(&mut self, error: String) {
        let known = self.errors.contains_key(&error) || self.errors.len() < ERRORS_MAX;
        *self.errors.entry(if known { error } else { "other errors".into() }).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Failure> {
        self.latencies
            .add(other.latencies)
            .map_err(|error| Failure::other(format!("cannot add histograms: {error}")))?;
        self.requests += other.requests;
        self.ran_out |= other.ran_out;
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        Ok(())
    }
}

/// What the connections of a job share.
#[derive(Debug)]
struct Shared {
    job: Arc<Job>,
    address: String,
    deadline: Instant,
    requests_left: AtomicU64,
}

/// Drives a job over its own connections.
pub(crate) async fn drive(
    job: &Arc<Job>,
    address: &str,
    connections: usize,
    until: Until,
) -> Result<Outcome, Failure> {
    let mut wires = Vec::with_capacity(connections);
    for _ in 0..connections {
        let wire = Wire::connect(address).await;
        wires.push(
            wire.map_err(|error| Failure::Unavailable(format!("cannot connect to {address}: {error}")))?,
        );
    }
    let started = Instant::now();
    let shared = Arc::new(Shared {
        job: Arc::clone(job),
        address: address.to_owned(),
        deadline: started + until.duration,
        requests_left: AtomicU64::new(until.requests),
    });
    let mut workers = JoinSet::new();
    for wire in wires {
        workers.spawn(work(wire, Arc::clone(&shared)));
    }
    let mut total = Outcome::new()?;
    while let Some(worker) = workers.join_next().await {
        total.merge(
            worker.map_err(|error| Failure::other(format!("a connection's task failed: {error}")))??,
        )?;
    }
    total.elapsed = started.elapsed();
    Ok(total)
}

/// One connection, from its first request to its last.
async fn work(mut wire: Wire, shared: Arc<Shared>) -> Result<Outcome, Failure> {
    let job = &shared.job;
    let mut outcome = Outcome::new()?;
    let mut rng = SmallRng::seed_from_u64(rand::random());
    let mut buffers: Vec<_> = job.sources.iter().map(|source| source.pool().template.buffer()).collect();
    loop {
        let choice =
            usize::from(job.sources.len() > 1 && rng.random_range(0..100) >= job.first_share_percent);
        if job.stop.is_set() || Instant::now() >= shared.deadline || !take_one(&shared.requests_left) {
            return Ok(outcome);
        }
        let source = &job.sources[choice];
        let Some(number) = source.next(&mut rng) else {
            outcome.ran_out = true;
            return Ok(outcome);
        };
        let buffer = &mut buffers[choice];
        source.pool().render(number, buffer);
        let sent = Instant::now();
        let answered = wire.exchange(buffer).await;
        outcome.latencies.saturating_record(microseconds(sent.elapsed()));
        outcome.requests += 1;
        match answered {
            Ok(status) => {
                let kind = source.pool().template.kind();
                if let Err(error) = job.checker.check(kind, number, status, &wire.body) {
                    outcome.note_error(error);
                }
            }
            Err(error) => {
                outcome.note_error(error.to_string());
                match Wire::connect(&shared.address).await {
                    Ok(fresh) => wire = fresh,
                    Err(error) => {
                        outcome.note_error(error.to_string());
                        return Ok(outcome);
                    }
                }
            }
        }
    }
}

/// Takes one of the requests that are left; `false` if there is none.
fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
