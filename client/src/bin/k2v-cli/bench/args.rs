//! The arguments of `bench`.

use clap::Args;

use super::workload::Workload;

/// Measure how fast a server answers
///
/// Runs one workload after another: fills partitions of its own, warms up, measures, and deletes what it wrote (tombstones stay, as
/// after every deletion). Requests are signed ahead, so that this program costs little itself. The endpoint must be plain http: that of a
/// node itself.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure; everything if nothing is named
    #[arg(value_enum, value_name = "WORKLOAD")]
    pub(crate) workloads: Vec<Workload>,
    /// How many connections, each with one request at a time
    #[arg(short, long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// The length of a value
    #[arg(long, value_name = "BYTES", default_value = "256", value_parser = clap::value_parser!(u32).range(..=1_048_576))]
    pub(crate) value_size: u32,
    /// How many items there are to read
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) keys: u64,
    /// How long to measure each workload, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) duration: u64,
    /// Stop each workload after so many requests, if the time is not up before
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// How long to warm up before measuring, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) warm_up: u64,
    /// How many items a batch inserts
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) batch_size: u64,
    /// How many items a range reads; partitions are filled with so many
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) range_size: u64,
    /// How many of a hundred requests of the mixed workload are reads
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) read_share: u32,
    /// Check every value that is read, and read back every value that was written
    #[arg(long)]
    pub(crate) verify: bool,
    /// Leave what was written
    #[arg(long)]
    pub(crate) keep: bool,
}
