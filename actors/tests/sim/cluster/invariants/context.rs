use crate::cluster::world::Cluster;
use crate::invariants::Violation;
use crate::keyspace::ItemIndex;
use crate::node::stored_item;
use crate::oracle::WriteId;
use troupe_actors::causality::{CLOSED, Context};

pub(crate) const TRUE: &str = "a replica claims to know nothing that it never took in";
pub(crate) const WHOLE: &str = "a replica at rest knows everything that it took in";

/// What a replica tells others of an item: the context of its state, filled with its shard clock.
fn claims(cluster: &Cluster, node: usize, at: ItemIndex) -> Option<Context> {
    let machine = &cluster.machines[node];
    let core = &machine.process.as_ref()?.shards[at.shard()];
    let mut context = core.clock().shown();
    let item = stored_item(&machine.disk, at.key()).unwrap_or_default();
    for branch in item.branches() {
        context.raise(branch.actor, branch.seen);
    }
    Some(context)
}

fn named<'c>(
    cluster: &'c Cluster,
    at: ItemIndex,
    context: &'c Context,
) -> impl Iterator<Item = (WriteId, bool)> {
    let dots = cluster.oracle.dots();
    let dots = dots.filter(move |(_, id)| cluster.oracle.tried(*id).item == at);
    dots.map(|(dot, id)| (id, context.covers(dot)))
}

/// Whatever a replica claims to know of an item, it knows. It may claim to know what clients were not promised and came
/// too late: nobody mints for an actor any more that it has closed.
pub(crate) fn check(cluster: &Cluster, node: usize, at: ItemIndex) -> Result<(), Violation> {
    let Some(context) = claims(cluster, node, at) else { return Ok(()) };
    let known = cluster.machines[node].disk.held.of(at).known;
    let promised = cluster.promises.of(at);
    let is_closed =
        |id: WriteId| cluster.oracle.tried(id).dot.is_some_and(|dot| context.time_of(dot.actor) == CLOSED);
    let is_late = |id: WriteId| is_closed(id) && !promised.contains(id);
    let mut claimed = named(cluster, at, &context).filter(|(_, is_claimed)| *is_claimed);
    match claimed.find(|(id, _)| !known.contains(*id) && !is_late(*id)) {
        None => Ok(()),
        Some((id, _)) => {
            let what = format!("node {node} claims to know {id:?} of {at:?}: {context:?}, known: {known:?}");
            Err(Violation { invariant: TRUE, what })
        }
    }
}

/// Nothing is under way: what a replica knows of an item, it claims to know.
pub(crate) fn check_at_rest(cluster: &Cluster, node: usize, at: ItemIndex) -> Result<(), Violation> {
    check(cluster, node, at)?;
    let Some(context) = claims(cluster, node, at) else { return Ok(()) };
    let known = cluster.machines[node].disk.held.of(at).known;
    match named(cluster, at, &context).find(|(id, is_claimed)| !*is_claimed && known.contains(*id)) {
        None => Ok(()),
        Some((id, _)) => {
            let what = format!("node {node} forgot {id:?} of {at:?}: {context:?}, known: {known:?}");
            Err(Violation { invariant: WHOLE, what })
        }
    }
}
