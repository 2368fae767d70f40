//! What a run was and what came of it: a row to read, and a line of JSON for a table.

use serde_json::json;
use std::io::Write;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) faults: String,
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) seconds: u64,
    /// How often something was done to the cluster.
    pub(crate) strikes: usize,
    pub(crate) operations: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unknown: u64,
    /// The longest time without service while it could be expected.
    pub(crate) gap: Duration,
    /// From the end of the last fault until every pair of replicas was compared and found equal.
    pub(crate) equal_after: Option<Duration>,
    /// How many processes wanted the machine's cores in the last minute: with many more than cores, gaps are the machine's.
    pub(crate) load: String,
    pub(crate) violations: Vec<String>,
    /// Why faults could not be done, if so.
    pub(crate) not_done: Vec<String>,
}

impl Report {
    pub(crate) fn print(&self) {
        println!(
            "| faults | seed | nodes | seconds | strikes | operations | acknowledged | unknown | violations | longest gap | equal after | load |"
        );
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} s | {} | {} |",
            self.faults,
            self.seed,
            self.nodes,
            self.seconds,
            self.strikes,
            self.operations,
            self.acknowledged,
            self.unknown,
            self.violations.len(),
            self.gap.as_secs_f64(),
            self.equal_after.map_or("never".to_owned(), |after| format!("{:.1} s", after.as_secs_f64())),
            self.load,
        );
        self.not_done.iter().for_each(|why| println!("not done: {why}"));
        self.violations.iter().for_each(|violation| println!("BROKEN: {violation}"));
    }

    /// Adds a line to a file.
    pub(crate) fn append_to(&self, path: &str) -> std::io::Result<()> {
        let line = json!({
            "faults": self.faults,
            "seed": self.seed,
            "nodes": self.nodes,
            "seconds": self.seconds,
            "strikes": self.strikes,
            "operations": self.operations,
            "acknowledged": self.acknowledged,
            "unknown": self.unknown,
            "gap_ms": self.gap.as_millis() as u64,
            "equal_after_ms": self.equal_after.map(|after| after.as_millis() as u64),
            "load": self.load,
            "violations": self.violations,
            "not_done": self.not_done,
        });
        let mut file = std::fs::File::options().create(true).append(true).open(path)?;
        writeln!(file, "{line}")
    }
}
