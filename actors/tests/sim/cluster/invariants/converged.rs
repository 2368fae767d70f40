use crate::cluster::world::Cluster;
use crate::invariants::Violation;
use crate::keyspace::ItemIndex;
use crate::node::stored_item;
use std::collections::BTreeSet;

pub(crate) const EQUAL: &str = "replicas that were compared in calm are equal";
pub(crate) const GAINED: &str = "a replica that was compared with all others in calm has everything";
pub(crate) const SHORT: &str = "in calm, shard clocks know everything that was overwritten";

/// The replicas of an item hold the same values, and repeat nothing that their clocks say.
pub(crate) fn check(cluster: &Cluster, replicas: &[usize], at: ItemIndex) -> Result<(), Violation> {
    let item = |node: usize| stored_item(&cluster.machines[node].disk, at.key()).unwrap_or_default();
    let first = item(replicas[0]);
    for node in replicas {
        let other = item(*node);
        if other.state_hash() != first.state_hash() {
            let what = format!("{at:?} is {first:?} at node {} and {other:?} at node {node}", replicas[0]);
            return Err(Violation { invariant: EQUAL, what });
        }
        let process = cluster.machines[*node].process.as_ref();
        let clock = process.map(|process| process.shards[at.shard()].clock().shown()).unwrap_or_default();
        let mut stripped = other.clone();
        stripped.strip(&clock);
        // An actor that only an item at rest remembers is not looked after before somebody touches it.
        let mut tracked = stripped.branches().iter().filter(|branch| clock.time_of(branch.actor) > 0);
        if tracked.any(|branch| branch.newest_time() != Some(branch.seen)) {
            let what = format!("{at:?} at node {node}: {stripped:?}, clock {clock:?}");
            return Err(Violation { invariant: SHORT, what });
        }
    }
    Ok(())
}

/// Whoever gained a shard was compared with everybody who has it.
pub(crate) fn check_gained(gaining: &BTreeSet<(usize, usize)>) -> Result<(), Violation> {
    if gaining.is_empty() {
        return Ok(());
    }
    Err(Violation { invariant: GAINED, what: format!("nodes and shards: {gaining:?}") })
}
