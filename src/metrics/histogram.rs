use super::Exposition;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the buckets, in microseconds: from a read out of memory to a request that the slow log names.
const BOUNDS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// Durations, counted without a lock.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// The last one is for what is longer than every bound.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(super) fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Writes its samples; `labels` tell it from others of the same metric.
    pub(super) fn write(&self, out: &mut Exposition, name: &str, labels: &[(&str, &str)]) {
        let (bucket, mut count) = (format!("{name}_bucket"), 0);
        let ends = BOUNDS_US.iter().map(|us| (*us as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
        for (end, of_bucket) in ends.zip(&self.buckets) {
            count += of_bucket.load(Ordering::Relaxed);
            let labels: Vec<_> = labels.iter().copied().chain([("le", end.as_str())]).collect();
            out.sample(&bucket, &labels, count as f64);
        }
        out.sample(&format!("{name}_sum"), labels, self.sum_us.load(Ordering::Relaxed) as f64 / 1e6);
        out.sample(&format!("{name}_count"), labels, count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_counts_what_is_at_most_as_long_as_it_says() {
        let histogram = Histogram::default();
        for us in [250, 251, 20_000_000] {
            histogram.record(Duration::from_micros(us));
        }
        let mut out = Exposition::default();
        histogram.write(&mut out, "time", &[("of", "a")]);
        let text = out.into_text();
        for line in [
            "time_bucket{of=\"a\",le=\"0.00025\"} 1\n",
            "time_bucket{of=\"a\",le=\"0.0005\"} 2\n",
            "time_bucket{of=\"a\",le=\"10\"} 2\n",
            "time_bucket{of=\"a\",le=\"+Inf\"} 3\n",
            "time_sum{of=\"a\"} 20.000501\n",
            "time_count{of=\"a\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
