use crate::cluster::world::Cluster;
use crate::invariants::Violation;
use crate::oracle::WriteId;

pub(crate) const DURABLE: &str = "an acknowledged write is durable at a majority of its replicas";

/// A write is acknowledged at this moment.
pub(crate) fn check(cluster: &Cluster, shard: usize, id: WriteId) -> Result<(), Violation> {
    let at = cluster.oracle.tried(id).item;
    let replicas = cluster.replicas(shard);
    let holders = replicas.iter().filter(|node| cluster.machines[**node].disk.held.of(at).known.contains(id));
    let holders = holders.count();
    if holders > replicas.len() / 2 {
        return Ok(());
    }
    Err(Violation { invariant: DURABLE, what: format!("{id:?} is at {holders} of {replicas:?}") })
}
