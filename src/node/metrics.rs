//! What the node counts beside its gauges: commits, and what replicas had to do.

use super::view::StoreView;
use crate::metrics::{Exposition, Kind};
use troupe_actors::replication::ReplicaCounts;
use troupe_actors::store::journalled::Commits;

pub(super) fn write(view: &StoreView, out: &mut Exposition) {
    let commits: Vec<Commits> = view.stores.iter().map(|store| store.journal_stats().commits).collect();
    let sum = |of: fn(&Commits) -> f64| commits.iter().map(of).sum::<f64>();
    let mut counter = |name, help, value| out.single(name, help, Kind::Counter, value);
    counter("troupe_commit_groups_total", "Groups of writes that became durable.", sum(|c| c.groups as f64));
    counter("troupe_commit_rows_total", "Rows in these groups.", sum(|c| c.rows as f64));
    counter(
        "troupe_commit_seconds_total",
        "Seconds that lanes spent on these groups, syncs included.",
        sum(|commits| commits.took.as_secs_f64()),
    );
    let ReplicaCounts { hedges, repairs, quorum_failures } = view.replicas.counts();
    counter("troupe_hedges_total", "Reads that asked one more replica, as others took long.", hedges as f64);
    counter("troupe_read_repairs_total", "Replicas that a read found behind.", repairs as f64);
    counter(
        "troupe_quorum_failures_total",
        "Reads and writes of items that too few replicas answered.",
        quorum_failures as f64,
    );
}
