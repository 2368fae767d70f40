use super::histogram::Histogram;
use super::{Exposition, Kind};
use crate::http::route::Call;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a request to the K2V port was, as far as its head says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallKind {
    /// A call, whether or not it was allowed.
    Call(Call),
    /// A browser's question before a call.
    Options,
    /// Nothing that K2V has.
    Unknown,
}

/// By [`CallKind::index`], as Garage names them.
const NAMES: [&str; 11] = [
    "ReadItem",
    "PollItem",
    "InsertItem",
    "DeleteItem",
    "ReadIndex",
    "InsertBatch",
    "ReadBatch",
    "DeleteBatch",
    "PollRange",
    "Options",
    "Unknown",
];

impl CallKind {
    fn index(self) -> usize {
        match self {
            CallKind::Call(Call::ReadItem) => 0,
            CallKind::Call(Call::PollItem) => 1,
            CallKind::Call(Call::InsertItem) => 2,
            CallKind::Call(Call::DeleteItem) => 3,
            CallKind::Call(Call::ReadIndex) => 4,
            CallKind::Call(Call::InsertBatch) => 5,
            CallKind::Call(Call::ReadBatch) => 6,
            CallKind::Call(Call::DeleteBatch) => 7,
            CallKind::Call(Call::PollRange) => 8,
            CallKind::Options => 9,
            CallKind::Unknown => 10,
        }
    }
}

/// The first status that is an error, and how many there can be.
const ERROR_FIRST: u16 = 400;
const ERROR_STATUSES: usize = 200;

/// Requests to the K2V API: how many, how they failed, how long they took. Shared by all workers, without a lock.
#[derive(Debug, Default)]
pub(crate) struct CallMetrics {
    kinds: [OfKind; NAMES.len()],
    in_flight: AtomicU64,
}

#[derive(Debug)]
struct OfKind {
    requests: AtomicU64,
    /// By status.
    errors: [AtomicU64; ERROR_STATUSES],
    took: Histogram,
}

impl Default for OfKind {
    fn default() -> OfKind {
        OfKind {
            requests: AtomicU64::default(),
            errors: std::array::from_fn(|_| AtomicU64::default()),
            took: Histogram::default(),
        }
    }
}

/// A request that is being served. Dropped with it, however it ends.
pub(crate) struct InFlight<'m>(&'m CallMetrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CallMetrics {
    /// A request has come.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, kind: CallKind, status: u16, took: Duration) {
        let of_kind = &self.kinds[kind.index()];
        of_kind.requests.fetch_add(1, Ordering::Relaxed);
        of_kind.took.record(took);
        if let Some(errors) =
            status.checked_sub(ERROR_FIRST).and_then(|at| of_kind.errors.get(usize::from(at)))
        {
            errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Under Garage's names.
    pub(crate) fn write(&self, out: &mut Exposition) {
        let kinds = || NAMES.iter().zip(&self.kinds);
        let requests = "api_k2v_request_counter";
        out.family(requests, "Requests to the K2V API, by call.", Kind::Counter);
        for (name, kind) in kinds() {
            out.sample(requests, &[("api_endpoint", name)], kind.requests.load(Ordering::Relaxed) as f64);
        }
        let errors = "api_k2v_error_counter";
        out.family(errors, "Requests to the K2V API that were refused or failed.", Kind::Counter);
        for (name, kind) in kinds() {
            for (status, count) in (ERROR_FIRST..).zip(&kind.errors) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [("api_endpoint", *name), ("status_code", &status.to_string())];
                    out.sample(errors, &labels, count as f64);
                }
            }
        }
        let took = "api_k2v_request_duration";
        out.family(took, "Seconds until the head of the answer.", Kind::Histogram);
        for (name, kind) in kinds() {
            kind.took.write(out, took, &[("api_endpoint", name)]);
        }
        out.single(
            "troupe_requests_in_flight",
            "Requests to the K2V API that are not answered yet, polls included.",
            Kind::Gauge,
            self.in_flight.load(Ordering::Relaxed) as f64,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_call_and_errors_by_status() {
        let metrics = CallMetrics::default();
        let read = CallKind::Call(Call::ReadItem);
        let poll = metrics.begin();
        metrics.answered(read, 200, Duration::from_millis(1));
        metrics.answered(read, 404, Duration::from_millis(1));
        metrics.answered(CallKind::Unknown, 599, Duration::from_millis(1));
        let written = |metrics: &CallMetrics| {
            let mut out = Exposition::default();
            metrics.write(&mut out);
            out.into_text()
        };
        let text = written(&metrics);
        for line in [
            "api_k2v_request_counter{api_endpoint=\"ReadItem\"} 2\n",
            "api_k2v_error_counter{api_endpoint=\"ReadItem\",status_code=\"404\"} 1\n",
            "api_k2v_error_counter{api_endpoint=\"Unknown\",status_code=\"599\"} 1\n",
            "api_k2v_request_duration_count{api_endpoint=\"ReadItem\"} 2\n",
            "troupe_requests_in_flight 1\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(!text.contains("status_code=\"200\""));
        drop(poll);
        assert!(written(&metrics).contains("troupe_requests_in_flight 0\n"));
    }
}
