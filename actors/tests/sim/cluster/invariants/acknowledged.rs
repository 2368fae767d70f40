use crate::cluster::world::Cluster;
use crate::invariants::Violation;
use crate::oracle::WriteId;

pub(crate) const DURABLE: &str =
    "an acknowledged write is durable at a majority of its replicas in every layout version";

/// A write is acknowledged at this moment that was meant for these sets of replicas.
pub(crate) fn check(cluster: &Cluster, sets: &[Vec<usize>], id: WriteId) -> Result<(), Violation> {
    let at = cluster.oracle.tried(id).item;
    let is_held = |node: &&usize| cluster.machines[**node].disk.held.of(at).known.contains(id);
    for replicas in sets {
        let holders = replicas.iter().filter(is_held).count();
        if holders <= replicas.len() / 2 {
            let what = format!("{id:?} is at {holders} of {replicas:?}");
            return Err(Violation { invariant: DURABLE, what });
        }
    }
    Ok(())
}
