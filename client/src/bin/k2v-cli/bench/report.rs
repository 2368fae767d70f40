//! The result of a workload, for people and for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::drive::Outcome;
use crate::output::{Cell, Column, Row, style};

/// One workload, measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    workload: &'static str,
    connections: usize,
    value_bytes: usize,
    requests: u64,
    errors: u64,
    seconds: f64,
    requests_per_second: f64,
    items_per_second: f64,
    latency_us: LatencyUs,
    /// What went wrong, and how often.
    failures: BTreeMap<String, u64>,
}

/// Latencies in microseconds.
#[derive(Debug, Serialize)]
struct LatencyUs {
    mean: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Report {
    pub(crate) fn new(
        workload: &'static str,
        connections: usize,
        value_bytes: usize,
        items_per_request: u64,
        outcome: &Outcome,
    ) -> Self {
        let seconds = outcome.elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let succeeded = outcome.requests.saturating_sub(outcome.failed());
        let per_second = succeeded as f64 / seconds;
        let quantile = |quantile| outcome.latencies.value_at_quantile(quantile);
        Self {
            workload,
            connections,
            value_bytes,
            requests: outcome.requests,
            errors: outcome.failed(),
            seconds,
            requests_per_second: per_second,
            items_per_second: per_second * items_per_request as f64,
            latency_us: LatencyUs {
                mean: outcome.latencies.mean(),
                p50: quantile(0.5),
                p90: quantile(0.9),
                p99: quantile(0.99),
                p999: quantile(0.999),
                max: outcome.latencies.max(),
            },
            failures: outcome.errors.clone(),
        }
    }
}

impl Row for Report {
    /// Eighty characters a line. JSON has the rest: seconds, mean, 90th percentile.
    const COLUMNS: &'static [Column] = &[
        Column::text("WORKLOAD"),
        Column::number("REQUESTS"),
        Column::number("ERRORS"),
        Column::number("REQ/S"),
        Column::number("ITEMS/S"),
        Column::number("P50"),
        Column::number("P99"),
        Column::number("P99.9"),
        Column::number("MAX"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let errors = self.errors.to_string();
        let latency = &self.latency_us;
        vec![
            Cell::styled(self.workload, style::KEY),
            Cell::number(self.requests),
            if self.errors == 0 { Cell::plain(errors) } else { Cell::styled(errors, style::BAD) },
            Cell::plain(format!("{:.0}", self.requests_per_second)),
            Cell::plain(format!("{:.0}", self.items_per_second)),
            Cell::plain(time(latency.p50 as f64)),
            Cell::plain(time(latency.p99 as f64)),
            Cell::plain(time(latency.p999 as f64)),
            Cell::plain(time(latency.max as f64)),
        ]
    }

    fn raw(&self) -> String {
        format!("{}\t{:.0}", self.workload, self.requests_per_second)
    }
}

/// Microseconds in the unit that suits them, to three digits.
fn time(microseconds: f64) -> String {
    let (number, unit) = match microseconds {
        number if number < 1_000.0 => return format!("{number:.0}us"),
        number if number < 1_000_000.0 => (number / 1_000.0, "ms"),
        number => (number / 1_000_000.0, "s"),
    };
    let decimals = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
    format!("{number:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn failed_requests_do_not_count_as_throughput() {
        let mut outcome = Outcome::new().unwrap();
        outcome.requests = 300;
        outcome.elapsed = Duration::from_secs(2);
        outcome.errors.insert("status 503".into(), 100);
        outcome.latencies.record(1_500).unwrap();
        let report = Report::new("batch", 64, 256, 100, &outcome);
        assert_eq!((report.requests_per_second, report.items_per_second), (100.0, 10_000.0));
        assert_eq!(report.errors, 100);
    }

    #[test]
    fn times_have_three_digits() {
        let times = [999.0, 1_500.0, 15_400.0, 154_000.0, 2_500_000.0, 59_000_000.0].map(time);
        assert_eq!(times, ["999us", "1.50ms", "15.4ms", "154ms", "2.50s", "59.0s"]);
    }
}
